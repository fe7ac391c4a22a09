import { type LabelForm, writeFrameLabels } from "./frame-labels.js";
import { type ProcessedBatch, type Processing, processBatch } from "./process-batch.js";
import { checkRecords } from "../records/check-records.js";
import { type FlacRequest, readFlac } from "../records/read-flac.js";
import { readInto } from "../records/read-into.js";
import { type FetchTask, fetchRecords } from "../storage/fetch-records.js";

/** Batches to read, as sent to a worker. */
export interface ReadTask extends FlacRequest {
  /** Where everything goes. */
  buffer: SharedArrayBuffer;
  /** Where there are labels per frame. */
  labels?: LabelForm | undefined;
  /** Where the shards lie elsewhere: what is fetched first. */
  fetch?: FetchTask | undefined;
  /** Where samples are augmented or made into features: what was read goes through here to the buffer. */
  /** Records to compare with their checksums first, see `checkRecords`. */
  checks: Float64Array;
  processing?: { how: Processing; batches: ProcessedBatch[]; scratchBytes: number } | undefined;
}

let scratch = new Uint8Array(0);

/** Milliseconds that a read from memory takes at most, and a byte of it. */
const READ_MS = 0.02;
const BYTE_MS = 1e-6;

/** The worker's task. Returns whether the disk was waited for. */
export async function readBatches(task: ReadTask): Promise<boolean> {
  const { labels, processing } = task;
  if (processing && scratch.length < processing.scratchBytes) scratch = new Uint8Array(processing.scratchBytes);
  const bytes = processing ? scratch : new Uint8Array(task.buffer);
  // Rows of labels behind the end of a short example stay 0.
  if (labels) bytes.fill(0);
  const start = performance.now();
  if (task.fetch) await fetchRecords(task.fetch);
  const checked = checkRecords(task, task.checks);
  const flac = readFlac(bytes, task);
  const parts = [checked, flac, readInto(bytes, task)];
  const fromMemory = parts.reduce((sum, { calls, read }) => sum + calls * READ_MS + read * BYTE_MS, 0);
  const waited = performance.now() - start - flac.decoding > fromMemory;
  if (labels) writeFrameLabels(bytes, labels);
  for (const batch of processing?.batches ?? []) processBatch(scratch, task.buffer, batch, processing!.how);
  return waited;
}
