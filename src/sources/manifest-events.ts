import { DatasetError, type Problem, problemsError } from "../core/error.js";
import { type DatasetIndex, type Row, rowName } from "../core/rows.js";
import type { TimedLabel } from "../format/event-table.js";
import { eventRows } from "./event-rows.js";
import { refuseTexts, type TableOptions } from "./index-rows.js";
import { MADE } from "./manifest-forms.js";
import type { Table } from "./table-rows.js";

const OTHERS = ["label", "labels", "values", "target", "keys", "split", "start", "end", "duration"] as const;

/**
 * The index of a manifest whose rows label stretches of sounds, or of parts of them.
 * @param options `events` is the column of their labels
 * @param problems what is wrong with the manifest already
 * @throws DatasetError "INDEX" with every bad row at once, "OPTION" for options that say something of whole sounds
 */
export function indexOfEvents(
  file: string,
  table: Table,
  options: TableOptions & { events: string },
  problems: Problem[],
): DatasetIndex {
  const { events, classes, group, side, where } = options;
  // The form itself may say of which part of a file a row is.
  const other = OTHERS.find((name) => options[name] !== undefined && options[name] !== MADE[name as "start"]);
  if (other !== undefined)
    throw new DatasetError("OPTION", `events and ${other}: both, expected events alone (${file})`);
  const found = new Map<string, TimedLabel[]>();
  const rows = new Map<string, Omit<Row, "id" | "events">>();
  for (const { line, cells } of table.rows) {
    if (where && !where(cells)) continue;
    const time = (name: "start" | "end" | "onset" | "offset"): number | undefined =>
      cells[MADE[name]] ? Number(cells[MADE[name]]) : undefined;
    const [start, end, onset = 0, offset = 0] = [time("start"), time("end"), time("onset"), time("offset")];
    const input = cells[MADE.file]!;
    const part = { ...(start === undefined ? {} : { start }), ...(end === undefined ? {} : { end }) };
    const of = group === undefined ? (start === undefined ? {} : { group: input }) : { group: cells[group]! };
    const name = rowName({ input, ...part });
    const known = rows.get(name);
    if (known && known.group !== of.group) {
      const message = `group "${of.group}": of ${name}, expected "${known.group}" as in line ${known.line} (${file}:${line})`;
      problems.push({ kind: "group", file, line, message });
    }
    if (!known) rows.set(name, { line, input, ...part, ...of, ...(side ? { split: side } : {}) });
    const list = found.get(name) ?? [];
    found.set(name, list);
    if (cells[MADE.onset]) list.push({ onset, offset, label: cells[events]!, line });
    if (onset < 0) {
      const message = `onset: ${onset}, expected 0 or more (${file}:${line})`;
      problems.push({ kind: "labels", file, line, message });
    }
  }
  if (problems.length > 0) throw problemsError("INDEX", `manifest ${file}`, problems);
  refuseTexts(
    file,
    events,
    [...found.values()].flatMap((list) => list.map(({ label }) => [label])),
  );
  const made = eventRows([...rows.keys()], found, classes ? { classes } : {});
  if (made.labels.length === 0)
    throw new DatasetError("INDEX", `manifest ${file}: no labelled stretch, expected "${events}" in at least one`);
  const said: readonly (readonly [string, number, string])[] = [
    ["no label", made.unlabelled, "rows without a label: #, taken for nothing"],
    ["skipped", made.skipped, "rows of other classes: #, not taken"],
  ];
  const warnings = said.flatMap(([kind, count, text]): Problem[] =>
    count > 0 ? [{ kind, file, line: 1, message: `${text.replace("#", String(count))} (${file})` }] : [],
  );
  return {
    kind: "frames",
    file,
    labels: made.labels,
    rows: made.rows.map(({ id, events: stretches = [], input }) => ({ ...rows.get(input)!, id, events: stretches })),
    ...(warnings.length > 0 ? { warnings } : {}),
  };
}
