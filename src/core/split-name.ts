/** The three sides of a split. */
export type SplitName = "train" | "validate" | "test";

const SPLITS: Record<string, SplitName> = {
  ...{ train: "train", training: "train", dev: "train", development: "train" },
  ...{ val: "validate", valid: "validate", validation: "validate", validate: "validate" },
  ...{ test: "test", testing: "test", eval: "test", evaluation: "test" },
};

/** The split that the names usual in public datasets mean (`val`, `validation`, `eval`, …); undefined for others. */
export function splitName(text: string): SplitName | undefined {
  return SPLITS[text.trim().toLowerCase()];
}
