import { openToRead } from "../system/open-to-read.js";
import { createHash } from "node:crypto";
import { closeSync, fstatSync, readSync } from "node:fs";
import { noteFile } from "../system/noted-file.js";
import { fileError } from "../system/atomic-file.js";
import { DatasetError, type Problem } from "../core/error.js";
import { checkPayload, RECORD_HEAD, RECORD_OVERHEAD, recordLength } from "../format/tfrecord.js";
import { emptyIndex, indexExample, type ShardIndex } from "./shard-index.js";

const CHUNK_BYTES = 4 << 20;

/** Something wrong in a shard. */
export interface ShardProblem extends Problem {
  kind:
    | "missing"
    | "bytes"
    | "sha256"
    | "length"
    | "data"
    | "example"
    | "cut"
    | "count"
    | "index"
    | "manifest"
    | "plan"
    | "sidecar";
  /** Number of the example in the shard, from 0. */
  example?: number;
  /** Byte offset of its record in the shard's file. */
  offset?: number;
}

/** What a scan found: the index of all intact examples, and every problem. */
export interface ShardScan {
  index: ShardIndex;
  problems: ShardProblem[];
}

/** What to scan: a shard's path, and the name used in messages. */
export interface ScanTask {
  path: string;
  file: string;
  /** Record offsets from a known index: with them the examples behind a damaged length are found too. */
  offsets?: readonly number[] | undefined;
  /** Keep `b_ind` and `b_val` in the index: for whole-file labels, not for those of frames. */
  lists: boolean;
  /** The samples are FLAC. Default false. */
  flac?: boolean;
}

/**
 * Reads a whole shard in chunks, checks every checksum and parses every example. Runs in a worker.
 *
 * A wrong length hides the next record: the scan continues where `offsets` says the next one starts, or ends.
 */
export function scanShard(task: ScanTask): ShardScan {
  const { path, file } = task;
  noteFile(path);
  const fd = openToRead(path);
  try {
    const { size, mtimeMs } = fstatSync(fd);
    const window = new FileWindow(fd, size);
    const index = emptyIndex();
    const problems: ShardProblem[] = [];
    let at = 0;
    let example = 0;
    while (at < size) {
      const where = `${file}, example ${example}, byte ${at}`;
      const problem = (kind: ShardProblem["kind"], message: string): void =>
        void problems.push({ kind, file, example, offset: at, message });
      const resume = (): number => task.offsets?.find((o) => o > at) ?? size;
      const length = readLength(window, at, size, where, problem);
      if (length === undefined) {
        at = resume();
        example++;
        continue;
      }
      const record = window.get(at, length + RECORD_OVERHEAD);
      try {
        checkPayload(record, 0, length, where);
        indexExample(index, record, 0, length, { fileAt: at, lists: task.lists, flac: task.flac === true, where });
      } catch (error) {
        if (!(error instanceof DatasetError)) throw error;
        problem(error.message.startsWith("data checksum") ? "data" : "example", error.message);
      }
      at += length + RECORD_OVERHEAD;
      example++;
    }
    index.bytes = size;
    index.sha256 = window.sha256();
    index.mtimeMs = mtimeMs;
    return { index, problems };
  } catch (error) {
    throw fileError(error, path);
  } finally {
    closeSync(fd);
  }
}

function readLength(
  window: FileWindow,
  at: number,
  size: number,
  where: string,
  problem: (kind: ShardProblem["kind"], message: string) => void,
): number | undefined {
  if (size - at < RECORD_HEAD) {
    problem(
      "cut",
      `record: ${size - at} bytes, expected at least ${RECORD_OVERHEAD} (${where}); the shard is cut short`,
    );
    return undefined;
  }
  try {
    const length = recordLength(window.get(at, RECORD_HEAD), 0, where);
    if (at + length + RECORD_OVERHEAD <= size) return length;
    problem(
      "cut",
      `record: ${size - at} bytes, expected ${length + RECORD_OVERHEAD} (${where}); the shard is cut short`,
    );
  } catch (error) {
    if (!(error instanceof DatasetError)) throw error;
    problem("length", error.message);
  }
  return undefined;
}

/** A file read forwards in large chunks, hashed on the way. */
class FileWindow {
  private buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  private start = 0;
  private end = 0;
  private readonly hash = createHash("sha256");

  constructor(
    private readonly fd: number,
    private readonly size: number,
  ) {}

  /** `bytes` bytes from position `at`, valid until the next call. `at` never goes back before the last call's. */
  get(at: number, bytes: number): Uint8Array {
    while (at + bytes > this.end) {
      const keep = Math.max(0, this.end - at);
      if (at > this.end) {
        this.fill(at);
        continue;
      }
      const larger = bytes > this.buffer.length ? Buffer.allocUnsafe(bytes) : this.buffer;
      this.buffer.copy(larger, 0, at - this.start, at - this.start + keep);
      this.buffer = larger;
      this.start = at;
      this.read(keep);
    }
    return this.buffer.subarray(at - this.start, at - this.start + bytes);
  }

  /** Of the whole file: reads what hasn't been read yet. */
  sha256(): string {
    this.fill(this.size);
    return this.hash.digest("hex");
  }

  private fill(to: number): void {
    while (this.end < to) {
      this.start = this.end;
      this.read(0);
    }
  }

  private read(keep: number): void {
    const got = readSync(
      this.fd,
      this.buffer,
      keep,
      Math.min(this.buffer.length - keep, this.size - this.end),
      this.end,
    );
    if (got === 0)
      throw new DatasetError(
        "RECORD",
        `shard: ends at byte ${this.end}, expected ${this.size}; the file changed while it was read`,
      );
    this.hash.update(this.buffer.subarray(keep, keep + got));
    this.end += got;
    this.start = this.end - keep - got;
  }
}
