import util from "node:util";

/**
 * Settings that must be there before TensorFlow is loaded; what is set already stays.
 *
 * oneDNN's kernels also where TensorFlow leaves them off by default, on x64 processors without AVX-512: they are as fast
 * there, and alone in having dilated convolutions. Only warnings and errors on stderr; a GPU's memory is taken as needed instead of whole. tfjs 4.22 calls
 * `util.isNullOrUndefined`, which writes a deprecation warning since Node 22 and is gone since Node 23: it is replaced.
 *
 * @returns whether all of TensorFlow's messages are asked for
 */
export function prepareTensorFlow(): boolean {
  process.env.TF_CPP_MIN_LOG_LEVEL ??= "2";
  if (process.arch === "x64") process.env.TF_ENABLE_ONEDNN_OPTS ??= "1";
  process.env.TF_FORCE_GPU_ALLOW_GROWTH ??= "true";
  Object.assign(util, { isNullOrUndefined: (value: unknown) => value === null || value === undefined });
  return Number(process.env.TF_CPP_MIN_LOG_LEVEL) < 2;
}
