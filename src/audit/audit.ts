import { HEARD_SECONDS } from "./compare-signals.js";
import { FindingList } from "./finding-list.js";
import { AuditReport, type Finding, type LeakKind, leakKinds, type Place } from "./report.js";
import { addSounds, type SoundOptions } from "./similar-sounds.js";
import { DatasetError, type Problem } from "../core/error.js";
import { recipeRows } from "../generate/recipe.js";
import type { Records } from "../records/open-records.js";
import { splitNames } from "../core/split-name.js";
import type { Split } from "../split/split.js";

export { AuditReport, type Finding, type LeakKind, type Place };

/** Options of `audit`. */
export interface AuditOptions extends SoundOptions {
  /** Kinds that are errors: `audit` then throws "LEAK" where it finds any. `true`: all of them. Default none. */
  failOn?: readonly LeakKind[] | boolean;
  /** One name per example, instead of the groups that the records carry. */
  groups?: readonly string[];
}

/**
 * Looks for what the splits share, on both sides of every pair:
 *
 * - identical: the same samples;
 * - targetIsInput: a target that is the input of an example in another split, sample for sample or nearly;
 * - nearDuplicate: the same sound at another level, shifted or cut by up to a second, with silence before or after, encoded
 *   again, with noise, filtered, resampled, with a short echo or faded: candidates by spectral fingerprints of the whole
 *   and of all but the beginning or the end; confirmed by their correlation after the best linear filter. Of long
 *   files the first 10 s are compared (4.3 s at 192 kHz);
 * - group: examples of one group in two splits;
 * - neighbour: of a generated set, the same wave and chord at the next frequency.
 *
 * Time grows near-linearly with the number of examples. Copies at another speed or pitch, and sounds mixed into others,
 * aren't found. Music that repeats itself exactly is a near-duplicate of itself.
 *
 * @throws DatasetError "OPTION" for numbers that make no sense, "RECORD" for missing `parts`, "LEAK" where `failOn` names a kind that was found; its `problems` list every finding
 * @example
 * const report = await audit(records, split, { failOn: ["identical", "group"] });
 * console.log(String(report));
 */
export async function audit(records: Records, split: Split, options: AuditOptions = {}): Promise<AuditReport> {
  return auditReport(await findShared(records, split, options), options);
}

/** What a report is made of: plain data, which can come from another machine. */
export type AuditFindings = ConstructorParameters<typeof AuditReport>;

/** The report of what was found; throws where `failOn` names a kind of it. */
export function auditReport(found: AuditFindings, { failOn }: AuditOptions): AuditReport {
  const report = new AuditReport(...found);
  refuse(report, failOn);
  return report;
}

/** As `audit`, without the report around it. */
export async function findShared(records: Records, split: Split, options: AuditOptions = {}): Promise<AuditFindings> {
  checkOptions(options);
  const owner = new Int8Array(records.count).fill(-1);
  for (const [part, name] of splitNames.entries()) for (const i of split[name]) owner[i] = part;
  const findings = new FindingList(records, owner);
  addGroups(findings, owner, options.groups ?? records.groups);
  addNeighbours(findings, records, owner);
  const maxShift = await addSounds(findings, records, owner, options);
  const examples = { train: split.train.length, validate: split.validate.length, test: split.test.length };
  const unseen = `another speed or pitch, mixes, shifts and cuts of over ${maxShift.toFixed(2)} s, copies of what comes after the first ${HEARD_SECONDS} s`;
  return [findings.all(), examples, unseen];
}

function checkOptions({ threshold = 0, maxShift = 0, parts }: AuditOptions): void {
  if (parts && maxShift) throw new DatasetError("OPTION", `maxShift: ${maxShift}, expected none with parts`);
  if (!(Number.isFinite(maxShift) && maxShift >= 0)) {
    throw new DatasetError("OPTION", `maxShift: ${maxShift}, expected seconds from 0`);
  }
  if (!(threshold >= 0 && threshold <= 1)) {
    throw new DatasetError("OPTION", `threshold: ${threshold}, expected a correlation from 0 to 1`);
  }
}

function refuse(report: AuditReport, failOn: AuditOptions["failOn"]): void {
  const refused = failOn === true ? leakKinds : failOn || [];
  const bad = report.findings.filter((finding) => refused.includes(finding.kind));
  if (bad.length === 0) return;
  const problems: Problem[] = bad.map(({ kind, b, message }) => ({ kind, file: b.name, message }));
  const lines = bad.slice(0, 20).map((finding) => `  ${finding.message}`);
  const more = bad.length > 20 ? [`  … and ${bad.length - 20} more (error.problems has all)`] : [];
  throw new DatasetError(
    "LEAK",
    [`audit: ${bad.length} leaks between splits, expected none of kind ${refused.join(", ")}`, ...lines, ...more].join(
      "\n",
    ),
    problems,
  );
}

function addGroups(findings: FindingList, owner: Int8Array, groups: readonly string[] | undefined): void {
  const homes = new Map<string, number[]>();
  for (const [i, group] of (groups ?? []).entries()) {
    if (group === "" || owner[i]! < 0) continue;
    // The first example of the group in each split stands for the others.
    const first = homes.get(group) ?? [];
    homes.set(group, first);
    first[owner[i]!] ??= i;
  }
  for (const [i, group] of (groups ?? []).entries()) {
    for (const other of homes.get(group) ?? []) {
      if (other === undefined || owner[i]! <= owner[other]!) continue;
      findings.add("group", 1, [other, "input"], [i, "input"], `is in group "${group}", like`);
    }
  }
}

function addNeighbours(findings: FindingList, records: Records, owner: Int8Array): void {
  const { recipe } = records.manifest;
  if (!recipe) return;
  const rows = recipeRows(recipe);
  const example = new Map(Array.from(records.ids, (id, i) => [id, i]));
  for (const [k, row] of rows.entries()) {
    const next = rows[k + 1];
    if (!next || next.wave !== row.wave || next.chord !== row.chord) continue;
    const [i, j] = [example.get(row.id), example.get(next.id)];
    if (i === undefined || j === undefined || owner[i]! < 0 || owner[j]! < 0 || owner[i] === owner[j]) continue;
    const ratio = Math.min(row.frequency, next.frequency) / Math.max(row.frequency, next.frequency);
    findings.add(
      "neighbour",
      ratio,
      [i, "input"],
      [j, "input"],
      "has the same wave and chord, one step in frequency from,",
    );
  }
}
