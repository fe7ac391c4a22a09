/** What an audio file says of itself. */
export interface AudioHeader {
  /** The container, for example "wav", "FLAC", "Ogg". */
  format: string;
  /** In Hz. */
  sampleRate: number;
  channels: number;
  /** Bits per sample as stored; 0 for lossy formats. */
  bitsPerSample: number;
  /** Samples per channel; undefined where only decoding tells. */
  frames: number | undefined;
  /** Whether its samples are integers of 16 bits. */
  sixteenBit: boolean;
  /** Opens its sound. */
  open(): Sound | Promise<Sound>;
  /** Gives back what reading the header took. */
  close(): void;
}

/** The sound of an open file, read from its beginning on. */
export interface Sound {
  sampleRate: number;
  channels: number;
  /** Whether `read` takes an Int16Array too. */
  sixteenBit: boolean;
  /** Samples per channel, as far as they are known before all is read. */
  frames: number | undefined;
  /** Whether that number of frames is certain, because the file is as large. */
  sure?: boolean;
  /**
   * Reads whole frames into `out`; returns how many, less than there is room for at the end alone.
   * @throws DatasetError "FORMAT" where the file turns out to be damaged
   */
  read(out: Float32Array | Int16Array): number | Promise<number>;
  /** Goes to a frame; once, before anything is read. Gives where it is then: there, or at the end where that comes before. */
  seek(frame: number): number | Promise<number>;
  close(): void;
}

/** Frames that are read at a time to be dropped. */
const DROPPED = 1 << 15;

/** Reads `frames` frames and drops them; gives how many there were. */
export async function drop(sound: Pick<Sound, "read" | "channels">, frames: number): Promise<number> {
  const scratch = new Float32Array(Math.min(DROPPED, frames) * sound.channels);
  for (let left = frames; left > 0; ) {
    const got = await sound.read(scratch.subarray(0, Math.min(DROPPED, left) * sound.channels));
    if (got === 0) return frames - left;
    left -= got;
  }
  return frames;
}

/** Several sounds of one form as one. */
export function joined(headers: readonly AudioHeader[]): Sound {
  const { sampleRate, channels } = headers[0]!;
  const sixteenBit = headers.every((header) => header.sixteenBit);
  let k = 0;
  let open: Sound | undefined;
  const sound: Sound = {
    sampleRate,
    channels,
    sixteenBit,
    frames: undefined,
    read: async (out) => {
      let done = 0;
      const room = Math.floor(out.length / channels);
      while (done < room && k < headers.length) {
        open ??= await headers[k]!.open();
        const got = await open.read(out.subarray(done * channels));
        done += got;
        if (done === room) break;
        open.close();
        open = undefined;
        k++;
      }
      return done;
    },
    seek: async (frame) => await drop(sound, frame),
    close: () => open?.close(),
  };
  return sound;
}
