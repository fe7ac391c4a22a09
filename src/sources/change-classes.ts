import { DatasetError, type Problem } from "../core/error.js";
import { checkKnown } from "../core/known-options.js";
import { byOnset, type DatasetIndex, type Row } from "../core/rows.js";
import { someOf } from "../core/split-name.js";

/** Which classes of a set become which. */
export interface ClassChanges {
  /** New names of classes, by the old ones: several may become one. */
  merge?: Readonly<Record<string, string>>;
  /** Classes, by their old names, that are left out. Sounds that have no other are left out too; sounds of events stay, with nothing in them. */
  drop?: readonly string[];
}

/**
 * An index with some classes renamed, joined or left out; what that leaves out is among its warnings.
 * @throws DatasetError "OPTION" for classes that the index doesn't have, or an index without names of classes
 */
export function changeClasses(index: DatasetIndex, changes: ClassChanges): DatasetIndex {
  checkKnown<ClassChanges>("classes", changes, { merge: true, drop: true });
  const { merge = {}, drop = [] } = changes;
  const { labels, kind } = index;
  if (!labels || !(kind === "classes" || index.rows.some(({ events }) => events))) {
    const why =
      kind === "frames" ? "key files, which name their own features" : `kind ${kind} without names of classes`;
    throw new DatasetError("OPTION", `classes: an index of ${why}, expected one with classes (${index.file})`);
  }
  const strange = [...Object.keys(merge), ...drop].find((name) => !labels.includes(name));
  if (strange !== undefined) {
    throw new DatasetError("OPTION", `classes: "${strange}", expected one of ${someOf(labels, 20)} (${index.file})`);
  }
  const newName = (name: string): string | undefined =>
    drop.includes(name) ? undefined : Object.hasOwn(merge, name) ? merge[name]! : name;
  const names = [...new Set(labels.flatMap((name) => newName(name) ?? []))];
  if (names.length === 0) throw new DatasetError("OPTION", `classes: all dropped, expected some left (${index.file})`);
  const number = labels.map((name) => names.indexOf(newName(name) ?? ""));
  const rows: Row[] = [];
  let left = 0;
  for (const row of index.rows) {
    const changed = changedRow(row, number, names.length);
    if (changed) rows.push({ ...changed, id: rows.length });
    else left++;
  }
  const message = `sounds of classes that are dropped: ${left}, not taken (${index.file})`;
  const warning: Problem[] = left > 0 ? [{ kind: "skipped", file: index.file, line: 1, message }] : [];
  const warnings = [...(index.warnings ?? []), ...warning];
  return { ...index, rows, labels: names, ...(warnings.length > 0 ? { warnings } : {}) };
}

/** A row by the new classes; undefined where it has none of them any more. */
function changedRow(row: Row, number: readonly number[], width: number): Row | undefined {
  if (row.events) {
    const events = row.events.flatMap(([onset, offset, label, value]) =>
      number[label]! < 0 ? [] : [[onset, offset, number[label]!, value] as const],
    );
    events.sort(byOnset);
    return { ...row, events };
  }
  const values = new Array<number>(width).fill(0);
  const before = row.values ?? [];
  for (const [i, value] of before.entries()) {
    const k = number[i]!;
    if (k >= 0 && Math.abs(value) > Math.abs(values[k]!)) values[k] = value;
  }
  const lost = before.some((value) => value !== 0) && values.every((value) => value === 0);
  return lost ? undefined : { ...row, values };
}
