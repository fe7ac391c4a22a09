import { DatasetError } from "../core/error.js";
import { fileHash } from "../system/hashed-file.js";

/** A shard as it was when the dataset was opened. */
export interface OpenShard {
  path: string;
  /** When it last changed. */
  mtimeMs?: number | undefined;
  /** Of the whole file. */
  sha256?: string | undefined;
}

/**
 * Compares a shard's file with what it was: the places of the examples are those of that one alone. One that changed
 * since is read whole: rebuilt to the same bytes it is as good as before.
 * @throws DatasetError "RECORD" where its bytes differ
 */
export function checkUnchanged({ path, mtimeMs, sha256 }: OpenShard, now: { mtimeMs: number }): void {
  if (mtimeMs === undefined || mtimeMs === now.mtimeMs) return;
  if (sha256 !== undefined && fileHash(path) === sha256) return;
  throw new DatasetError(
    "RECORD",
    `shard: changed since it was opened, expected it as it was (${path}); load the dataset again`,
  );
}
