import { lineReporter, type Problem } from "../core/error.js";
import { checkKnown, type OptionNames } from "../core/known-options.js";
import type { DatasetIndex } from "../core/rows.js";
import type { SplitName } from "../core/split-name.js";
import { columnsOf, indexOfTable, type TableOptions } from "./index-rows.js";
import { eachSide } from "./join-indexes.js";
import { checkColumns, type CsvForm, readCsv } from "./table-rows.js";

/** Options of `fromCsv`: what its rows become, and how the csv is written. */
export interface FromCsvOptions extends TableOptions, CsvForm {}

/** The names of `TableOptions`. */
export const TABLE_OPTIONS: OptionNames<TableOptions> = {
  ...{ file: true, label: true, labels: true, separator: true, values: true, target: true, keys: true, classes: true },
  ...{ group: true, split: true, side: true, start: true, end: true, duration: true, decimal: true, where: true },
  ...{ unlabelled: true },
};

const OPTIONS: OptionNames<FromCsvOptions> = {
  ...TABLE_OPTIONS,
  ...{ columns: true, delimiter: true, quote: true, comment: true },
};

/**
 * Makes the index of a dataset from a csv that came with it.
 *
 * **ESC-50**, `meta/esc50.csv`: `filename,fold,target,category,esc10,src_file,take`; audio in `audio/`.
 * `fromCsv(D, "meta/esc50.csv", { file: "audio/{filename}", label: "category", group: "fold" })`: the five folds keep clips
 * of one recording together, `kfold({ groupBy })` gives them back.
 *
 * **GTZAN**, `features_30_sec.csv`: `filename,length,chroma_stft_mean,…,label`; audio in `genres_original/<label>/`.
 * `fromCsv(D, "features_30_sec.csv", { file: "genres_original/{label}/{filename}", label: "label" })`; or `fromFolder`.
 *
 * **FSD50K**, `FSD50K.ground_truth/dev.csv`: `fname,labels,mids,split` (`64760,"Electric_guitar,Guitar,Music","/m/02sgy,…",train`),
 * audio in `FSD50K.dev_audio/64760.wav`; `eval.csv` has no column `split`.
 * `fromCsv(D, "FSD50K.ground_truth/dev.csv", { file: "FSD50K.dev_audio/{fname}.wav", labels: "labels", split: "split" })`, and the same of
 * eval.csv with `side: "test"`, joined by `joinIndexes`.
 *
 * **MAESTRO**, `maestro-v3.0.0.csv`: `canonical_composer,canonical_title,split,year,midi_filename,audio_filename,duration`.
 * `fromCsv(D, "maestro-v3.0.0.csv", { file: "audio_filename", keys: "midi_filename", split: "split", group: "canonical_title" })`.
 *
 * **Common Voice**, `train.tsv`, `dev.tsv`, `test.tsv`: `client_id,path,sentence,…,gender`; clips in `clips/`.
 * `fromCsv(D, { train: "train.tsv", validate: "dev.tsv", test: "test.tsv" }, { file: "clips/{path}", label: "gender", quote: false, group: "client_id" })`.
 *
 * **Speech Commands** has no csv: `fromFolder`. Tables in json: `fromManifest`.
 *
 * Parts of long files: `start` and `end` (or `duration`) name the columns of their seconds.
 *
 * @param csv relative to `directory`; or one for each side of the split
 * @throws DatasetError "INDEX" with every bad row at once, "OPTION" for columns that the csv doesn't have
 * @example const index = await fromCsv("./esc50", "meta/esc50.csv", { file: "audio/{filename}", label: "category", group: "fold" });
 */
export async function fromCsv(
  directory: string,
  csv: string | Partial<Record<SplitName, string>>,
  options: FromCsvOptions,
): Promise<DatasetIndex> {
  checkKnown("fromCsv", options, OPTIONS);
  return await eachSide("fromCsv", csv, options, async (file, own) => {
    const problems: Problem[] = [];
    const report = lineReporter(file, problems);
    const table = await readCsv(directory, file, own, report);
    checkColumns(file, table, columnsOf(own), own);
    return await indexOfTable(directory, file, table, own, problems);
  });
}
