import { checkKnown, type OptionNames } from "../core/known-options.js";
import { join } from "node:path";
import { DatasetError, type Problem, problemsError } from "../core/error.js";
import { statOf } from "../system/file-names.js";
import { FILE_NAMES, listAudio } from "./list-audio.js";
import type { DatasetIndex, GrowingIndex } from "../core/rows.js";
import { datasetFolders } from "./folders.js";
import { nameProblem } from "../core/names.js";
import { FIELD, nameMatcher } from "./name-pattern.js";

/**
 * How the target's name follows from the input's: a function (undefined leaves the file out), or two patterns.
 *
 * In a pattern `{name}` stands for any text and is the same text on both sides; the rest is taken as it stands. `{n+12}`
 * or `{n-1}` in the target makes `{n}` a whole number and adds to it; zeros in front are kept.
 */
export type PairRule = ((input: string) => string | undefined) | { input: string; target: string };

/** A note and the same an octave higher: `piano_60.wav`, `piano_72.wav`. The original's PianoDataset. */
export const OCTAVE_UP: PairRule = { input: "{prefix}{n}.wav", target: "{prefix}{n+12}.wav" };

/** Options of `pairBy`. */
export interface PairByOptions {
  /** An input whose target isn't there: "error" (default) or "skip", as at the top of a keyboard. */
  unpaired?: "error" | "skip";
  /** Group of a pair, from its input's name: a pattern of the rule's names such as `{prefix}`, or a function. */
  group?: string | ((input: string) => string);
}

/**
 * Makes the index of a dataset of pairs from the names of its files: each input in `D/in` (or in D) with the target in
 * `D/out` that the rule names; without a folder `out` the targets lie with the inputs.
 *
 * @throws DatasetError "INDEX" with every input whose target is missing; "OPTION" for a rule that makes no sense
 * @example const index = await pairBy("./piano", OCTAVE_UP, { unpaired: "skip" }); await writeIndex("./piano", "dataset", index)
 * @example await pairBy("./speech", { input: "noisy_{id}.wav", target: "clean_{id}.wav" }, { group: (name) => name.slice(6, 10) })
 */
export async function pairBy(directory: string, rule: PairRule, options: PairByOptions = {}): Promise<DatasetIndex> {
  checkKnown("pairBy", options, { unpaired: true, group: true } satisfies OptionNames<PairByOptions>);
  if (typeof rule !== "function") checkKnown("rule", rule, { input: true, target: true });
  const folders = await datasetFolders(directory);
  const inputs = await listAudio(join(directory, folders.inputFolder));
  const targets = new Set(await listAudio(join(directory, folders.targetFolder)));
  const match = typeof rule === "function" ? undefined : nameMatcher(rule.input, numbersIn(rule.target));
  const names = match?.names ?? [];
  if (typeof rule !== "function") checkPattern(rule.target, names);
  if (typeof options.group === "string") checkPattern(options.group, names);
  const listed = [...new Set([folders.inputFolder, folders.targetFolder])];
  const index: GrowingIndex = { kind: "pairs", file: FILE_NAMES, folders: listed, rows: [], ...folders };
  const problems: Problem[] = [];
  for (const input of inputs) {
    const parts = match?.parts(input);
    const target = typeof rule === "function" ? rule(input) : parts && fill(rule.target, parts);
    if (target === undefined) continue;
    const wrong = nameProblem(target);
    if (wrong || !(targets.has(target) || (await statOf(join(directory, folders.targetFolder, target)))?.isFile())) {
      if (!wrong && options.unpaired === "skip") continue;
      const message = `target ${JSON.stringify(target)}: ${wrong ?? "not found"} (of ${input}); pass unpaired: "skip" to leave such files out`;
      problems.push({ kind: wrong ? "outside" : "missing", file: input, message });
      continue;
    }
    const { group } = options;
    const named = typeof group === "function" ? group(input) : group && parts && fill(group, parts);
    const id = index.rows.length;
    index.rows.push({ id, line: id + 1, input, target, ...(named === undefined ? {} : { group: named }) });
  }
  if (problems.length > 0) throw problemsError("INDEX", `pairs in ${directory}`, problems);
  if (index.rows.length === 0) {
    const fits = typeof rule === "function" ? "the rule" : `"${rule.input}"`;
    throw new DatasetError(
      "INDEX",
      `pairs in ${directory}: none of ${inputs.length} files fits ${fits}, expected at least one`,
    );
  }
  return index;
}

/** The names that a target's pattern adds to. */
function numbersIn(target: string): ReadonlySet<string> {
  return new Set([...target.matchAll(FIELD)].flatMap(([, name, shift]) => (shift ? [name!] : [])));
}

function checkPattern(pattern: string, names: readonly string[]): void {
  for (const [whole, name = ""] of pattern.matchAll(FIELD)) {
    if (names.includes(name)) continue;
    throw new DatasetError(
      "OPTION",
      `pattern "${pattern}": ${whole}, expected a name of the input's pattern: ${names.join(", ")}`,
    );
  }
}

/** The pattern with its names filled in; undefined where a number is asked of text, or would become negative. */
function fill(pattern: string, parts: Record<string, string>): string | undefined {
  let possible = true;
  const text = pattern.replace(FIELD, (_whole, name: string, shift?: string) => {
    const part = parts[name] ?? "";
    if (!shift) return part;
    const value = Number(part) + Number(shift);
    possible &&= /^\d+$/.test(part) && value >= 0;
    return part.startsWith("0") ? String(value).padStart(part.length, "0") : String(value);
  });
  return possible ? text : undefined;
}
