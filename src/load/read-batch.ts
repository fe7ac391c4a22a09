import { closeSync, fstatSync, openSync, readvSync } from "node:fs";
import { READ_FIELDS } from "./batch-layout.js";
import { DatasetError } from "../core/error.js";
import { type LabelForm, writeFrameLabels } from "./frame-labels.js";
import { checkUnchanged, type OpenShard } from "../records/open-shard.js";
import { type ProcessedBatch, type Processing, processBatch } from "./process-batch.js";
import { fileError } from "../system/atomic-file.js";

/** Batches to read, as sent to a worker. */
export interface ReadTask {
  /** Where everything goes. */
  buffer: SharedArrayBuffer;
  /** The shards, by the number in `reads`. */
  shards: Record<number, OpenShard>;
  /** Names this opening of the dataset, so that files rebuilt since are opened anew. */
  opened: string;
  /** READ_FIELDS numbers a read, see BatchLayout. */
  reads: Float64Array;
  /** Where there are labels per frame. */
  labels?: LabelForm;
  /** Where samples are augmented or made into features: what was read goes through here to the buffer. */
  processing?: { how: Processing; batches: ProcessedBatch[]; scratchBytes: number };
}

/** Gaps between two reads up to this are read and thrown away, in one call to the system with what is around them. */
const GAP_BYTES = 4096;
/** Linux takes 1,024 buffers in one call. */
const MAX_BUFFERS = 1000;
const MAX_OPEN = 100;

const trash = new Uint8Array(GAP_BYTES);
const open = new Map<string, number>();

/** Reads what `task.reads` names, in the order of the disk, neighbours together, and fills the rest of each place with zeros. Returns the calls that took, and the bytes read. */
export function readInto(bytes: Uint8Array, task: Omit<ReadTask, "buffer">): { calls: number; read: number } {
  const { reads } = task;
  const order = Array.from({ length: reads.length / READ_FIELDS }, (_, i) => i * READ_FIELDS).sort(
    (a, b) => reads[a]! - reads[b]! || reads[a + 1]! - reads[b + 1]!,
  );
  let run = newRun(-1, 0);
  let calls = 0;
  let read = 0;
  for (const at of order) {
    const [shard, position, length, place, slot] = reads.subarray(at, at + READ_FIELDS) as unknown as number[];
    bytes.fill(0, place! + length!, place! + slot!);
    if (length === 0) continue;
    const gap = position! - run.end;
    if (shard !== run.shard || gap < 0 || gap > GAP_BYTES || run.buffers.length >= MAX_BUFFERS) {
      flush(run, task);
      run = newRun(shard!, position!);
      calls++;
    } else if (gap > 0) {
      run.buffers.push(trash.subarray(0, gap));
    }
    run.buffers.push(bytes.subarray(place, place! + length!));
    run.end = position! + length!;
    read += length!;
  }
  flush(run, task);
  return { calls, read };
}

interface Run {
  shard: number;
  start: number;
  end: number;
  buffers: Uint8Array[];
}

function newRun(shard: number, start: number): Run {
  return { shard, start, end: start, buffers: [] };
}

function flush(run: Run, task: Omit<ReadTask, "buffer">): void {
  if (run.buffers.length === 0) return;
  const shard = task.shards[run.shard]!;
  const { path } = shard;
  let got: number;
  try {
    got = readvSync(descriptor(shard, task.opened), run.buffers, run.start);
  } catch (cause) {
    throw fileError(cause, path);
  }
  if (got === run.end - run.start) return;
  throw new DatasetError(
    "RECORD",
    `shard: ends at byte ${run.start + got}, expected data up to byte ${run.end}; verify() says more, generateRecords() mends it (${path})`,
  );
}

/** Files stay open from batch to batch; the one unused for longest is closed when there are too many. */
function descriptor(shard: OpenShard, opened: string): number {
  const { path } = shard;
  const key = `${opened} ${path}`;
  let file = open.get(key);
  if (file === undefined) {
    if (open.size >= MAX_OPEN) {
      const [oldest, old] = open.entries().next().value!;
      closeSync(old);
      open.delete(oldest);
    }
    file = openSync(path, "r");
    try {
      checkUnchanged(shard, fstatSync(file));
    } catch (error) {
      closeSync(file);
      throw error;
    }
  }
  open.delete(key);
  open.set(key, file);
  return file;
}

let scratch = new Uint8Array(0);

/** Milliseconds that a read from memory takes at most, and a byte of it. */
const READ_MS = 0.02;
const BYTE_MS = 1e-6;

/** The worker's task. Returns whether the disk was waited for. */
export function readBatches(task: ReadTask): boolean {
  const { labels, processing } = task;
  if (processing && scratch.length < processing.scratchBytes) scratch = new Uint8Array(processing.scratchBytes);
  const bytes = processing ? scratch : new Uint8Array(task.buffer);
  // Rows of labels behind the end of a short example stay 0.
  if (labels) bytes.fill(0);
  const start = performance.now();
  const { calls, read } = readInto(bytes, task);
  const waited = performance.now() - start > calls * READ_MS + read * BYTE_MS;
  if (labels) writeFrameLabels(bytes, labels);
  for (const batch of processing?.batches ?? []) processBatch(scratch, task.buffer, batch, processing!.how);
  return waited;
}
