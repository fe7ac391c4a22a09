/**
 * The environment variables that switch off what this library changes in TensorFlow.js and in tslab, to see what plain
 * ones do. Any value does, except for none and "0".
 */
type Switch = "DEEP_AUDIO_PLAIN_TFJS" | "DEEP_AUDIO_PLAIN_TSLAB";

/** Whether a package is patched. */
export interface Patches {
  patched: boolean;
  /** Why it isn't. */
  reason?: string;
  /** What to say where nobody asked for that. */
  warning?: string;
}

/**
 * Whether a package may be patched: not where its switch is set, and not where it is of another version than the one
 * that the patches were written for.
 *
 * @param other names that version and the one expected, if there is one
 * @param then what follows, and what to do
 */
export function mayPatch(name: Switch, other: string | undefined, then: string): Patches {
  if (!["", "0"].includes(process.env[name] ?? "")) return { patched: false, reason: `${name} is set` };
  if (!other) return { patched: true };
  const warning = `${other}. ${then}, or set ${name}=1 to keep this version without the warning.`;
  return { patched: false, reason: other, warning };
}
