import { concat } from "../core/numbers.js";
import type { Piscina } from "piscina";
import { aligned, type BatchLayout, type StoredArray } from "./batch-layout.js";
import { createPool } from "../system/pool.js";
import type { ProcessedBatch, Processing } from "./process-batch.js";
import type { ReadTask } from "./read-batch.js";
import { runTask } from "../system/task.js";
import { BLOCK_FIELDS } from "../records/read-flac.js";
import type { OpenShard } from "../records/open-shard.js";
import { READ_FIELDS } from "../records/read-into.js";

/** A batch as read: where its arrays are in `buffer`. */
export interface RawBatch {
  examples: Uint32Array;
  xs: StoredArray;
  /** Absent where the targets are one vector per example and nothing changes them. */
  ys?: StoredArray | undefined;
  buffer: SharedArrayBuffer;
  /** Last of those that share the buffer. */
  last: boolean;
}

/** How batches are laid out. */
export interface BatchPlanner {
  /** The records of a batch that are to be compared with their checksums: CHECK_FIELDS numbers each. */
  checks(layout: BatchLayout): Float64Array;
  /** Lays a batch out as stored, its first byte at `at`. */
  layout(batch: number, at: number): BatchLayout;
  /** Does something with the examples of batches while their records stay on this machine. */
  claimed<T>(layouts: readonly BatchLayout[], work: (fetch: ReadTask["fetch"]) => Promise<T>): Promise<T>;
  /** Where samples are processed: what becomes of a batch, its first byte at `at`. */
  process?(layout: BatchLayout, at: number): ProcessedBatch;
  how?: Processing;
}

/** How many threads read. */
export interface Readers {
  now: number;
  /** This many where they turn out to wait for the disk, which answers several reads at a time faster than one after the other. */
  atMost: number;
}

/** Batches in order, read ahead of their use. */
export interface ReadAhead {
  /** Begins to read the first batches; `next` does by itself. */
  begin(): void;
  /** The next batch; undefined after the last. */
  next(): Promise<RawBatch | undefined>;
  /** Says that a batch's bytes are no longer needed. */
  release(raw: RawBatch): void;
}

/** Batches read by one task: about this many bytes, so that reads close together on the disk are joined and messages are few. */
const TASK_BYTES = 8 * 2 ** 20;
/** A small epoch is shared out too: this many tasks per worker. */
const TASKS_PER_WORKER = 4;
const IDLE_MS = 5000;

// One set of threads per number of workers serves every dataset; they end when nothing was read for a while.
const pools = new Map<number, Piscina>();

function loadPool(workers: number): Piscina {
  let pool = pools.get(workers);
  if (!pool) {
    pool = createPool(workers, IDLE_MS);
    pools.set(workers, pool);
  }
  return pool;
}

/**
 * Reads the batches `from` to `to` in worker threads, one task more than there are workers ahead of their use.
 *
 * One that is no longer asked for reads no further: its workers are free, its buffers go with it.
 * @param readers goes up to its most where the disk is waited for, for this reader and those after it
 * @param free buffers to use again
 */
export function readAhead(
  task: Omit<ReadTask, "buffer" | "reads" | "blocks" | "checks" | "shards"> & { shards: ShardOf },
  readers: Readers,
  from: number,
  to: number,
  planner: BatchPlanner,
  free: SharedArrayBuffer[],
): ReadAhead {
  const queue: Promise<RawBatch[]>[] = [];
  let ready: RawBatch[] = [];
  let planned = from;
  let started = 0;
  const start = (): void => {
    const { now: workers } = readers;
    const most = Math.ceil((to - from) / (TASKS_PER_WORKER * workers));
    // The first tasks are of one batch, since those are waited for; each time round they may be twice as long.
    const end = Math.min(to, planned + Math.min(most, 2 ** Math.floor(started++ / (workers + 1))));
    const layouts: BatchLayout[] = [];
    const processed: ProcessedBatch[] = [];
    let read = 0;
    let bytes = 0;
    do {
      const layout = planner.layout(planned++, read);
      layouts.push(layout);
      read = layout.end;
      const results = planner.process?.(layout, bytes);
      if (results) processed.push(results);
      bytes = results ? results.ys.at + aligned(results.ys.bytes) : read;
    } while (planned < end && bytes + bytes / layouts.length <= TASK_BYTES);
    const buffer = takeBuffer(free, bytes);
    const all = (key: "reads" | "blocks"): Float64Array =>
      concat(
        layouts.map((layout) => layout[key]),
        Float64Array,
      );
    const reads = all("reads");
    const blocks = all("blocks");
    const input: ReadTask = {
      ...task,
      shards: { ...usedShards(task.shards, reads, READ_FIELDS), ...usedShards(task.shards, blocks, BLOCK_FIELDS) },
      reads,
      blocks,
      checks: concat(layouts.map(planner.checks), Float64Array),
      buffer,
      labels: task.labels && {
        ...task.labels,
        rows: concat(
          layouts.map((layout) => layout.labels!),
          Float64Array,
        ),
      },
      processing: planner.how && { how: planner.how, batches: processed, scratchBytes: read },
    };
    const reading = planner
      .claimed(layouts, (fetch) => runTask<boolean>(loadPool(workers), "readBatches", { ...input, fetch }))
      .then((waited) => {
        if (waited) readers.now = readers.atMost;
        return layouts.map(({ examples, first, second }, i) => {
          const { xs, ys } = processed[i] ?? { xs: first, ys: second };
          return { examples, xs, ys, buffer, last: i === layouts.length - 1 };
        });
      });
    // Read ahead and perhaps never asked for: its error is thrown by `next`, or nowhere.
    reading.catch(() => undefined);
    queue.push(reading);
  };
  const fill = (): void => {
    while (planned < to && queue.length <= readers.now) start();
  };
  return {
    begin: () => {
      while (planned < to && started <= readers.now) start();
    },
    next: async () => {
      if (ready.length === 0) {
        fill();
        try {
          ready = (await queue.shift()) ?? [];
        } catch (error) {
          // Nothing comes after an error.
          planned = to;
          queue.length = 0;
          throw error;
        }
        fill();
      }
      return ready.shift();
    },
    release: ({ buffer, last }) => {
      if (last && free.length < readers.now + 2) free.push(buffer);
    },
  };
}

/** Shard `k` of a dataset. */
export type ShardOf = (k: number) => OpenShard;

/** A dataset may have a million shards; a task needs a few. */
function usedShards(shards: ShardOf, reads: Float64Array, fields: number): ReadTask["shards"] {
  const used: ReadTask["shards"] = {};
  for (let at = 0; at < reads.length; at += fields) used[reads[at]!] ??= shards(reads[at]!);
  return used;
}

function takeBuffer(free: SharedArrayBuffer[], bytes: number): SharedArrayBuffer {
  while (free.length > 0) {
    const buffer = free.pop()!;
    // One too small is dropped: batches differ in size where examples do.
    if (buffer.byteLength >= bytes) return buffer;
  }
  return new SharedArrayBuffer(bytes);
}
