import { join } from "node:path";
import { statOf } from "../system/file-names.js";

/** Where a dataset's inputs and targets lie: `in` and `out` where they exist, else D itself and the inputs' folder. */
export async function datasetFolders(directory: string): Promise<{ inputFolder: string; targetFolder: string }> {
  const inputFolder = (await isFolder(join(directory, "in"))) ? "in" : "";
  const targetFolder = (await isFolder(join(directory, "out"))) ? "out" : inputFolder;
  return { inputFolder, targetFolder };
}

export async function isFolder(path: string): Promise<boolean> {
  return (await statOf(path))?.isDirectory() ?? false;
}
