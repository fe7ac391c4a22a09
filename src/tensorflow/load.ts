import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { isMainThread } from "node:worker_threads";
import { DatasetError } from "../core/error.js";
import { SET_UP } from "../setup/paths.js";
import { prepareTensorFlow } from "./prepare.js";
import { quietly } from "./quiet.js";
import { patchTensorFlow } from "./kernels/patch.js";
import type { TensorFlow } from "./kernels/types.js";
import { compileSteps } from "./step/compile-steps.js";

const PACKAGE = "@tensorflow/tfjs-node-gpu";
let loaded: TensorFlow | undefined;

/** Where the native addon is, or should be. */
export function addonPath(): string {
  return join(dirname(require.resolve(`${PACKAGE}/package.json`)), "lib", "napi-v8", "tfjs_binding.node");
}

/**
 * Loads TensorFlow, once, and makes it ready: native TensorFlow with this library's faster kernels.
 *
 * It is the same instance that `import * as tf from "@tensorflow/tfjs-node-gpu"` gives, before or after.
 * Without the addon it warns how slow the plain JavaScript backend is, and returns that.
 *
 * `DEEP_AUDIO_PLAIN_TFJS=1` in the environment leaves TensorFlow.js's own kernels and gradients in place, as another
 * version of TensorFlow.js than the pinned one does, with a warning. Everything works then, slower, and what is
 * TensorFlow.js's own fault is back: a cross-entropy whose output is surely wrong has no gradient.
 *
 * @throws DatasetError "ENVIRONMENT" in a worker thread, and when the addon is there but does not load.
 * @example
 * const tf = loadTensorFlow();
 * tf.tensor1d([1, 2]).sum().print(); // 3
 */
export function loadTensorFlow(): TensorFlow {
  loaded ??= load();
  return loaded;
}

function load(): TensorFlow {
  if (!isMainThread) {
    throw new DatasetError(
      "ENVIRONMENT",
      "TensorFlow: loaded in a worker thread, expected the main thread only (two copies of its backend cannot share a process)",
    );
  }
  const verbose = prepareTensorFlow();
  const addon = addonPath();
  if (!existsSync(addon)) return loadPlain(addon);
  let tf: TensorFlow;
  try {
    const load = (): TensorFlow => require(PACKAGE) as TensorFlow;
    tf = verbose ? load() : quietly(join(dirname(addon), "quiet.node"), load);
  } catch (cause) {
    const why = (cause as Error).message.split("\n")[0];
    throw new DatasetError(
      "ENVIRONMENT",
      `TensorFlow: its addon does not load: ${why}; delete ${dirname(addon)}, then ${SET_UP}, which builds it again`,
      [],
      { cause },
    );
  }
  if (patchTensorFlow(tf).patched) compileSteps(tf);
  return tf;
}

function loadPlain(addon: string): TensorFlow {
  process.emitWarning(
    `TensorFlow: native addon not found, expected ${addon}. Using the plain JavaScript backend, which takes some ` +
      "500 times as long to train (a step of 0.1 s takes about 40 s). " +
      `To build the addon, ${SET_UP}.`,
    { code: "SLOW_BACKEND" },
  );
  // tfjs is a dependency of tfjs-node-gpu, so it is looked up from there.
  const tf = createRequire(require.resolve(`${PACKAGE}/package.json`))("@tensorflow/tfjs") as TensorFlow;
  patchTensorFlow(tf);
  return tf;
}
