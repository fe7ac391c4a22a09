import { createHash } from "node:crypto";
import { DatasetError } from "../core/error.js";
import { bareFlac, decodeFlacBlocks, type FlacHead, readFlacHead } from "../format/flac.js";
import type { Audio } from "../format/wav.js";
import { nextTurn } from "../system/event-loop.js";
import { hasLibsndfile, noLibsndfile } from "./libsndfile.js";
import { memorySink } from "./memory-sink.js";
import { createNative } from "./native-file.js";

/** A FLAC of 16-bit samples, without tags. */
export interface FlacStream {
  bytes: Uint8Array;
  head: FlacHead;
  /** Bytes of each of its blocks. */
  sizes: number[];
}

/** SF_FORMAT_FLAC with SF_FORMAT_PCM_16. */
const FLAC16 = 0x170002;

/**
 * Encodes 16-bit samples, channels interleaved, as FLAC by libsndfile, and decodes them again: the samples are as they were.
 * @param where what the error names
 * @throws DatasetError "OPTION" for a rate or a number of channels that FLAC doesn't have, "ENVIRONMENT" without libsndfile
 */
export function encodeFlac(
  samples: Int16Array,
  { sampleRate, channels }: Pick<Audio, "sampleRate" | "channels">,
  where: string,
): FlacStream {
  const sink = memorySink();
  const writer = createNative(sink, { sampleRate, channels, format: FLAC16 });
  if (!writer) throw hasLibsndfile() ? noForm(sampleRate, channels, where) : noLibsndfile(where);
  let written = false;
  let closed = false;
  try {
    written = writer.write(samples);
  } finally {
    closed = writer.close();
  }
  const head = written && closed ? readFlacHead(sink.bytes()) : undefined;
  if (head) {
    const decoded = new Int16Array(samples.length);
    const bare = bareFlac(sink.bytes(), head);
    const sizes: number[] = [];
    const end = decodeFlacBlocks(bare.bytes, { ...bare.head, from: bare.head.first }, decoded, sizes);
    if (end === bare.bytes.length && bytesOf(decoded).equals(bytesOf(samples))) return { ...bare, sizes };
  }
  throw new DatasetError("FORMAT", `FLAC: libsndfile did not write the samples as they are (${where}); use "pcm16"`);
}

function noForm(sampleRate: number, channels: number, where: string): DatasetError {
  const message = `encoding "flac": ${channels} channels at ${sampleRate} Hz, expected at most 8 channels and 655,350 Hz (${where}); use "pcm16", or convert`;
  return new DatasetError("OPTION", message);
}

function bytesOf({ buffer, byteOffset, byteLength }: Int16Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** Samples for which memory is taken at once, because a header says so. */
const MOST_AT_ONCE = 1 << 28;
/** Samples that are decoded between two turns of the event loop. */
const TURN = 1 << 20;

/** A FLAC file of 16 bits that is whole, decoded. */
export interface IntactFlac {
  samples: Int16Array;
  head: FlacHead;
  sizes: number[];
}

/**
 * Decodes a FLAC file of 16-bit samples that is as it should be: every block in its place, nothing behind the last, and the samples
 * those that its MD5 was taken of. Undefined of every other file: `decodeAudio` reads it, or says what is wrong with it.
 * @param memory makes an array of a number of samples
 */
export async function decodeIntactFlac(
  bytes: Uint8Array,
  memory: (samples: number) => Int16Array,
): Promise<IntactFlac | undefined> {
  const head = readFlacHead(bytes);
  if (!head || /^0+$/.test(head.md5) || head.samples * head.channels > MOST_AT_ONCE) return undefined;
  const samples = memory(head.samples * head.channels);
  const hash = createHash("md5");
  const sizes: number[] = [];
  const step = head.channels * head.block * Math.max(1, Math.floor(TURN / head.channels / head.block));
  let at = head.first;
  for (let done = 0; done < samples.length; done += step) {
    if (done > 0) await nextTurn();
    const part = samples.subarray(done, done + step);
    at = decodeFlacBlocks(bytes, { ...head, from: at }, part, sizes);
    if (at < 0) return undefined;
    hash.update(bytesOf(part));
  }
  return at === bytes.length && hash.digest("hex") === head.md5 ? { samples, head, sizes } : undefined;
}
