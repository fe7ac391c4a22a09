import { randomUUID } from "node:crypto";
import {
  closeSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
} from "node:fs";
import { homedir, hostname } from "node:os";
import { join } from "node:path";
import { DatasetError } from "../core/error.js";
import { checkKnown } from "../core/known-options.js";
import { fileError } from "../system/atomic-file.js";
import { processExists } from "../system/process-exists.js";

/** Where shards from elsewhere are kept on this machine. */
export interface CacheOptions {
  /** Default `~/.cache/deep-audio-dataset` (`XDG_CACHE_HOME`). */
  folder?: string;
  /** Bytes that it may take; what was unused for longest goes. Default 50e9. */
  bytes?: number;
}

const BYTES = 50e9;

/** Files by their hashes, shared by all processes: whole ones stay, each opening's own are in a folder that goes with its process. */
export class Cache {
  readonly folder: string;
  readonly bytes: number;

  /** @throws DatasetError "OPTION" for a bound below 1, "FILE" where the folder can't be made */
  constructor(options: CacheOptions = {}) {
    checkKnown<CacheOptions>("cache", options, { folder: true, bytes: true });
    const { folder, bytes = BYTES } = options;
    if (!(bytes >= 1 && bytes < Infinity))
      throw new DatasetError("OPTION", `cache.bytes: ${bytes}, expected a number of bytes`);
    this.bytes = bytes;
    this.folder = folder ?? join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "deep-audio-dataset");
    try {
      mkdirSync(this.folder, { recursive: true });
      this.clearDead();
    } catch (error) {
      throw fileError(error, this.folder);
    }
  }

  /** A folder of this process, deleted when it ends. */
  makeOpening(): string {
    const folder = join(this.folder, `${openings()}${randomUUID()}`);
    mkdirSync(folder);
    process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
    return folder;
  }

  /** Where the file of this hash stays. */
  pathOf(sha256: string, end = ""): string {
    return join(this.folder, sha256 + end);
  }

  /**
   * Takes a kept file into an opening; false where there is none.
   * @param bytes the size it must have
   */
  take(kept: string, path: string, bytes?: number): boolean {
    try {
      linkSync(kept, path);
      const now = new Date();
      utimesSync(path, now, now);
      if (bytes === undefined || statSync(path).size === bytes) return true;
    } catch {
      // There is none, or these disks have no links.
    }
    rmSync(path, { force: true });
    return false;
  }

  /** Kept files that no opening uses, and their bytes, from the one unused for longest on. */
  unused(): { path: string; bytes: number }[] {
    const files = readdirSync(this.folder, { withFileTypes: true }).filter((entry) => entry.isFile());
    return files
      .flatMap(({ name }) => {
        const path = join(this.folder, name);
        const stats = statSync(path, { throwIfNoEntry: false });
        return stats?.nlink === 1 ? [{ path, bytes: stats.size, usedMs: stats.mtimeMs }] : [];
      })
      .sort((a, b) => a.usedMs - b.usedMs);
  }

  private clearDead(): void {
    for (const name of readdirSync(this.folder)) {
      const [, host, pid] = /^open-(.+)-(\d+)-[0-9a-f]{8}-[0-9a-f-]{27}$/.exec(name) ?? [];
      if (host === hostname() && !processExists(Number(pid)))
        rmSync(join(this.folder, name), { recursive: true, force: true });
    }
  }
}

const openings = (): string => `open-${hostname()}-${process.pid}-`;

/** Makes a file that is all holes. */
export function makeHollow(path: string, bytes: number): void {
  const file = openSync(path, "w");
  try {
    ftruncateSync(file, bytes);
  } finally {
    closeSync(file);
  }
}

/** Deletes a file and what it is kept as, its bytes at once even where a thread still has it open; not those that another process uses. */
export function discard(path: string, kept: string): void {
  rmSync(kept, { force: true });
  // Its name is gone, so that nobody can begin to use it any more.
  if (path !== kept && statSync(path).nlink === 1) truncateSync(path);
  rmSync(path, { force: true });
}

/** Leaves a file of an opening to later ones. */
export function keep(path: string, kept: string): void {
  try {
    linkSync(path, kept);
  } catch {
    // Somebody else was faster, or these disks have no links: the next opening fetches it again.
  }
}
