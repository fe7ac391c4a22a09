import { readWhole } from "../system/file-names.js";
import { DatasetError } from "../core/error.js";
import { packSplit, type SavedSplit, type Split, type SplitSource, unpackSplit } from "./split.js";
import { fileError, writeWhole } from "../system/atomic-file.js";

/**
 * Saves a split as a small json: ids of examples and a fingerprint of the dataset, so that it can be shared and
 * still fits after the records were rebuilt with other shards or another encoding. Any `Records` is a source.
 */
export async function saveSplit(file: string, split: Split, source: SplitSource): Promise<void> {
  await writeWhole(file, `${JSON.stringify(packSplit(split, source))}\n`);
}

/**
 * Reads a split written by `saveSplit`.
 *
 * @throws DatasetError "FILE" when it can't be read, "SPLIT" when it was made for another dataset.
 */
export async function loadSplit(file: string, source: SplitSource): Promise<Split> {
  let text: string;
  try {
    text = String(await readWhole(file));
  } catch (cause) {
    throw fileError(cause, file);
  }
  let saved: SavedSplit;
  try {
    saved = JSON.parse(text) as SavedSplit;
  } catch (cause) {
    throw new DatasetError("SPLIT", `split: not json, expected one saved by saveSplit (${file})`, [], { cause });
  }
  return unpackSplit(saved, source, file);
}
