import type { Split } from "../split/split.js";

/** What splits can share, the worst first. */
export type LeakKind = "identical" | "targetIsInput" | "nearDuplicate" | "group" | "neighbour";

export const leakKinds: readonly LeakKind[] = ["identical", "targetIsInput", "nearDuplicate", "group", "neighbour"];

/** One side of one example. */
export interface Place {
  split: keyof Split;
  /** Its number in the records. */
  example: number;
  name: string;
  side: "input" | "target";
}

/** Something that two splits share. */
export interface Finding {
  kind: LeakKind;
  /** 1: the same; for near-duplicates the correlation, for neighbours the ratio of frequencies. */
  score: number;
  a: Place;
  /** In the later split (train, validate, test): the example that is no longer new there. */
  b: Place;
  message: string;
}

/** Splits that could share something, earlier/later. */
export type SplitPair = "train/validate" | "train/test" | "validate/test";

const splitPairs: readonly SplitPair[] = ["train/validate", "train/test", "validate/test"];

/** What `audit` found. */
export class AuditReport {
  /** Examples of the later split that leak from the earlier one, by kind. */
  readonly matrix: Record<LeakKind, Record<SplitPair, number>>;

  constructor(
    /** One per kind, example and other split, the worst first. */
    readonly findings: readonly Finding[],
    /** Examples in each split. */
    readonly examples: Record<keyof Split, number>,
    /** What kinds of copies were not looked for. */
    readonly unseen = "",
  ) {
    const row = (kind: LeakKind): Record<SplitPair, number> => {
      const counts = { "train/validate": 0, "train/test": 0, "validate/test": 0 };
      for (const { kind: found, a, b } of findings) if (found === kind) counts[`${a.split}/${b.split}` as SplitPair]++;
      return counts;
    };
    this.matrix = {
      identical: row("identical"),
      targetIsInput: row("targetIsInput"),
      nearDuplicate: row("nearDuplicate"),
      group: row("group"),
      neighbour: row("neighbour"),
    };
  }

  /** Nothing is shared. */
  get clean(): boolean {
    return this.findings.length === 0;
  }

  /** The matrix and the ten worst findings as text. */
  toString(): string {
    const { train, validate, test } = this.examples;
    const head = ["leaked examples", ...splitPairs].map((text, i) => (i ? text.padStart(15) : text.padEnd(20)));
    const rows = leakKinds.map((kind) => {
      const counts = splitPairs.map((pair) => String(this.matrix[kind][pair]).padStart(15));
      return kind.padEnd(20) + counts.join("");
    });
    const worst = this.findings.slice(0, 10).map((finding) => `  ${finding.message}`);
    const more = this.findings.length > 10 ? [`  … and ${this.findings.length - 10} more in findings`] : [];
    return [
      `audit of ${train} train, ${validate} validate, ${test} test examples: ${this.clean ? "nothing shared was found" : `${this.findings.length} findings`}`,
      head.join(""),
      ...rows,
      ...worst,
      ...more,
      ...(this.unseen ? [`not looked for: ${this.unseen}`] : []),
    ].join("\n");
  }
}
