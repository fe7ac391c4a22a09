import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";

/** Shards of dataset `name` in numeric order: `N<k>.tfrecord`, or `N.tfrecord` alone. Those of `N2` aren't among them. */
export async function findShards(directory: string, name: string): Promise<string[]> {
  const files = existsSync(directory) ? await readdir(directory) : [];
  const number = (file: string): number => {
    if (!file.startsWith(name) || !file.endsWith(".tfrecord")) return -1;
    const digits = file.slice(name.length, -".tfrecord".length);
    return digits === "" ? 0 : /^(0|[1-9]\d*)$/.test(digits) ? Number(digits) : -1;
  };
  const shards = files.filter((file) => number(file) >= 0).sort((a, b) => number(a) - number(b));
  // One whole file is the form of the original's later version; beside numbered shards it is another dataset's.
  return shards.some((file) => file !== `${name}.tfrecord`) ? shards.filter((f) => f !== `${name}.tfrecord`) : shards;
}
