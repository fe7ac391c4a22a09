import { DatasetError } from "./error.js";

/** A shard as it was when the dataset was opened. */
export interface OpenShard {
  path: string;
  /** When it last changed. */
  mtimeMs?: number;
}

/**
 * Compares a shard's file with what it was: the places of the examples are those of that one alone.
 * @throws DatasetError "RECORD" where it was built anew since
 */
export function checkUnchanged({ path, mtimeMs }: OpenShard, now: { mtimeMs: number }): void {
  if (mtimeMs === undefined || mtimeMs === now.mtimeMs) return;
  throw new DatasetError(
    "RECORD",
    `shard: changed since it was opened, expected it as it was (${path}); load the dataset again`,
  );
}
