import { openToRead } from "../system/open-to-read.js";
import { notFinite, toInt16 } from "../core/samples.js";
import { closeSync, fstatSync } from "node:fs";
import { join } from "node:path";
import { convertAudio } from "../audio/convert.js";
import { decodeIntactFlac, encodeFlac, type FlacStream } from "../audio/encode-flac.js";
import { decodeAudio } from "../audio/read-audio.js";
import { DatasetError } from "../core/error.js";
import { soundIn } from "../core/names.js";
import { bareFlac } from "../format/flac.js";
import { crc32c, joinCrc32c } from "../format/crc32c.js";
import type { Feature } from "../format/example.js";
import { toFloat16 } from "../original/float16.js";
import { denseLabels } from "../format/events.js";
import { eventLabels, readLabels } from "../format/labels.js";
import type { KeyLabels } from "../format/keys.js";
import { type Audio, toFloat32 } from "../format/wav.js";
import type { Encoding, ShardEntry, Sources } from "../records/manifest.js";
import { blocksOf, type BuiltExample } from "../records/shard-index.js";
import type { Fetched } from "../storage/fetch-file.js";
import { fillFrom } from "../system/read-bytes.js";
import type { RecipeRow } from "../generate/recipe.js";
import { emptyRow, renderInto } from "../generate/render-pair.js";
import type { ShardTask } from "./shard-request.js";
import { noteFile } from "../system/noted-file.js";
import { fileError } from "../system/atomic-file.js";
import { isPart, type Row, rowName } from "../core/rows.js";
import type { PlanHead } from "../records/plan.js";
import { originalFrameCount, padRows } from "../original/padding.js";

/** Samples as they lie in a source file's buffer, and their checksum. */
interface SourcePiece {
  buffer: ArrayBufferLike;
  byteOffset: number;
  byteLength: number;
  crc: number;
}

/** Reads a shard's source files and keeps their fingerprints; or renders them, where there is a recipe. */
export class SourceReader {
  /** Of the key csvs with a row per frame, the one with the fewest rows for its samples per channel. */
  sparsestKeys: ShardEntry["sparsestKeys"];
  /** Where samples are stored as FLAC: what the index says of the row's. */
  blocks: BuiltExample["blocks"];
  /** Of the key csvs that count frames, the one whose last time stamp is the largest for its samples per channel. */
  latestKeys: ShardEntry["latestKeys"];
  readonly sources: Sources = { path: [], bytes: [], mtimeMs: [], ctimeMs: [], crc32c: [] };
  private scratch: [Buffer, Buffer] = [Buffer.allocUnsafe(1 << 16), Buffer.allocUnsafe(1 << 16)];
  private decoded: [Int16Array, Int16Array] = [new Int16Array(0), new Int16Array(0)];
  private rendered: [Int16Array, Int16Array] | undefined;
  private readonly pieces: (SourcePiece | undefined)[] = [];
  /** FLACs that are stored as they are, by the samples in them. */
  private readonly streams = new WeakMap<Audio["samples"], FlacStream>();
  /** The files read last, for rows that are parts of one. */
  private readonly last: ({ file: string; audio: Audio } | undefined)[] = [];

  /** @param fetched the sources at addresses */
  constructor(
    private readonly task: ShardTask,
    private readonly fetched: ReadonlyMap<string, Fetched>,
  ) {
    if (fetched.size > 0) this.sources.version = [];
  }

  /** The audio of a row. It may lie in a buffer that the next row overwrites. */
  async audio(row: Row): Promise<{ input: Audio; target?: Audio }> {
    const { source, head } = this.task;
    if ("recipe" in source) {
      this.rendered ??= emptyRow(source.recipe);
      const [input, target] = this.rendered;
      renderInto(source.recipe, row as RecipeRow, input, target);
      const form = { sampleRate: source.recipe.sampleRate, channels: 1 };
      return { input: { ...form, samples: input }, target: { ...form, samples: target } };
    }
    const input = await this.part(soundIn(source.inputFolder, row.input), 0, row);
    if (head.kind !== "pairs") return { input };
    return { input, target: await this.part(soundIn(source.targetFolder, row.target ?? ""), 1, row) };
  }

  /** The part of a file that a row is. Rows of one file, one after the other, read it once. */
  private async part(file: string, slot: 0 | 1, row: Row): Promise<Audio> {
    const { start, end } = row;
    const known = this.last[slot];
    const whole = !isPart(row);
    const audio = !whole && known?.file === file ? known.audio : await this.decode(file, slot);
    this.last[slot] = whole ? undefined : { file, audio };
    if (whole) return audio;
    const { sampleRate, channels, samples } = audio;
    const place = (time: number): number => channels * Math.round(time * sampleRate);
    const part = samples.subarray(place(start ?? 0), end === undefined ? samples.length : place(end));
    if (part.length > 0) return { sampleRate, channels, samples: part };
    const length = samples.length / channels / sampleRate;
    const found = `part ${start ?? 0} to ${end ?? length} s: empty`;
    throw new DatasetError("CHECK", `${found}, expected a part of the sound's ${length} s (${file}, line ${row.line})`);
  }

  /** The checksum of samples that are stored as they lie in their file; undefined of other bytes. */
  knownCrc(bytes: Uint8Array): number | undefined {
    const same = (p: SourcePiece | undefined): boolean =>
      p?.buffer === bytes.buffer && p.byteOffset === bytes.byteOffset && p.byteLength === bytes.byteLength;
    return this.pieces.find(same)?.crc;
  }

  /** A side's samples as FLAC: the source's own where it is one of these samples, else encoded. */
  flac(audio: Audio, side: "input" | "target", row: Row): Uint8Array {
    const samples = audio.samples instanceof Int16Array ? audio.samples : toInt16(audio.samples);
    const { bytes, head, sizes } =
      this.streams.get(audio.samples) ?? encodeFlac(samples, audio, `${side} of ${rowName(row)}`);
    this.blocks = { ...(side === "target" ? this.blocks : {}), [side]: blocksOf(head, sizes) };
    return bytes;
  }

  /** Bytes of a label file; valid until the next use of slot 1. */
  labels(file: string): Uint8Array {
    const bytes = this.read(file, 1);
    this.sources.crc32c.push(crc32c(bytes));
    return bytes;
  }

  /** Keeps which key csvs have the fewest rows and the latest, so that loading can compare them with its frames. */
  sawKeys(file: string, { perFrame, rows, last }: KeyLabels, samples: number): void {
    const { sparsestKeys: least, latestKeys: late } = this;
    if (perFrame && (!least || rows * least.samples < least.rows * samples))
      this.sparsestKeys = { file, rows, samples };
    if (last === undefined) return;
    if (!late || last * late.samples > late.time * samples) this.latestKeys = { file, time: last, samples };
  }

  /** Keeps the checksum of a whole audio file, and that of its samples where they lie in it as they are. */
  private fingerprint(bytes: Uint8Array, samples: Int16Array | Float32Array, slot: 0 | 1): void {
    const { buffer, byteOffset, byteLength } = samples;
    this.pieces[slot] = undefined;
    if (buffer !== bytes.buffer) {
      this.sources.crc32c.push(crc32c(bytes));
      return;
    }
    const from = byteOffset - bytes.byteOffset;
    const to = from + byteLength;
    const crc = crc32c(bytes, from, to);
    this.pieces[slot] = { buffer, byteOffset, byteLength, crc };
    this.sources.crc32c.push(crc32c(bytes, to, bytes.length, joinCrc32c(crc32c(bytes, 0, from), crc, byteLength)));
  }

  /** Bytes of a source, relative to the dataset's folder or at an address; valid until the slot's next use. */
  private read(file: string, slot: 0 | 1): Uint8Array {
    const fetched = this.fetched.get(file);
    const path = fetched?.path ?? join(this.task.directory, file);
    noteFile(fetched ? file : path);
    let fd: number;
    try {
      fd = openToRead(path);
    } catch (error) {
      throw fileError(error, path);
    }
    try {
      const { size, mtimeMs, ctimeMs } = fstatSync(fd);
      if (size > this.scratch[slot].length) this.scratch[slot] = Buffer.allocUnsafe(size * 1.25);
      const buffer = this.scratch[slot];
      const bytes = buffer.subarray(0, size);
      const got = fillFrom(fd, bytes, 0);
      if (got < size)
        throw new DatasetError("FILE", `${path}: ${got} bytes, expected ${size}; the file changed while it was read`);
      this.sources.path.push(file);
      this.sources.bytes.push(size);
      this.sources.mtimeMs.push(fetched ? 0 : mtimeMs);
      this.sources.ctimeMs.push(fetched ? 0 : ctimeMs);
      this.sources.version?.push(fetched?.version ?? "");
      return bytes;
    } catch (error) {
      throw fileError(error, path);
    } finally {
      closeSync(fd);
    }
  }

  /** Room for the samples of a FLAC; valid until the slot's next use. */
  private memory(samples: number, slot: 0 | 1): Int16Array {
    if (samples > this.decoded[slot].length) this.decoded[slot] = new Int16Array(samples * 1.25);
    return this.decoded[slot].subarray(0, samples);
  }

  private async decode(file: string, slot: 0 | 1): Promise<Audio> {
    const { head } = this.task;
    const bytes = this.read(file, slot);
    const flac = await decodeIntactFlac(bytes, (samples) => this.memory(samples, slot));
    const decoded = flac
      ? { ...flac.head, samples: flac.samples }
      : await decodeAudio(bytes, file, { onDamaged: head.onDamaged });
    this.fingerprint(bytes, decoded.samples, slot);
    const broken = notFinite(decoded.samples, decoded.channels);
    if (broken !== undefined) throw new DatasetError("CHECK", `${broken} (${file})`);
    const audio = convertAudio(decoded, head.convert);
    if (flac && head.encoding === "flac" && audio === decoded) {
      this.streams.set(audio.samples, { ...bareFlac(bytes, flac.head), sizes: flac.sizes });
    }
    if (audio.sampleRate !== head.sampleRate) {
      throw new DatasetError("CHECK", `sample rate: ${audio.sampleRate}, expected ${head.sampleRate} (${file})`);
    }
    if (audio.channels !== head.channels) {
      throw new DatasetError("CHECK", `channels: ${audio.channels}, expected ${head.channels} (${file})`);
    }
    return audio;
  }
}

const utf8 = new TextEncoder();

/**
 * The features of one example. float16 has the original's and no others; the other encodings add `id`, `name`,
 * `sample_rate` and, where it is known, `group`.
 */
export async function rowFeatures(head: PlanHead, row: Row, reader: SourceReader): Promise<Record<string, Feature>> {
  const { input, target } = await reader.audio(row);
  const bytesOf = (audio: Audio, side: "input" | "target"): Uint8Array =>
    head.encoding === "flac" ? reader.flac(audio, side, row) : sampleBytes(audio, head.encoding);
  const stored = bytesOf(input, "input");
  const labels = labelFeatures(head, row, input, reader);
  // The original happens to write labels of frames before the samples, which it pads.
  if (head.encoding === "float16" && head.kind === "frames") {
    return { ...labels, a_in: bytesFeature(padRows(stored, head.inputSize! * head.channels)) };
  }
  const features: Record<string, Feature> = { a_in: bytesFeature(stored) };
  if (target) features.a_out = bytesFeature(bytesOf(target, "target"));
  Object.assign(features, labels);
  if (head.encoding === "float16") return features;
  if (row.group !== undefined) features.group = bytesFeature(utf8.encode(row.group));
  features.id = { kind: "int64", values: [row.id] };
  features.name = bytesFeature(utf8.encode(rowName(row)));
  features.sample_rate = { kind: "int64", values: [head.sampleRate] };
  return features;
}

function labelFeatures(head: PlanHead, row: Row, audio: Audio, reader: SourceReader): Record<string, Feature> {
  if (head.kind === "frames") return frameFeatures(head, row, audio, reader);
  if (head.kind === "pairs") return {};
  const values = row.values ?? [];
  if (values.length !== head.width) {
    throw new DatasetError(
      "LABEL",
      `labels: ${values.length}, expected ${head.width} (line ${row.line}, ${row.input})`,
    );
  }
  if (head.kind === "values") return { b_val: { kind: "float", values: Float32Array.from(values) } };
  const indices = values.flatMap((value, i) => (value === 0 ? [] : [i]));
  return {
    b_ind: { kind: "int64", values: indices },
    b_val: { kind: "float", values: Float32Array.from(indices, (i) => values[i]!) },
  };
}

function frameFeatures(head: PlanHead, row: Row, audio: Audio, reader: SourceReader): Record<string, Feature> {
  const { sampleRate, inputSize } = head;
  const where = row.keys ?? "";
  const samples = audio.samples.length / head.channels;
  const keys = row.events
    ? eventLabels(row.events, sampleRate, head.labels ?? [])
    : readLabels(reader.labels(where), where, { ...head.labelOptions, sampleRate, samples, inputSize });
  if (keys.labels.length !== head.width) {
    throw new DatasetError(
      "LABEL",
      `features: ${keys.labels.length}, expected ${head.width} as in the first key file (${where})`,
    );
  }
  if (keys.timeUnit !== head.timeUnit) {
    throw new DatasetError(
      "LABEL",
      `time stamps: in ${keys.timeUnit}, expected ${head.timeUnit} as in the first key file (${where})`,
    );
  }
  reader.sawKeys(where, keys, samples);
  const { events } = keys;
  if (head.encoding === "float16") {
    const frames = originalFrameCount(samples, inputSize!);
    const dense = denseLabels(events, {
      frames,
      features: head.width!,
      inputSize: inputSize!,
      timeUnit: keys.timeUnit,
    });
    return { b_val: { kind: "float", values: dense } };
  }
  return {
    b_ind: { kind: "int64", values: Array.from(events.feature) },
    b_off: { kind: "int64", values: Array.from(events.off) },
    b_on: { kind: "int64", values: Array.from(events.on) },
    b_val: { kind: "float", values: Float32Array.from(events.value) },
  };
}

function bytesFeature(value: Uint8Array): Feature {
  return { kind: "bytes", values: [value] };
}

/** Samples as they are stored; a view of the audio's own memory where that is possible. */
function sampleBytes({ samples }: Audio, encoding: Exclude<Encoding, "flac">): Uint8Array {
  if (encoding === "float16") return toFloat16(samples);
  const stored =
    encoding === "float32" ? toFloat32(samples) : samples instanceof Int16Array ? samples : toInt16(samples);
  return new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
}
