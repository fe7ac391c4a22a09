/**
 * What runs in a worker thread: one named task per line, each `lazyTask` of a function that lives with its stage. A
 * stage is loaded when its first task comes, so that a worker starts in the time its own work takes to load.
 * Tasks use synchronous file access; nothing here may load TensorFlow.
 */
import { lazyTask } from "./task.js";

export const checkFiles = lazyTask(async () => (await import("./check-task.js")).checkFiles);
export const writeWavFiles = lazyTask(async () => (await import("./wav-task.js")).writeWavFiles);
export const readBatches = lazyTask(async () => (await import("./read-batch.js")).readBatches);
export const probeSources = lazyTask(async () => (await import("./probe.js")).probeSources);
export const buildShardFile = lazyTask(async () => (await import("./shard-build.js")).buildShardFile);
export const scanShard = lazyTask(async () => (await import("./shard-scan.js")).scanShard);
export const compareSources = lazyTask(async () => (await import("./stale-task.js")).compareSources);
export const computeSpectra = lazyTask(async () => (await import("./spectra-task.js")).computeSpectra);
export const salvageShard = lazyTask(async () => (await import("./salvage.js")).salvageShard);
export const fingerprintSignals = lazyTask(async () => (await import("./audit-task.js")).fingerprintSignals);
export const findSimilar = lazyTask(async () => (await import("./audit-task.js")).findSimilar);
export const comparePairs = lazyTask(async () => (await import("./audit-task.js")).comparePairs);
