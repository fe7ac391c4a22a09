/**
 * What runs in a worker thread: one named task per line, each `asTask(work)` of a function that lives with its stage.
 * Tasks use synchronous file access; nothing here may load TensorFlow.
 */
import * as reading from "./read-batch.js";
import { asTask } from "./task.js";
import * as wavs from "./wav-task.js";

export const writeWavFiles = asTask(wavs.writeWavFiles);
export const readBatch = asTask(reading.readBatch);
