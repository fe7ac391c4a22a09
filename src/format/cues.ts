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
 * @throws DatasetError "LABEL" where the file is no wav
 */
export function readCues(bytes: Uint8Array, where: string): TimedLabel[] {
  const { WaveFile } = require("wavefile") as typeof import("wavefile");
  let points: CuePoint[];
  let rate: number;
  try {
    const wav = new WaveFile(bytes);
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
    new DatasetError("FORMAT", `wav: ${what}, expected RIFF … WAVE with whole chunks; write it anew with writeAudio`);
  if (bytes.length < 12 || ascii(bytes, 0, 4) !== "RIFF" || ascii(bytes, 8, 4) !== "WAVE") throw broken("none");
  const kept: Uint8Array[] = [];
  let rate = 0;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const id = ascii(bytes, at, 4);
    const size = bytes.readUInt32LE(at + 4);
    if (at + 8 + size > bytes.length) throw broken(`chunk ${JSON.stringify(id)} is cut short`);
    const end = at + 8 + size + (size % 2);
    if (id === "fmt " && size >= 16) rate = bytes.readUInt32LE(at + 12);
    const marks = id === "cue " || (id === "LIST" && ascii(bytes, at + 8, 4) === "adtl");
    if (!marks) kept.push(chunk(id, bytes.subarray(at + 8, at + 8 + size)));
    at = end;
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
