import { DatasetError } from "../core/error.js";
import type { TimedLabel } from "./event-table.js";
import { ascii } from "./mpeg-info.js";
import { checkEvents, type WrittenEvent } from "./write-events.js";

/** A cue point as `wavefile` lists it: milliseconds; `end` of a labelled region. */
interface CuePoint {
  position: number;
  end?: number;
  label?: string;
}

/**
 * Reads the cue points and labelled regions inside a wav, as digital audio workstations and Audacity write them. Points
 * without a label are called by their number.
 * @throws DatasetError "LABEL" where the file is no wav, or says that it has more points than fit into it
 */
export function readCues(bytes: Uint8Array, where: string): TimedLabel[] {
  const marks = marksAlone(bytes, where);
  const { WaveFile } = require("wavefile") as typeof import("wavefile");
  let points: CuePoint[];
  let rate: number;
  try {
    const wav = new WaveFile(marks);
    points = wav.listCuePoints() as CuePoint[];
    rate = (wav.fmt as { sampleRate: number }).sampleRate;
  } catch (cause) {
    throw new DatasetError("LABEL", `cue points: ${(cause as Error).message}, expected a wav (${where})`, [], {
      cause,
    });
  }
  // Milliseconds of whole samples.
  const seconds = (time: number): number => Math.round((time / 1000) * rate) / rate;
  return points.map(({ position, end, label }, i) => {
    const onset = seconds(position);
    return { onset, offset: Math.max(onset, seconds(end ?? position)), label: label || String(i + 1), line: 1 };
  });
}

/** Bytes of a point, and of what stands before the points of a chunk. */
const [POINT, COUNT] = [24, 4];
const DESCRIPTIONS = ["labl", "note", "ltxt"];

/**
 * A wav of the form, the cue points and their descriptions alone. `wavefile` copies all samples, makes as many points as a chunk
 * says it has, four billion if need be, and takes time that doubles with each list in the file.
 */
function marksAlone(bytes: Uint8Array, where: string): Uint8Array {
  const little = bytes[3] !== 0x58; // RIFX
  const kept = new Map<string, Uint8Array>();
  for (const { id, at, end } of chunksOf(bytes, 12, little)) {
    if (id === "cue " && end - at >= 8 + COUNT) checkCount(bytes, at, end, little, where);
    const isLabels = id === "LIST" && ascii(bytes, at + 8, 4) === "adtl";
    if (kept.has(id) || !(isLabels || id === "fmt " || id === "cue ")) continue;
    if (!isLabels) kept.set(id, bytes.subarray(at, end));
    else {
      const parts = [...chunksOf(bytes.subarray(0, end), at + 12, little)].filter((part) =>
        DESCRIPTIONS.includes(part.id),
      );
      const head = bytes.slice(at, at + 12);
      const size = parts.reduce((sum, part) => sum + part.end - part.at, 4);
      new DataView(head.buffer).setUint32(4, size, little);
      kept.set(id, Buffer.concat([head, ...parts.map((part) => bytes.subarray(part.at, part.end))]));
    }
  }
  return Buffer.concat([bytes.subarray(0, 12), ...kept.values(), chunk("data", new Uint8Array(0))]);
}

/** A chunk: where it stands with its head and the byte that pads it, and the bytes that it says it holds. */
interface Chunk {
  id: string;
  at: number;
  end: number;
  size: number;
}

/** The chunks from a place on. */
function* chunksOf(bytes: Uint8Array, from: number, little: boolean): Generator<Chunk> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = from; at + 8 <= bytes.length; ) {
    const size = view.getUint32(at + 4, little);
    const end = at + 8 + size + (size % 2);
    yield { id: ascii(bytes, at, 4), at, end: Math.min(end, bytes.length), size };
    at = end;
  }
}

function checkCount(bytes: Uint8Array, at: number, end: number, little: boolean, where: string): void {
  const count = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at + 8, little);
  const most = Math.max(0, Math.floor((end - at - 8 - COUNT) / POINT));
  if (count > most)
    throw new DatasetError(
      "LABEL",
      `cue points: ${count}, expected at most the ${most} that fit into their chunk (${where}); write the file again`,
    );
}

/**
 * A copy of a wav with events as its cue points and labelled regions, in the place of those that it has; all else stays as it is,
 * byte for byte. Times are those of the nearest sample.
 *
 * @param wav the bytes of a wav
 * @throws DatasetError "FORMAT" where it is none or damaged, "OPTION" for events that it can't hold
 * @example
 * const wav = encodeWav({ sampleRate: 16000, channels: 1, samples: new Int16Array(16000) });
 * writeFileSync("marked.wav", writeCues(wav, [{ onset: 0.5, offset: 1, label: "dog" }]));
 */
export function writeCues(wav: Uint8Array, events: readonly WrittenEvent[]): Uint8Array {
  checkEvents(events);
  const bytes = Buffer.from(wav.buffer, wav.byteOffset, wav.byteLength);
  const broken = (what: string): DatasetError =>
    new DatasetError("FORMAT", `wav: ${what}, expected RIFF … WAVE with whole chunks; write it again with writeAudio`);
  if (bytes.length < 12 || ascii(bytes, 0, 4) !== "RIFF" || ascii(bytes, 8, 4) !== "WAVE") throw broken("none");
  const kept: Uint8Array[] = [];
  let rate = 0;
  for (const { id, at, size } of chunksOf(bytes, 12, true)) {
    if (at + 8 + size > bytes.length) throw broken(`chunk ${JSON.stringify(id)} is cut short`);
    if (id === "fmt " && size >= 16) rate = bytes.readUInt32LE(at + 12);
    const marks = id === "cue " || (id === "LIST" && ascii(bytes, at + 8, 4) === "adtl");
    if (!marks) kept.push(chunk(id, bytes.subarray(at + 8, at + 8 + size)));
  }
  if (rate === 0) throw broken('no chunk "fmt "');
  const body = Buffer.concat([Buffer.from("WAVE"), ...kept, ...(events.length > 0 ? markChunks(events, rate) : [])]);
  if (body.length > 0xffffffff) throw new DatasetError("OPTION", `wav: ${body.length} bytes, expected at most 4 GiB`);
  return chunk("RIFF", body);
}

/** The chunk of cue points, and that of their names and lengths. */
function markChunks(events: readonly WrittenEvent[], rate: number): [Uint8Array, Uint8Array] {
  const sorted = [...events].sort((a, b) => a.onset - b.onset);
  const points = sorted.map(({ onset, offset }) => {
    const from = Math.round(onset * rate);
    return { from, length: Math.round(offset * rate) - from };
  });
  if (points.some(({ from, length }) => from + length > 0xffffffff)) {
    throw new DatasetError("OPTION", `event: beyond ${0xffffffff} samples, expected a time that a cue point can say`);
  }
  const cues = points.map(({ from }, i) => numbers([i + 1, from, DATA, 0, 0, from]));
  const names = sorted.map(({ label }, i) =>
    chunk("labl", Buffer.concat([numbers([i + 1]), Buffer.from(`${label}\0`, "utf8")])),
  );
  const lengths = points.flatMap(({ length }, i) =>
    length > 0 ? [chunk("ltxt", numbers([i + 1, length, REGION, 0, 0]))] : [],
  );
  return [
    chunk("cue ", Buffer.concat([numbers([points.length]), ...cues])),
    chunk("LIST", Buffer.concat([Buffer.from("adtl"), ...names, ...lengths])),
  ];
}

const DATA = Buffer.from("data").readUInt32LE(0);
const REGION = Buffer.from("rgn ").readUInt32LE(0);

function numbers(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt32LE(value, 4 * i);
  return bytes;
}

function chunk(id: string, data: Uint8Array): Buffer {
  const head = Buffer.from(`${id}\0\0\0\0`);
  head.writeUInt32LE(data.length, 4);
  return Buffer.concat([head, data, Buffer.alloc(data.length % 2)]);
}
