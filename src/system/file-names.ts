import { handleToRead, refuseOthers } from "./open-to-read.js";
import type { Stats } from "node:fs";
import { opendir, realpath, stat } from "node:fs/promises";
import { isAbsolute, join, posix, relative, sep } from "node:path";
import { fileError } from "./atomic-file.js";
import { inTurns } from "./event-loop.js";

/** Those of `names` (relative to `base`) that a symbolic link leads out of `base`; see `LinkGuard`. */
export async function linksOut(base: string, names: Iterable<string>): Promise<Set<string>> {
  const out = new Set<string>();
  const guard = await LinkGuard.of(base);
  await inTurns(names, async (name) => {
    if (await guard.leadsOut(name)) out.add(name);
  });
  return out;
}

/**
 * Finds names that a symbolic link leads out of a folder, which may be a link itself. Missing files are ignored here. Each folder is
 * listed once, and its links alone are kept: 100,000 names in one folder cost one listing.
 */
export class LinkGuard {
  /** The links in each folder; undefined where a link leads out all of it. */
  private readonly folders = new Map<string, ReadonlySet<string> | undefined>();

  /** @param real where `base` is, links followed */
  private constructor(
    private readonly base: string,
    private readonly real: string | undefined,
  ) {}

  static async of(base: string): Promise<LinkGuard> {
    return new LinkGuard(base, await realPath(base));
  }

  /** Whether a symbolic link leads the file `name` out of the folder. */
  async leadsOut(name: string): Promise<boolean> {
    const folder = posix.dirname(name.split(sep).join("/"));
    if (!this.folders.has(folder)) this.folders.set(folder, await this.linksIn(folder));
    const links = this.folders.get(folder);
    return !links || (links.has(posix.basename(name)) && (await this.isOut(name)));
  }

  private async linksIn(folder: string): Promise<ReadonlySet<string> | undefined> {
    if (await this.isOut(folder)) return undefined;
    const path = join(this.base, folder);
    const links = new Set<string>();
    const entries = await opendir(path, { bufferSize: 1024 }).catch(undefinedIfMissing(path, "ELOOP"));
    for await (const entry of entries ?? []) if (entry.isSymbolicLink()) links.add(entry.name);
    return links;
  }

  private async isOut(name: string): Promise<boolean> {
    const at = await realPath(join(this.base, name));
    return this.real !== undefined && at !== undefined && !isInside(this.real, at);
  }
}

/** Where a symbolic link leads; undefined where that is outside of `root`, or nothing. */
export async function linkTarget(root: string, link: string): Promise<{ path: string; isFolder: boolean } | undefined> {
  const path = await realPath(link);
  const base = await realPath(root);
  if (path === undefined || base === undefined || !isInside(base, path)) return undefined;
  return { path, isFolder: (await stat(path)).isDirectory() };
}

function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === "" || (!isAbsolute(way) && way.split(sep)[0] !== "..");
}

/** The file's stats, or undefined where there is no such file; a link that leads to itself leads to none. */
export function statOf(path: string): Promise<Stats | undefined> {
  return stat(path).catch(undefinedIfMissing(path, "ELOOP"));
}

/**
 * The bytes of a file, or undefined where there is none.
 * @throws DatasetError "FILE" where something else stands in its place
 */
export async function sizeOf(path: string): Promise<number | undefined> {
  const stats = await statOf(path);
  try {
    if (stats) refuseOthers(stats, path);
    return stats?.size;
  } catch (error) {
    throw fileError(error, path);
  }
}

/** What a file says, as utf-8, or undefined where there is no such file. */
export function textOf(path: string): Promise<string | undefined> {
  return readWhole(path).then(String, undefinedIfMissing(path));
}

/** What is in a file. */
export function bytesOf(path: string): Promise<Buffer> {
  return readWhole(path).catch((error) => {
    throw fileError(error, path);
  });
}

/** As Node's `readFile`, which takes a read of less than it asked for as the file's end; a network or a signal may be the reason. */
export async function readWhole(path: string): Promise<Buffer> {
  const file = await handleToRead(path);
  try {
    let bytes = Buffer.allocUnsafe((await file.stat()).size + 1);
    for (let at = 0; ; ) {
      const { bytesRead } = await file.read(bytes, at, bytes.length - at);
      if (bytesRead === 0) return bytes.subarray(0, at);
      at += bytesRead;
      if (at === bytes.length) bytes = Buffer.concat([bytes], 2 * at);
    }
  } finally {
    await file.close();
  }
}

function realPath(path: string): Promise<string | undefined> {
  return realpath(path).catch(undefinedIfMissing(path, "ELOOP"));
}

function undefinedIfMissing(path: string, also?: string): (error: NodeJS.ErrnoException) => undefined {
  return (error) => {
    // No file has a name with a NUL character, which Node calls an invalid argument.
    if (!["ENOENT", "ENOTDIR", "ERR_INVALID_ARG_VALUE", also].includes(error.code ?? "")) throw fileError(error, path);
  };
}
