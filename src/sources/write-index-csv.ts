import { formatCsv } from "../format/csv.js";
import { join } from "node:path";
import { DatasetError } from "../core/error.js";
import { checkKnown } from "../core/known-options.js";
import { statOf } from "../system/file-names.js";
import { writeWhole } from "../system/atomic-file.js";
import { type DatasetIndex, isPart } from "../core/rows.js";
import { datasetFolders } from "./folders.js";
import { nameProblem } from "../core/names.js";

/** Options of `writeIndex`. */
export interface WriteIndexOptions {
  /** Replaces an index that is there with other content. Default false: refused. */
  overwrite?: boolean;
}

/**
 * Writes an index as the csv `D/N` that `readIndex` (and the original) reads, and the groups and splits of its rows as
 * `D/N.metadata.json`. Both appear whole or not at all.
 *
 * @throws DatasetError "OPTION" when the folders of the index aren't those `readIndex` takes, "FILE" when another index is there
 * @example await writeIndex("./gtzan", "gtzan", await fromFolder("./gtzan", { folder: "genres_original" }))
 */
export async function writeIndex(
  directory: string,
  name: string,
  index: DatasetIndex,
  options: WriteIndexOptions = {},
): Promise<void> {
  checkKnown<WriteIndexOptions>("writeIndex", options, { overwrite: true });
  const wrong = nameProblem(name);
  if (wrong) throw new DatasetError("OPTION", `dataset name ${JSON.stringify(name)} ${wrong}`);
  const parts = index.rows.some(isPart);
  if (parts || index.rows.some(({ events }) => events)) {
    const found = parts ? "has parts of files, expected whole ones" : "has events, expected key files";
    const message = `index ${index.file}: ${found}; pass it to check and generateRecords as it is`;
    throw new DatasetError("OPTION", message);
  }
  const folders = await datasetFolders(directory);
  const has = { inputFolder: index.inputFolder ?? "in", targetFolder: index.targetFolder ?? "out" };
  const pairs = index.kind === "pairs";
  if (has.inputFolder !== folders.inputFolder || (pairs && has.targetFolder !== folders.targetFolder)) {
    const show = (f: typeof has): string => `"${f.inputFolder}"${pairs ? ` and "${f.targetFolder}"` : ""}`;
    throw new DatasetError(
      "OPTION",
      `folders of the index: ${show(has)}, expected ${show(folders)} as in ${directory}`,
    );
  }
  if (!options.overwrite && (await statOf(join(directory, name)))) {
    throw new DatasetError("FILE", `index ${join(directory, name)}: exists, pass overwrite: true to replace it`);
  }
  await writeWhole(join(directory, name), indexText(index));
  const metadata = new Map<string, Record<string, string>>();
  for (const { input, group, split } of index.rows) {
    if (group === undefined && split === undefined) continue;
    metadata.set(input, { ...(group === undefined ? {} : { group }), ...(split === undefined ? {} : { split }) });
  }
  if (metadata.size > 0) {
    const text = JSON.stringify(Object.fromEntries(metadata), null, 1);
    await writeWhole(join(directory, `${name}.metadata.json`), `${text}\n`);
  }
}

/** The csv of an index: a header where the labels have names, then a line per row. */
export function indexText(index: DatasetIndex): string {
  const rows = index.rows.map((row) => [row.input, row.target ?? row.keys ?? row.values ?? []].flat());
  return formatCsv(index.labels ? [["file", ...index.labels], ...rows] : rows);
}
