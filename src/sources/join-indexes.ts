import { DatasetError, type Problem, problemsError } from "../core/error.js";
import { type DatasetIndex, rowKey } from "../core/rows.js";

/**
 * One index of several, of the same kind and folders, their rows in order; classes are those of all, by name.
 * @throws DatasetError "OPTION" where they don't fit together, "INDEX" where a file is in two of them
 * @example
 * const dev = await fromCsv("./esc50", "meta/esc50.csv", { file: "audio/{filename}", label: "category" });
 * joinIndexes(dev).labels
 */
export function joinIndexes(...parts: readonly DatasetIndex[]): DatasetIndex {
  const [first] = parts;
  if (!first) throw new DatasetError("OPTION", "joinIndexes: no index, expected at least one");
  for (const part of parts) {
    const same =
      part.kind === first.kind && part.inputFolder === first.inputFolder && part.targetFolder === first.targetFolder;
    const named = part.kind === "classes" ? !part.labels === !first.labels : `${part.labels}` === `${first.labels}`;
    if (!same || !named)
      throw new DatasetError("OPTION", `joinIndexes: ${part.file} and ${first.file} differ in kind, folders or labels`);
  }
  const labels =
    first.labels && first.kind === "classes"
      ? [...new Set(parts.flatMap((part) => part.labels ?? []))].sort()
      : first.labels;
  const seen = new Set<string>();
  const problems: Problem[] = [];
  const rows = parts.flatMap((part) =>
    part.rows.map((row) => {
      const key = rowKey(row);
      const message = `"${row.input}": in two indexes, expected it in one (${part.file}:${row.line})`;
      if (seen.has(key)) problems.push({ kind: "duplicate", file: part.file, line: row.line, message });
      seen.add(key);
      if (part.kind !== "classes" || !labels || !part.labels) return { ...row };
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
