import { createHash } from "node:crypto";
import { closeSync, fsync, openSync, writeSync } from "node:fs";
import { promisify } from "node:util";
import { eachPart } from "./read-bytes.js";

/** Bytes collected before they are hashed and written: large enough for few calls, small enough for the cache. */
const CHUNK_BYTES = 1 << 20;

/** A file written in chunks and hashed on the way. */
export class HashedFile {
  bytes = 0;
  private buffer = Buffer.allocUnsafeSlow(2 * CHUNK_BYTES);
  private used = 0;
  private readonly fd: number;
  private hash = createHash("sha256");

  constructor(path: string) {
    this.fd = openSync(path, "w");
  }

  /** Room for `bytes` more: where to put them, and where that will be in the file. */
  room(bytes: number): { buffer: Uint8Array; at: number; fileAt: number } {
    if (this.used >= CHUNK_BYTES || this.used + bytes > this.buffer.length) this.flush();
    if (bytes > this.buffer.length) this.buffer = Buffer.allocUnsafeSlow(bytes);
    const at = this.used;
    // The file position of the buffer's first byte, so that positions in the buffer can be turned into the file's.
    const fileAt = this.bytes - at;
    this.used += bytes;
    this.bytes += bytes;
    return { buffer: this.buffer, at, fileAt };
  }

  /** Writes what is left and returns the hash of all that was written since the last call. */
  finish(): string {
    this.flush();
    const { hash } = this;
    this.hash = createHash("sha256");
    return hash.digest("hex");
  }

  /** Flushes what was written to the disk. */
  async sync(): Promise<void> {
    await promisify(fsync)(this.fd);
  }

  close(): void {
    closeSync(this.fd);
  }

  private flush(): void {
    const part = this.buffer.subarray(0, this.used);
    this.hash.update(part);
    for (let at = 0; at < part.length; ) at += writeSync(this.fd, part, at);
    this.used = 0;
  }
}

/** SHA-256 of a file, hexadecimal. */
export function fileHash(path: string): string {
  const hash = createHash("sha256");
  eachPart(path, (part) => hash.update(part));
  return hash.digest("hex");
}
