/** Bytes `from` to `to` (excluded) of a file. */
export interface ByteRange {
  from: number;
  to: number;
}

/** What a server answers. */
export interface Answer {
  /** Whether this is the range that was asked for: a server without ranges sends the whole file. */
  ranged: boolean;
  /** Bytes of the whole file, where the server says so. */
  size?: number | undefined;
  /** The file's version: another one once it was replaced. */
  version?: string | undefined;
  body: AsyncIterable<Uint8Array>;
}

/** A file on another machine. */
export interface ByteSource {
  /**
   * Asks for the file, or a range of it.
   * @param range default: the whole file
   * @throws Refusal for an answer other than the bytes
   */
  get(range: ByteRange | undefined, signal: AbortSignal): Promise<Answer>;
}

/** A server's answer that isn't what was asked for. */
export class Refusal extends Error {
  constructor(
    /** As in http; 0 where there was no answer. */
    readonly status: number,
    message: string,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}

/** The address of a file in a folder. */
export function fileAddress(folder: string, file: string): string {
  return `${folder.replace(/\/+$/, "")}/${file.split("/").map(encodeURIComponent).join("/")}`;
}
