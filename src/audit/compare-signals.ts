import { createHash } from "node:crypto";
import { BYTES_PER_SAMPLE, type Encoding } from "../records/manifest.js";
import type { OpenShard } from "../records/open-shard.js";
import { MOST_LENGTH } from "../signal/fft.js";
import { likeness } from "../signal/likeness.js";
import { FINGERPRINT_SIZE, soundFingerprints } from "../signal/similarity.js";
import { type SimilarTask, similarPairs } from "./similar-pairs.js";
import { decodeSamples } from "../records/read-example.js";
import { decodeFlac } from "../records/read-flac.js";
import { READ_FIELDS, readInto } from "../records/read-into.js";
import { type FetchTask, fetchRecords } from "../storage/fetch-records.js";

/** Signals in shards: five columns per signal. */
export interface SignalSource {
  shards: Record<number, OpenShard>;
  opened: string;
  encoding: Encoding;
  channels: number;
  sampleRate: number;
  /** Shard, position and bytes of each signal, one after the other, and how many bytes its samples have: FLAC has fewer. */
  places: Float64Array;
  /** Where the shards lie elsewhere: what is fetched first. */
  fetch?: FetchTask | undefined;
}

/** Of a longer signal the first seconds are compared for similarity (fewer above 88 kHz); all of it is hashed. */
export const HEARD_SECONDS = 10;

const PLACE_FIELDS = 4;
let scratch = new Uint8Array(0);

/** One for the most that a number of a fingerprint can be. */
const FULL = 65535;

/** Of some signals. */
export interface Fingerprints {
  /** Hash of all samples; a signal of zeros has the hash "". */
  hashes: string[];
  /** Fingerprints, in 16 bits per number. */
  vectors: Uint16Array;
}

/** Hashes signals and takes their fingerprints. */
export async function fingerprintSignals(source: SignalSource & { cuts: readonly number[] }): Promise<Fingerprints> {
  if (source.fetch) await fetchRecords(source.fetch);
  const count = source.places.length / PLACE_FIELDS;
  const hashes: string[] = [];
  const size = fingerprintsOf(source.cuts) * FINGERPRINT_SIZE;
  const vectors = new Uint16Array(count * size);
  eachSignal(source, Infinity, (bytes, i) => {
    const silent = bytes.every((byte) => byte === 0);
    hashes.push(silent ? "" : createHash("sha256").update(bytes).digest("hex"));
    if (silent) return;
    const found = soundFingerprints(heard(bytes, source), source.sampleRate || 16000, source.cuts);
    for (let k = 0; k < size; k++) vectors[i * size + k] = Math.round(FULL * found[k]!);
  });
  return { hashes, vectors };
}

/** How many fingerprints a signal has: of all of it, and two for each cut. */
export function fingerprintsOf(cuts: readonly number[]): number {
  return 1 + 2 * cuts.length;
}

/** Finds what may be alike. */
export function findSimilar(task: SimilarTask): Uint32Array {
  return similarPairs(task);
}

/** Numbers of each pair that `comparePairs` gives: score, shift in samples, and 1 where one is in the other whole. */
export const PAIR_FIELDS = 3;

/** Compares pairs of signals, 2k with 2k + 1. */
export async function comparePairs(source: SignalSource & { maxShift: number }): Promise<Float64Array> {
  if (source.fetch) await fetchRecords(source.fetch);
  const out: number[] = [];
  let first = new Float32Array(0);
  // At high rates fewer seconds: signal and shift must fit into one transform.
  const fitting = Math.max(MOST_LENGTH / 2, MOST_LENGTH - source.maxShift - 1);
  const samplesHeard = Math.min(HEARD_SECONDS * (source.sampleRate || 16000), fitting);
  const bytesHeard = samplesHeard * source.channels * BYTES_PER_SAMPLE[source.encoding];
  const isCut = (i: number): boolean => source.places[i * PLACE_FIELDS + 3]! > bytesHeard;
  eachSignal(source, bytesHeard, (bytes, i) => {
    const samples = heard(bytes, source);
    if (i % 2 === 0) {
      first = samples.slice();
      return;
    }
    const cut = [isCut(i - 1), isCut(i)] as const;
    const { score, shift, whole } = likeness(first, samples, source.sampleRate || 16000, source.maxShift, cut);
    out.push(score, shift, whole ? 1 : 0);
  });
  return Float64Array.from(out);
}

/** Reads the signals, up to `most` bytes of each, in runs of a few megabytes. */
function eachSignal(source: SignalSource, most: number, visit: (bytes: Uint8Array, i: number) => void): void {
  const { places } = source;
  const count = places.length / PLACE_FIELDS;
  const flac = source.encoding === "flac";
  const bytesOf = (i: number): number => Math.min(flac ? Infinity : most, places[i * PLACE_FIELDS + 2]!);
  for (let from = 0; from < count; ) {
    const reads: number[] = [];
    let bytes = 0;
    let to = from;
    while (to < count && (to === from || bytes + bytesOf(to) <= 4 << 20)) {
      reads.push(places[to * PLACE_FIELDS]!, places[to * PLACE_FIELDS + 1]!, bytesOf(to), bytes, bytesOf(to));
      bytes += Math.ceil(bytesOf(to) / 8) * 8;
      to++;
    }
    if (scratch.length < bytes) scratch = new Uint8Array(bytes);
    readInto(scratch, { shards: source.shards, opened: source.opened, reads: Float64Array.from(reads) });
    for (let i = from; i < to; i++) {
      const at = reads[(i - from) * READ_FIELDS + 3]!;
      const bytes = scratch.subarray(at, at + bytesOf(i));
      visit(flac ? bytesOfFlac(bytes, most / (2 * source.channels)) : bytes, i);
    }
    from = to;
  }
}

/** A FLAC's samples, at most as many as are wanted, as `pcm16` stores them. */
function bytesOfFlac(stored: Uint8Array, most: number): Uint8Array {
  const { buffer, byteOffset, byteLength } = decodeFlac(stored, most);
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** The mean of the channels of the first seconds. */
function heard(bytes: Uint8Array, { encoding, channels, sampleRate }: SignalSource): Float32Array {
  const most = HEARD_SECONDS * (sampleRate || 16000) * channels * BYTES_PER_SAMPLE[encoding];
  const samples = decodeSamples(bytes.subarray(0, most), encoding === "flac" ? "pcm16" : encoding);
  if (channels === 1) return samples;
  const mono = new Float32Array(Math.floor(samples.length / channels));
  for (let i = 0; i < samples.length; i++) {
    const frame = Math.floor(i / channels);
    mono[frame] = mono[frame]! + samples[i]! / channels;
  }
  return mono;
}
