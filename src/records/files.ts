import { join } from "node:path";

/** Path of a dataset's manifest. */
export function manifestPath(directory: string, name: string): string {
  return join(directory, `${name}.manifest.json`);
}

/** Folder in which the shards of dataset `name` are built. */
export function stagingPath(directory: string, name: string): string {
  return join(directory, `.${name}.build`);
}

export function journalPath(directory: string, name: string): string {
  return join(stagingPath(directory, name), "publish.json");
}

/** Name of the index beside a shard. */
export function indexFile(shard: string): string {
  return shard.replace(/\.tfrecord$/, ".index");
}

/** Name of the entry that marks a shard in the staging folder as finished. */
export function entryFile(shard: string): string {
  return `${shard}.json`;
}
