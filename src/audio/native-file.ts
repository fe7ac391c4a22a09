import type { ByteSource } from "../format/byte-source.js";
import { type ByteSink, openHandle } from "./libsndfile.js";

/** What libsndfile says of an opened file. */
export interface NativeInfo {
  sampleRate: number;
  channels: number;
  /** Samples per channel as the file has them, or an estimate, or a very large number. */
  frames: number;
  /** SF_FORMAT: the container in the upper 16 bits, the encoding in the lower ones. */
  format: number;
}

/** A file that libsndfile reads. */
export interface NativeFile {
  info: NativeInfo;
  /** Reads whole frames from where the file stands into `out`, integers in its width; the number of samples read, all channels together. */
  read(out: Float32Array | Int16Array | Int32Array): number;
  /** Goes to a frame; false where it can't. */
  seek(frame: number): boolean;
  /** What libsndfile found wrong since the last call; "" where nothing was. */
  error(): string;
  /** Decodes Opus at another rate, before anything is read; `info` says whether it does. */
  setRate(sampleRate: number): void;
  close(): void;
}

/** A file that libsndfile writes. */
export interface NativeWriter {
  /** Appends whole frames: floats of full scale -1 to 1, or integers of full width; false where it failed. */
  write(samples: Float32Array | Int16Array | Int32Array): boolean;
  /** One of libsndfile's commands, without data, by its number and its value. */
  command(number: number, value: number): void;
  /** Completes the file; false where it failed. */
  close(): boolean;
}

const READ = 0x10;
const WRITE = 0x20;
/** libsndfile's commands: SFC_GET_CURRENT_SF_INFO, SFC_SET_ORIGINAL_SAMPLERATE. */
const GET_INFO = 0x1002;
const SET_ORIGINAL_RATE = 0x1500;

function infoOf(fields: Buffer): NativeInfo {
  return {
    frames: Number(fields.readBigInt64LE(0)),
    sampleRate: fields.readInt32LE(8),
    channels: fields.readInt32LE(12),
    format: fields.readInt32LE(16),
  };
}

/**
 * Opens a file in libsndfile; undefined where libsndfile isn't there or refuses the file. Close it.
 *
 * A crash of libsndfile would end the process: what can be checked of a file is checked before.
 */
export function openNative(source: ByteSource): NativeFile | undefined {
  const fields = Buffer.alloc(32);
  const opened = openHandle(source, READ, fields);
  if (!opened) return undefined;
  const { lib, handle, check } = opened;
  const native: NativeFile = {
    info: infoOf(fields),
    read: (out) => {
      const read =
        out instanceof Float32Array ? lib.readFloat : out instanceof Int16Array ? lib.readShort : lib.readInt;
      const got = Number(read(handle, out, out.length));
      check();
      return got;
    },
    seek: (frame) => {
      const reached = Number(lib.seek(handle, frame, 0));
      check();
      return reached === frame;
    },
    error: () => (lib.error(handle) === 0 ? "" : String(lib.message(handle))),
    setRate: (sampleRate) => {
      const rate = Buffer.alloc(4);
      rate.writeInt32LE(sampleRate);
      lib.command(handle, SET_ORIGINAL_RATE, rate, rate.length);
      lib.command(handle, GET_INFO, fields, fields.length);
      native.info = infoOf(fields);
    },
    close: () => void opened.close(),
  };
  return native;
}

/** Opens a file for writing in libsndfile; undefined where libsndfile isn't there or refuses the form. Close it. */
export function createNative(
  sink: ByteSink,
  form: { sampleRate: number; channels: number; format: number },
): NativeWriter | undefined {
  const fields = Buffer.alloc(32);
  fields.writeInt32LE(form.sampleRate, 8);
  fields.writeInt32LE(form.channels, 12);
  fields.writeInt32LE(form.format, 16);
  const opened = openHandle(sink, WRITE, fields);
  if (!opened) return undefined;
  const { lib, handle, check } = opened;
  return {
    write: (samples) => {
      const write =
        samples instanceof Float32Array
          ? lib.writeFloat
          : samples instanceof Int16Array
            ? lib.writeShort
            : lib.writeInt;
      const written = Number(write(handle, samples, samples.length));
      check();
      return written === samples.length;
    },
    command: (id, value) => void lib.command(handle, id, null, value),
    close: () => {
      const failed = opened.close();
      check();
      return failed === 0;
    },
  };
}
