/**
 * The environment variables that switch off what this library changes in TensorFlow.js and in tslab, to see what plain
 * ones do. Any value does, except for none and "0".
 */
export type Switch = "DEEP_AUDIO_PLAIN_TFJS" | "DEEP_AUDIO_PLAIN_TSLAB";

/** Whether an environment variable is set. */
export function isSet(name: Switch): boolean {
  return !["", "0"].includes(process.env[name] ?? "");
}
