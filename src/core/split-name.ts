/** The three sides of a split. */
export type SplitName = "train" | "validate" | "test";

/** A map: an object would know `constructor` too. */
const SPLITS: ReadonlyMap<string, SplitName> = new Map(
  Object.entries({
    ...{ train: "train", training: "train", dev: "train", development: "train" },
    ...{ val: "validate", valid: "validate", validation: "validate", validate: "validate" },
    ...{ test: "test", testing: "test", eval: "test", evaluation: "test" },
  } as const),
);

/** The split that the names usual in public datasets mean (`val`, `validation`, `eval`, …); undefined for others. */
export function splitName(text: string): SplitName | undefined {
  return SPLITS.get(text.trim().toLowerCase());
}
