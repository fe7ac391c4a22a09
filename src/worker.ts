/**
 * What runs in a worker thread: one named task per line, each `lazyTask` of a function that lives with its stage. A
 * stage is loaded when its first task comes, so that a worker starts in the time its own work takes to load.
 * Tasks use synchronous file access; nothing here may load TensorFlow.
 */
import { lazyTask } from "./system/task.js";

export const checkFiles = lazyTask(async () => (await import("./check/check-files.js")).checkFiles);
export const writeWavFiles = lazyTask(async () => (await import("./generate/write-wav-files.js")).writeWavFiles);
export const readBatches = lazyTask(async () => (await import("./load/read-batch.js")).readBatches);
export const probeSources = lazyTask(async () => (await import("./build/probe-sources.js")).probeSources);
export const buildShardFile = lazyTask(async () => (await import("./build/build-shard.js")).buildShardFile);
export const buildOneShard = lazyTask(async () => {
  const { buildOneShard } = await import("./build/build-records.js");
  return ({ planFile, shard }: { planFile: string; shard: number }) => buildOneShard(planFile, shard);
});
export const scanShard = lazyTask(async () => (await import("./records/scan-shard.js")).scanShard);
export const compareSources = lazyTask(async () => (await import("./records/compare-sources.js")).compareSources);
export const computeSpectra = lazyTask(async () => (await import("./features/compute-spectra.js")).computeSpectra);
export const hearRows = lazyTask(async () => (await import("./pipeline/hear.js")).hearRows);
export const salvageShard = lazyTask(async () => (await import("./repair/salvage-shard.js")).salvageShard);
export const fingerprintSignals = lazyTask(async () => (await import("./audit/compare-signals.js")).fingerprintSignals);
export const findSimilar = lazyTask(async () => (await import("./audit/compare-signals.js")).findSimilar);
export const comparePairs = lazyTask(async () => (await import("./audit/compare-signals.js")).comparePairs);
