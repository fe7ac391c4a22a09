import { jsonLines, type Layout } from "./exported-example.js";

const FOLDERS = { train: "train", validate: "validation", test: "test" } as const;

/** Hugging Face's AudioFolder: a folder for each side, with a `metadata.jsonl` that names its files. */
export const audioFolderLines: Layout = {
  folderOf: (side) => ({ sounds: FOLDERS[side], base: FOLDERS[side] }),
  texts: (side, examples) => ({
    [`${FOLDERS[side]}/metadata.jsonl`]: jsonLines(
      examples.map(({ file, fields, events, group }) => ({
        file_name: file,
        ...fields,
        ...(events ? { events } : {}),
        ...(group === undefined ? {} : { group }),
      })),
    ),
  }),
};
