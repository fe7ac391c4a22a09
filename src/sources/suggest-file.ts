import { posix } from "node:path";
import { sameName } from "../core/names.js";
import { AUDIO_FILE } from "./list-audio.js";

/**
 * Finds for missing files those that are there and may be meant: of the same name but for its folder, its extension and
 * upper and lower case, invisible characters and Unicode form. The nearest comes first: one of the same folder, then one of the same side.
 *
 * @param free the files that are there and that nothing names, relative to the dataset's folder
 */
export function meantFiles(free: Iterable<string>): (missing: string) => string | undefined {
  const known = new Map<string, string[]>();
  for (const file of free) {
    const list = known.get(stem(file));
    if (list) list.push(file);
    else known.set(stem(file), [file]);
  }
  return (missing) => {
    const alike = known.get(stem(missing)) ?? [];
    const near = (part: (file: string) => string): string | undefined =>
      alike.find((file) => part(file) === part(missing));
    return near(posix.dirname) ?? near((file) => file.split("/", 1)[0] as string) ?? alike[0];
  };
}

const stem = (file: string): string => sameName(posix.basename(file)).replace(AUDIO_FILE, "").toLowerCase();
