import { DatasetError } from "../core/error.js";
import { crc32c } from "../format/crc32c.js";
import { workerCount } from "../system/pool.js";
import { frameWidth, openShard, type Records, whileClaimed } from "../records/records.js";
import { layoutBatch } from "./batch-layout.js";
import type { EpochShape, Place } from "./load-state.js";
import { type BatchOptions, processing } from "./options.js";
import { planProcessing } from "./process-batch.js";
import { type BatchPlanner, type ReadAhead, readAhead } from "./read-ahead.js";
import { replicaOrder, replicaShare } from "./replica.js";
import { itemWeights, drawnOrder } from "./sampling.js";
import { cutItems, epochOrder } from "./windows.js";

/** Threads that read in random order from a disk slower than memory: it serves several at once. In order it reads ahead by itself. */
const READERS_OF_A_DISK = 4;

/** The epochs of some examples: what every one of them is made of, and a reader for each. */
export interface Epochs {
  shape: EpochShape;
  /** Kinds classes and values: the targets of some examples. */
  values(examples: Uint32Array): Values | undefined;
  /** Reads an epoch from a batch on. */
  read(place: Place): ReadAhead;
}

/** Kinds classes and values: the targets of some examples, row after row. */
export interface Values {
  data: Float32Array;
  width: number;
}

// Identifies an opening of a dataset, so that no worker reads a file that was replaced since.
let opened = 0;

/** Plans the epochs of `examples`; nothing is read yet. The options are checked already. */
export function planEpochs(records: Records, examples: Uint32Array, options: BatchOptions): Epochs {
  const { batchSize = 64, seed = 0, shuffle = true, replica, dropRemainder = false } = options;
  const items = cutItems(records, examples, options.window);
  const all = items.example.length;
  const count = replica ? replicaShare(all, replica, dropRemainder) : all;
  const weights = options.weights && itemWeights(options.weights, examples, items.example);
  const size = dropRemainder ? Math.floor(count / batchSize) : Math.ceil(count / batchSize);
  // Validation and test keep their remainder, so it is training that would have nothing.
  if (all > 0 && size === 0) throw noBatch(all, count, options);
  const { timeUnit = "frames", kind } = records.manifest;
  const width = kind === "frames" ? frameWidth(records) : 0;
  const how = processing(records, options);
  const source = {
    shards: (k: number) => openShard(records, k),
    opened: `${process.pid} ${opened++}`,
    channels: records.manifest.channels,
    ...(kind === "frames"
      ? { labels: { width, timeUnit, rows: new Float64Array(0), inputSize: options.inputSize! } }
      : {}),
  };
  const readers = readersFor(options, how !== undefined || records.blocks !== undefined);
  const values = (chosen: Uint32Array): Values | undefined => exampleValues(records, chosen);
  // Buffers are used again from batch to batch and from epoch to epoch.
  const free: SharedArrayBuffer[] = [];
  const checks = checkPlanner(records, options.checksums);
  const read = ({ epoch, batch }: Place): ReadAhead => {
    const whole = weights ? drawnOrder(weights, seed, epoch) : epochOrder(all, seed, epoch, shuffle);
    const order = replica ? replicaOrder(whole, replica, dropRemainder) : whole;
    const chosen = (k: number): Uint32Array => order.subarray(k * batchSize, (k + 1) * batchSize);
    const planner: BatchPlanner = {
      checks,
      claimed: (layouts, work) => {
        const read = records.elsewhere ? layouts.flatMap((layout) => Array.from(layout.examples)) : [];
        return whileClaimed(records, read, work);
      },
      layout: (k, at) => layoutBatch(records, items, chosen(k), options, width, at),
      ...(how && { how, process: (layout, at) => planProcessing(layout, how, values(layout.examples), epoch, at) }),
    };
    return readAhead(source, readers, batch, size, planner, free);
  };
  const shape: EpochShape = { seed, items: all, batchSize, size };
  if (weights) shape.drawn = crc32c(new Uint8Array(weights.buffer));
  if (replica) shape.replicas = replica.count;
  return { shape, values, read };
}

/** Where `dropRemainder` leaves nothing of `all` examples, of which this process gets `share`. */
function noBatch(all: number, share: number, { batchSize = 64, replica, window }: BatchOptions): DatasetError {
  const things = window ? "pieces" : "examples";
  const each = replica ? `, ${share} for each of ${replica.count} processes` : "";
  const found = `no full batch of ${batchSize} (${all} ${things}${each})`;
  const fix = "lower batchSize, add examples, or leave out dropRemainder";
  return new DatasetError("OPTION", `train split: ${found}, expected at least one with dropRemainder; ${fix}`);
}

/** Names the records of a batch that are to be checked: those that weren't yet, unless all or none are asked for. */
function checkPlanner(records: Records, which: BatchOptions["checksums"] = "first"): BatchPlanner["checks"] {
  const checked = new Uint8Array(records.count);
  return ({ examples }) => {
    const checks: number[] = [];
    for (const i of examples) {
      if (which === "never" || checked[i] === 1) continue;
      if (which === "first") checked[i] = 1;
      checks.push(records.shard[i]!, records.offset[i]!, records.length[i]!);
    }
    return Float64Array.from(checks);
  };
}

function readersFor({ workers, shuffle = true }: BatchOptions, processed: boolean): { now: number; atMost: number } {
  const now = workers ?? (processed ? Math.max(1, workerCount() - 1) : 1);
  const mayGrow = workers === undefined && !processed && shuffle;
  return { now, atMost: mayGrow ? READERS_OF_A_DISK : now };
}

function exampleValues(records: Records, examples: Uint32Array): Values | undefined {
  const all = records.values;
  if (!all) return undefined;
  const width = all.length / records.count;
  const data = new Float32Array(examples.length * width);
  for (const [row, i] of examples.entries()) data.set(all.subarray(i * width, (i + 1) * width), row * width);
  return { data, width };
}
