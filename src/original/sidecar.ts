/** What the original's sidecar `D/N.txt` says to its `load`. */
export interface Sidecar {
  /** Number of examples. */
  size: number;
  /** Seconds. */
  length: number;
  /** Hz. */
  sample_rate: number;
  /** Samples per frame. */
  input_size?: number;
}

/** What the sidecar is written from: a manifest, as far as the original's readers need it. */
export interface SidecarFacts {
  name: string;
  examples: number;
  samples: { max: number };
  sampleRate: number;
  inputSize?: number;
  recipe?: { inputLower: number; inputUpper: number; waves: readonly string[]; chords: readonly string[] };
}

/**
 * The text of `D/N.txt`, which says `text` so far, for the original's readers: theirs and ours, with whatever else the file says kept.
 * Undefined where a file of that name is something else.
 */
export function sidecarText(text = "{}", manifest: SidecarFacts): string | undefined {
  // A damaged one says nothing that could be kept.
  const before = parseSidecar(text) ?? (isDamaged(text) ? {} : undefined);
  if (before === undefined) return undefined;
  const { recipe } = manifest;
  const sidecar: Sidecar & Record<string, unknown> = {
    ...before,
    size: manifest.examples,
    length: manifest.samples.max / manifest.sampleRate,
    sample_rate: manifest.sampleRate,
    ...(manifest.inputSize === undefined ? {} : { input_size: manifest.inputSize }),
    ...(recipe
      ? { input_lower: recipe.inputLower, input_upper: recipe.inputUpper, waves: recipe.waves, mods: recipe.chords }
      : {}),
  };
  return JSON.stringify(sidecar);
}

/** Whether text that can't be read was a sidecar: of its names that every one has one damage leaves two. */
function isDamaged(text: string): boolean {
  return new Set(text.match(/"(size|length|sample_rate)":/g)).size > 1;
}

/** Reads the original's sidecar; undefined where the text is something else. */
export function parseSidecar(text: string): Partial<Sidecar> | undefined {
  if (!text.trimStart().startsWith("{")) return undefined;
  try {
    return JSON.parse(text) as Partial<Sidecar>;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
