import { DatasetError, type Problem, problemsError } from "../core/error.js";
import { type DatasetIndex, type RowEvent, rowKey } from "../core/rows.js";
import { type SplitName, splitNames } from "../core/split-name.js";
import { byPitch } from "./event-rows.js";

/**
 * One index of several, of the same kind and folders, their rows in order; classes are those of all, by name or pitch, unless all have the same.
 * @throws DatasetError "OPTION" where they don't fit together, "INDEX" where a file is in two of them
 * @example
 * const dev = await fromCsv("./esc50", "meta/esc50.csv", { file: "audio/{filename}", label: "category" });
 * joinIndexes(dev).labels
 */
export function joinIndexes(...parts: readonly DatasetIndex[]): DatasetIndex {
  const [first] = parts;
  if (!first) throw new DatasetError("OPTION", "joinIndexes: no index, expected at least one");
  for (const part of parts) {
    const fits =
      part.kind === first.kind && part.inputFolder === first.inputFolder && part.targetFolder === first.targetFolder;
    const named =
      isOpen(part) && isOpen(first) ? !part.labels === !first.labels : `${part.labels}` === `${first.labels}`;
    if (!fits || !named)
      throw new DatasetError("OPTION", `joinIndexes: ${part.file} and ${first.file} differ in kind, folders or labels`);
  }
  const same = parts.every((part) => `${part.labels}` === `${first.labels}`);
  const labels =
    first.labels && !same
      ? [...new Set(parts.flatMap((part) => part.labels ?? []))].sort(first.kind === "frames" ? byPitch : undefined)
      : first.labels;
  const seen = new Set<string>();
  const problems: Problem[] = [];
  const rows = parts.flatMap((part) =>
    part.rows.map((row) => {
      const key = rowKey(row);
      const message = `"${row.input}": in two indexes, expected it in one (${part.file}:${row.line})`;
      if (seen.has(key)) problems.push({ kind: "duplicate", file: part.file, line: row.line, message });
      seen.add(key);
      if (same || !labels || !part.labels) return { ...row };
      if (row.events) return { ...row, events: renumbered(row.events, part.labels, labels) };
      const columns = new Map(part.labels.map((label, i) => [label, row.values?.[i] ?? 0]));
      return { ...row, values: labels.map((label) => columns.get(label) ?? 0) };
    }),
  );
  if (problems.length > 0) throw problemsError("INDEX", "joined indexes", problems);
  rows.forEach((row, id) => {
    row.id = id;
  });
  const besides = [...new Set(parts.flatMap((part) => [part.file, ...(part.besides ?? [])]))];
  const listed = [...new Set(parts.flatMap((part) => part.folders ?? []))];
  const warnings = parts.flatMap((part) => part.warnings ?? []);
  return {
    ...first,
    besides,
    rows,
    ...(listed.length > 0 ? { folders: listed } : {}),
    ...(labels ? { labels } : {}),
    ...(warnings.length > 0 ? { warnings } : {}),
  };
}

/** Whether its classes may be joined with others: those of whole sounds, and those of events that the rows hold. */
const isOpen = ({ kind, rows }: DatasetIndex): boolean =>
  kind === "classes" || (kind === "frames" && rows.every(({ events }) => events !== undefined));

function renumbered(events: readonly RowEvent[], from: readonly string[], to: readonly string[]): RowEvent[] {
  const numbers = from.map((label) => to.indexOf(label));
  return events.map(([onset, offset, label, value]): RowEvent => [onset, offset, numbers[label]!, value]);
}

/**
 * The index of one table, or of one for each side of the split, joined.
 * @throws DatasetError "OPTION" where there is none, or a side is none
 */
export async function eachSide<T extends { side?: SplitName }>(
  call: string,
  tables: string | Partial<Record<SplitName, string>>,
  options: T,
  read: (table: string, options: T) => Promise<DatasetIndex>,
): Promise<DatasetIndex> {
  if (typeof tables === "string") return await read(tables, options);
  const wrong = Object.keys(tables).find((side) => !splitNames.includes(side as SplitName));
  if (wrong !== undefined || options.side !== undefined || Object.keys(tables).length === 0) {
    const found = wrong ?? (options.side === undefined ? "no table" : `side ${options.side} beside a table for each`);
    throw new DatasetError("OPTION", `${call}: ${found}, expected tables by train, validate and test`);
  }
  const parts: DatasetIndex[] = [];
  for (const side of splitNames) {
    const table = tables[side];
    if (table !== undefined) parts.push(await read(table, { ...options, side }));
  }
  return joinIndexes(...parts);
}
