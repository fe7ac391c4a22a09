import { extname } from "node:path";
import { DatasetError } from "../core/error.js";
import { checkKnown, type OptionNames } from "../core/known-options.js";
import { notFinite } from "../core/samples.js";
import { checkAudio } from "../format/wav.js";
import { writeWhole } from "../system/atomic-file.js";
import { hasLibsndfile, noLibsndfile } from "./libsndfile.js";
import { memorySink } from "./memory-sink.js";
import { createNative, type NativeWriter } from "./native-file.js";
import { addWavMarks, type WavCue } from "./wav-marks.js";

/** How samples are stored in a file: integers of 16, 24 or 32 bits, or floats. */
export type AudioEncoding = "pcm16" | "pcm24" | "pcm32" | "float32";

/** Options of `writeAudio`. */
export interface WriteAudioOptions {
  /** In Hz. */
  sampleRate: number;
  /** Channels, interleaved in the samples. Default 1. */
  channels?: number | undefined;
  /** Default: pcm16 of an Int16Array; of a Float32Array float32 in a wav, pcm24 in FLAC. Ogg Vorbis has none. */
  encoding?: AudioEncoding | undefined;
  /** What happens to floats beyond -1 to 1 that become integers: an error (default), or the nearest that can be stored. */
  outOfRange?: "refuse" | "clip" | undefined;
  /** Wav only: tags by their four letters in the list INFO, for example `{ INAM: "title", IART: "artist", ICMT: "comment" }`. */
  tags?: Readonly<Record<string, string>> | undefined;
  /** Wav only: marked places. */
  cues?: readonly WavCue[] | undefined;
}

/** libsndfile's SF_FORMAT of containers and encodings. */
const CONTAINERS: Record<string, number> = { ".wav": 0x010000, ".flac": 0x170000, ".ogg": 0x200000 };
const ENCODINGS: Record<AudioEncoding, number> = { pcm16: 2, pcm24: 3, pcm32: 4, float32: 6 };
const RF64 = 0x220000;
const VORBIS = 0x60;
const BITS: Partial<Record<AudioEncoding, number>> = { pcm16: 16, pcm24: 24, pcm32: 32 };
/** SFC_SET_ADD_PEAK_CHUNK: a chunk with the time of day, by which equal sounds would make unequal files. */
const SET_ADD_PEAK_CHUNK = 0x1050;
/** Samples that are handed over at a time; libsndfile's Vorbis encoder overflows its stack with very many. */
const PART = 1 << 14;

/**
 * Writes an audio file whole or not at all: wav, FLAC or Ogg Vorbis by the ending of its name (`.wav`, `.flac`, `.ogg`).
 *
 * Integers become what `readAudio` makes floats of: n bits are a float times 2^(n-1), rounded. A wav of more than 4 GiB is RF64.
 * @param samples floats of full scale -1 to 1, or integers of 16 bits; channels interleaved
 * @throws DatasetError "OPTION" for what can't be stored in the file: samples beyond full scale or not finite, another ending, no rate,
 * a length that is no multiple of the channels; "ENVIRONMENT" without libsndfile, "FILE" where it can't be written
 * @example await writeAudio("out.flac", new Float32Array(16000), { sampleRate: 16000, encoding: "pcm16" });
 */
export async function writeAudio(
  path: string,
  samples: Float32Array | Int16Array,
  options: WriteAudioOptions,
): Promise<void> {
  checkOptions(options);
  const { sampleRate, channels = 1, tags, cues } = options;
  const ending = extname(path).toLowerCase();
  const container = CONTAINERS[ending];
  if (container === undefined) throw refusal(`ending ${JSON.stringify(ending)}`, "expected .wav, .flac or .ogg", path);
  checkAudio({ sampleRate, channels, samples }, path);
  const broken = notFinite(samples, channels);
  if (broken !== undefined) throw new DatasetError("OPTION", `${broken} (${path})`);
  const encoding = encodingFor(ending, samples, options.encoding, path);
  checkForm(ending, { sampleRate, channels, length: samples.length }, path);
  if ((tags || cues) && ending !== ".wav") throw refusal("tags and cues", "expected them for a .wav alone", path);
  const large = ending === ".wav" && 4 * samples.length > 0xfffff000;
  const format = (large ? RF64 : container) | (encoding ? ENCODINGS[encoding] : VORBIS);
  const sink = memorySink();
  const writer = createNative(sink, { sampleRate, channels, format });
  if (!writer) throw noWriter(`${channels} channels at ${sampleRate} Hz as ${encoding ?? "Vorbis"}`, path);
  let written = false;
  let closed = false;
  try {
    writer.command(SET_ADD_PEAK_CHUNK, 0);
    written = writeParts(writer, samples, encoding, options, path);
  } finally {
    closed = writer.close();
  }
  if (!written || !closed) throw new DatasetError("FILE", `${path}: libsndfile could not write it`);
  const bytes = sink.bytes();
  const duration = samples.length / channels / sampleRate;
  await writeWhole(path, tags || cues ? addWavMarks(bytes, { tags, cues }, duration, path) : bytes);
}

/** What libsndfile's encoders take; beyond that of Vorbis they crash, and of no samples they write no FLAC. */
const MOST_RATE: Record<string, number> = { ".wav": 0x7fffffff, ".flac": 655350, ".ogg": 200000 };
const MOST_CHANNELS: Record<string, number> = { ".wav": 1024, ".flac": 8, ".ogg": 255 };

function checkForm(
  ending: string,
  { sampleRate, channels, length }: { sampleRate: number; channels: number; length: number },
  path: string,
): void {
  const [rate, most] = [MOST_RATE[ending]!, MOST_CHANNELS[ending]!];
  if (sampleRate > rate) throw refusal(`sampleRate: ${sampleRate}`, `expected at most ${rate} for ${ending}`, path);
  if (channels > most) throw refusal(`channels: ${channels}`, `expected at most ${most} for ${ending}`, path);
  if (length === 0 && ending !== ".wav") throw refusal("samples: none", `expected some for ${ending}`, path);
}

function encodingFor(
  ending: string,
  samples: Float32Array | Int16Array,
  asked: AudioEncoding | undefined,
  path: string,
): AudioEncoding | undefined {
  if (ending === ".ogg") {
    if (asked !== undefined) throw refusal(`encoding: "${asked}"`, "expected none, Vorbis stores no samples", path);
    return undefined;
  }
  const usual = samples instanceof Int16Array ? "pcm16" : ending === ".wav" ? "float32" : "pcm24";
  const encoding = asked ?? usual;
  if (!Object.hasOwn(ENCODINGS, encoding)) {
    throw refusal(`encoding: ${JSON.stringify(encoding)}`, `expected ${Object.keys(ENCODINGS).join(", ")}`, path);
  }
  if (ending === ".flac" && encoding !== "pcm16" && encoding !== "pcm24") {
    throw refusal(`encoding: "${encoding}"`, "expected pcm16 or pcm24 for FLAC", path);
  }
  return encoding;
}

function writeParts(
  writer: NativeWriter,
  samples: Float32Array | Int16Array,
  encoding: AudioEncoding | undefined,
  { channels = 1, outOfRange = "refuse" }: WriteAudioOptions,
  path: string,
): boolean {
  const bits = encoding === undefined ? undefined : BITS[encoding];
  const step = PART - (PART % channels) || channels;
  for (let at = 0; at < samples.length; at += step) {
    const part = samples.subarray(at, at + step);
    if (outOfRange === "refuse" && encoding !== "float32" && part instanceof Float32Array) {
      const beyond = part.findIndex((value) => Math.abs(value) > 1);
      if (beyond >= 0) {
        const where = `sample of frame ${Math.floor((at + beyond) / channels)}: ${part[beyond]}`;
        throw refusal(where, 'expected -1 to 1; pass outOfRange: "clip", or encoding: "float32"', path);
      }
    }
    if (!writer.write(bits === undefined ? floatsOf(part, encoding) : integersOf(part, bits))) return false;
  }
  return true;
}

function floatsOf(part: Float32Array | Int16Array, encoding: AudioEncoding | undefined): Float32Array {
  if (part instanceof Int16Array) return Float32Array.from(part, (value) => value / 32768);
  return encoding === "float32" ? part : part.map((value) => Math.max(-1, Math.min(1, value)));
}

/** Integers of `bits` bits in the upper ones of 32, as libsndfile takes them. */
function integersOf(part: Float32Array | Int16Array, bits: number): Int32Array {
  if (part instanceof Int16Array) return Int32Array.from(part, (value) => value << 16);
  const scale = 2 ** (bits - 1);
  const unit = 2 ** (32 - bits);
  return Int32Array.from(part, (value) => Math.max(-scale, Math.min(scale - 1, Math.round(value * scale))) * unit);
}

const OPTIONS: OptionNames<WriteAudioOptions> = {
  ...{ sampleRate: true, channels: true, encoding: true, outOfRange: true, tags: true, cues: true },
};

function checkOptions(options: WriteAudioOptions): void {
  checkKnown("writeAudio", options, OPTIONS);
  const { outOfRange = "refuse" } = options;
  if (outOfRange !== "refuse" && outOfRange !== "clip") {
    throw new DatasetError("OPTION", `outOfRange: ${JSON.stringify(outOfRange)}, expected "refuse" or "clip"`);
  }
}

function refusal(found: string, rest: string, path: string): DatasetError {
  return new DatasetError("OPTION", `${found}, ${rest} (${path})`);
}

function noWriter(form: string, path: string): DatasetError {
  return hasLibsndfile() ? refusal(form, "expected a form that the format has", path) : noLibsndfile(path);
}
