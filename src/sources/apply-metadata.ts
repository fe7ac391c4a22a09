import type { Problem } from "../core/error.js";
import { plainName, soundIn } from "../core/names.js";
import type { GrowingIndex, Row } from "../core/rows.js";
import { findSplits, type FoundSplits, someOf, splitReader } from "../core/split-name.js";
import { AUDIO_FILE } from "./list-audio.js";
import type { Metadata } from "./metadata.js";
import { meantFiles } from "./suggest-file.js";

type Fields = Readonly<Record<string, string>>;

/**
 * Gives each row the group and the split that the metadata of its input names.
 *
 * A name in the metadata is that of an input as the index spells it, or with the inputs' folder before it, or with another
 * extension or none. Errors: no name is an input, an unknown split, no field `groupBy`. Warnings of the index: names that
 * are no input, inputs without metadata or without a split where others have them, a column of splits that can't be read.
 * @param name the metadata's file, for messages
 */
export function applyMetadata(
  index: GrowingIndex,
  metadata: Metadata,
  { name, groupBy }: { name: string; groupBy?: string | undefined },
  problems: Problem[],
): void {
  const report = (line: number, message: string): void =>
    void problems.push({ kind: "metadata", file: index.file, line, message: `${message} (${index.file}:${line})` });
  const warnings: Problem[] = [];
  const warn = (kind: string, message: string): void => void warnings.push({ kind, file: name, message });
  const { known, used } = matched(index, metadata);
  const splits = splitsOf(metadata, groupBy);
  if (splits && "unread" in splits) {
    const hint = `; if they are folds, pass groupBy: ${JSON.stringify(splits.unread)}`;
    warn(
      "split",
      `field "${splits.unread}": ${someOf(splits.values)}, expected train, validate or test (${name})${hint}`,
    );
  }
  const field = groupBy ?? "group";
  let unsplit = 0;
  for (const row of index.rows) {
    const fields = known.get(row);
    const group = fields && Object.hasOwn(fields, field) ? fields[field] : undefined;
    if (group !== undefined) row.group = group;
    else if (groupBy !== undefined && used.size > 0) {
      report(row.line, `metadata of "${row.input}" has no "${field}", expected that field for every input`);
    }
    if (!splits || "unread" in splits) continue;
    const text = fields && Object.hasOwn(fields, splits.column) ? fields[splits.column] : undefined;
    const split = text === undefined ? undefined : splits.read(text);
    if (split) row.split = split;
    else if (text !== undefined)
      report(row.line, `split "${text}" of "${row.input}", expected train, validate or test`);
    else unsplit++;
  }
  const strange = [...metadata.keys()].filter((file) => !used.has(file));
  if (strange.length > 0 && index.rows.length > 0) {
    const meant = meantFiles(index.rows.map(({ input }) => input));
    const near = strange.map((file) => ({ file, input: meant(file) })).find(({ input }) => input !== undefined);
    const hint = near ? `; did you mean "${near.input}" by "${near.file}"?` : "";
    const example = `expected the inputs' names such as "${index.rows[0]!.input}" (${name})${hint}`;
    const message = `metadata: ${strange.length} of ${metadata.size} names are no input: ${someOf(strange)}; ${example}`;
    if (used.size > 0) warn("unmatched", message);
    else problems.push({ kind: "metadata", file: name, message });
  }
  const bare = index.rows.filter((row) => !known.has(row)).map(({ input }) => input);
  if (used.size > 0 && bare.length > 0 && groupBy === undefined) {
    warn(
      "unmatched",
      `inputs: ${bare.length} of ${index.rows.length} without metadata: ${someOf(bare)}; expected all (${name})`,
    );
  }
  if (unsplit > 0 && unsplit < index.rows.length) {
    warn(
      "split",
      `split: none for ${unsplit} of ${index.rows.length} inputs, expected one for all (${name}); without one they train`,
    );
  }
  if (warnings.length > 0) index.warnings = [...(index.warnings ?? []), ...warnings];
}

/** The metadata of each row that has some, and the names that were found so. */
function matched(index: GrowingIndex, metadata: Metadata): { known: Map<Row, Fields>; used: Set<string> } {
  const stem = (file: string): string => file.replace(AUDIO_FILE, "");
  const byStem = new Map<string, string | undefined>();
  // Two names of one stem are two files: neither is meant by the stem.
  for (const file of metadata.keys()) byStem.set(stem(file), byStem.has(stem(file)) ? undefined : file);
  const known = new Map<Row, Fields>();
  const used = new Set<string>();
  for (const row of index.rows) {
    const input = plainName(row.input);
    const inside = soundIn(index.inputFolder ?? "in", input);
    const found =
      [input, inside].find((file) => metadata.has(file)) ?? byStem.get(stem(input)) ?? byStem.get(stem(inside));
    if (found === undefined) continue;
    known.set(row, metadata.get(found)!);
    used.add(found);
  }
  return { known, used };
}

/** The field of splits: one called so whatever it holds, so that a wrong split is reported; else one that reads as such. */
function splitsOf(metadata: Metadata, groupBy: string | undefined): FoundSplits {
  const fields = new Map<string, Set<string>>();
  for (const given of metadata.values()) {
    for (const [field, text] of Object.entries(given)) {
      const texts = fields.get(field);
      if (texts) texts.add(text);
      else fields.set(field, new Set([text]));
    }
  }
  const texts = fields.get("split");
  if (texts) return { column: "split", read: splitReader(texts) };
  const others = [...fields.keys()].filter((field) => field !== groupBy);
  return findSplits(others, (field) => fields.get(field) ?? []);
}
