import { lstat, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { DatasetError } from "../core/error.js";
import { fileError } from "../system/atomic-file.js";

/** Path of a dataset's manifest. */
export function manifestPath(directory: string, name: string): string {
  return join(directory, `${name}.manifest.json`);
}

/** Folder in which the shards of dataset `name` are built. */
export function stagingPath(directory: string, name: string): string {
  return join(directory, `.${name}.build`);
}

/**
 * Makes the staging folder where there is none, and returns its path.
 * @throws DatasetError "FILE" where it can't be made, or is a link: what is in it gets moved and deleted
 */
export async function makeStaging(directory: string, name: string): Promise<string> {
  const staging = stagingPath(directory, name);
  try {
    await mkdir(staging, { recursive: true });
    if ((await lstat(staging)).isDirectory()) return staging;
  } catch (error) {
    throw fileError(error, staging);
  }
  throw new DatasetError("FILE", `${staging}: a symbolic link, expected a folder; delete the link`);
}

export function journalPath(directory: string, name: string): string {
  return join(stagingPath(directory, name), "publish.json");
}

/** Folder of the fingerprints that tasks of an audit take. */
export function auditPath(directory: string, name: string): string {
  return join(directory, `.${name}.audit`);
}

/** Name of shard `k` of dataset `name`. */
export function shardName(name: string, k: number): string {
  return `${name}${k}.tfrecord`;
}

/** The number of a shard by its name. */
export function shardNumber(name: string, file: string): number {
  return Number(file.slice(name.length, -".tfrecord".length));
}

/** Name of the index beside a shard. */
export function indexFile(shard: string): string {
  return shard.replace(/\.tfrecord$/, ".index");
}

/** Name of the entry that marks a shard in the staging folder as finished, and of its fingerprints in the audit's. */
export function entryFile(shard: string): string {
  return `${shard}.json`;
}
