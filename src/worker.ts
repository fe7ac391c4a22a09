/**
 * What runs in a worker thread: one named task per line, each `asTask(work)` of a function that lives with its stage.
 * Tasks use synchronous file access; nothing here may load TensorFlow.
 */
export {};
