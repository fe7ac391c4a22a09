import type { CheckedFile } from "./check-files.js";
import { type DatasetError, type Problem, problemsError } from "../core/error.js";
import { soundIn } from "../core/names.js";
import type { DatasetIndex, Row } from "../core/rows.js";

/** What `check` found. */
export interface CheckReport {
  /** Everything found, in the order of the index: `errors` and `warnings` together. */
  problems: Problem[];
  /** What makes a build impossible or wrong. */
  errors: Problem[];
  /** What is worth knowing: silent, clipped, DC offset, damaged, bits, length, unlisted, left out, unmatched, split. */
  warnings: Problem[];
  /** Every audio file with what its header (and its samples) say. */
  files: CheckedFile[];
  /** Number of problems of each kind. */
  counts: Record<string, number>;
  /** Whether there are no errors. */
  ok: boolean;
  /** The index without the rows that have an error: what `onProblem: "skip"` builds. Ids stay as they were. */
  sound: DatasetIndex;
  /** A DatasetError "CHECK" with every error, for refusing a build. */
  toError(): DatasetError;
  /** A table for people: the counts, then the first twenty of each kind. */
  toString(): string;
}

const WARNINGS = new Set([
  "silent",
  "clipped",
  "dc offset",
  "damaged",
  "left out",
  "bits",
  "length",
  "unlisted",
  "no notes",
  "hanging",
  "unmatched",
  "class numbers",
  "split",
  "skipped",
  "late",
  "no label",
]);

/** Whether a problem is worth knowing, but doesn't prevent a build. */
export function isWarning(problem: Problem): boolean {
  return WARNINGS.has(problem.kind);
}

/**
 * Sorts what was found into a report.
 * @param wrong rows of which something other than their files is wrong
 */
export function makeReport(
  index: DatasetIndex,
  files: CheckedFile[],
  problems: Problem[],
  wrong: ReadonlySet<Row> = new Set(),
): CheckReport {
  const errors = problems.filter((problem) => !isWarning(problem));
  const warnings = problems.filter(isWarning);
  const counts: Record<string, number> = {};
  for (const { kind } of [...errors, ...warnings]) counts[kind] = (counts[kind] ?? 0) + 1;
  const bad = new Set(errors.map((problem) => problem.file));
  const sides = [index.inputFolder ?? "in", index.targetFolder ?? "out"] as const;
  const isSound = (row: Row): boolean => {
    const { input, target, keys } = row;
    if (wrong.has(row)) return false;
    const named = [soundIn(sides[0], input), target === undefined ? undefined : soundIn(sides[1], target), keys];
    return !named.some((file) => file !== undefined && bad.has(file));
  };
  const rows = bad.size === 0 ? index.rows : index.rows.filter(isSound);
  return {
    problems,
    errors,
    warnings,
    files,
    counts,
    ok: errors.length === 0,
    sound: { ...index, rows },
    toError: () => problemsError("CHECK", `check of ${index.file}`, errors),
    toString: () => reportText(index, files, errors, warnings, counts),
  };
}

const SHOWN = 20;

function reportText(
  index: DatasetIndex,
  files: readonly CheckedFile[],
  errors: readonly Problem[],
  warnings: readonly Problem[],
  counts: Record<string, number>,
): string {
  const number = (n: number, one: string): string => `${n.toLocaleString("en-US")} ${one}${n === 1 ? "" : "s"}`;
  const seconds = files.reduce((sum, f) => sum + (f.frames && f.sampleRate ? f.frames / f.sampleRate : 0), 0);
  const size = `${number(index.rows.length, "row")}, ${number(files.length, "file")}, ${(seconds / 60).toFixed(1)} min of sound`;
  const lines = [`${index.file}: ${size}; ${number(errors.length, "error")}, ${number(warnings.length, "warning")}`];
  if (errors.length + warnings.length === 0) return lines.join("");
  const width = Math.max(...Object.keys(counts).map((kind) => kind.length));
  for (const kind of Object.keys(counts)) {
    const all = [...errors, ...warnings].filter((problem) => problem.kind === kind);
    const level = isWarning(all[0] as Problem) ? "warning" : "error  ";
    lines.push("", `${level}  ${kind.padEnd(width)}  ${all.length.toLocaleString("en-US")}`);
    for (const { message } of all.slice(0, SHOWN)) lines.push(`  ${message}`);
    if (all.length > SHOWN)
      lines.push(`  … and ${(all.length - SHOWN).toLocaleString("en-US")} more (report.problems has all)`);
  }
  return lines.join("\n");
}
