/**
 * What runs in a worker thread: one named task per line, each `asTask(work)` of a function that lives with its stage.
 * Tasks use synchronous file access; nothing here may load TensorFlow.
 */
import * as checking from "./check-task.js";
import * as probing from "./probe.js";
import * as reading from "./read-batch.js";
import * as building from "./shard-build.js";
import * as scanning from "./shard-scan.js";
import * as comparing from "./stale-task.js";
import { asTask } from "./task.js";
import * as wavs from "./wav-task.js";

export const checkFiles = asTask(checking.checkFiles);
export const writeWavFiles = asTask(wavs.writeWavFiles);
export const readBatches = asTask(reading.readBatches);
export const probeSources = asTask(probing.probeSources);
export const buildShardFile = asTask(building.buildShardFile);
export const scanShard = asTask(scanning.scanShard);
export const compareSources = asTask(comparing.compareSources);
