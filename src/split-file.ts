import { open, readFile, rename, rm } from "node:fs/promises";
import { DatasetError } from "./error.js";
import { packSplit, type SavedSplit, type Split, type SplitSource, unpackSplit } from "./split.js";

/**
 * Saves a split as a small json: ids of examples and a fingerprint of the dataset, so that it can be shared and
 * still fits after the records were rebuilt with other shards or another encoding. Any `Records` is a source.
 */
export async function saveSplit(file: string, split: Split, source: SplitSource): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    const handle = await open(temporary, "w");
    try {
      await handle.writeFile(`${JSON.stringify(packSplit(split, source))}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw new DatasetError("FILE", `split: cannot be written, ${(cause as Error).message} (${file})`, [], { cause });
  }
}

/**
 * Reads a split written by `saveSplit`.
 *
 * @throws DatasetError "FILE" when it can't be read, "SPLIT" when it was made for another dataset.
 */
export async function loadSplit(file: string, source: SplitSource): Promise<Split> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    throw new DatasetError("FILE", `split: cannot be read, ${(cause as Error).message} (${file})`, [], { cause });
  }
  let saved: SavedSplit;
  try {
    saved = JSON.parse(text) as SavedSplit;
  } catch (cause) {
    throw new DatasetError("SPLIT", `split: not json, expected one saved by saveSplit (${file})`, [], { cause });
  }
  return unpackSplit(saved, source, file);
}
