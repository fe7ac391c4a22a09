import { handleToRead, refuseOthers } from "./open-to-read.js";
import { lstatSync, type Stats } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { isAbsolute, join, posix, relative, sep } from "node:path";
import { fileError } from "./atomic-file.js";
import { inTurns } from "./event-loop.js";

/**
 * Those of `names` (relative to `base`) that a symbolic link leads out of `base`. Missing files are ignored here.
 *
 * Each folder is listed once, so 100,000 names in one folder cost one listing. `base` itself may be a link.
 */
export async function linksOut(base: string, names: Iterable<string>): Promise<Set<string>> {
  const out = new Set<string>();
  const real = await realPath(base);
  if (real === undefined) return out;
  const folders = new Map<string, string[]>();
  await inTurns(names, (name) => {
    const folder = posix.dirname(name.split(sep).join("/"));
    const list = folders.get(folder);
    if (list) list.push(name);
    else folders.set(folder, [name]);
  });
  for (const [folder, members] of folders) {
    const at = await realPath(join(base, folder));
    if (at === undefined) continue;
    if (!isInside(real, at)) {
      for (const name of members) out.add(name);
      continue;
    }
    const links = new Set<string>();
    for (const entry of await readdir(at, { withFileTypes: true })) if (entry.isSymbolicLink()) links.add(entry.name);
    if (links.size === 0) continue;
    for (const name of members) {
      if (!links.has(posix.basename(name))) continue;
      const target = await realPath(join(base, name));
      if (target !== undefined && !isInside(real, target)) out.add(name);
    }
  }
  return out;
}

/** As `linksOut`, name by name: a folder is looked at once and not listed, however many files it has. */
export class LinkGuard {
  private readonly folders = new Map<string, boolean>();

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
    let out = this.folders.get(folder);
    if (out === undefined) {
      out = await this.isOut(folder);
      this.folders.set(folder, out);
    }
    const link = !out && lstatSync(join(this.base, name), { throwIfNoEntry: false })?.isSymbolicLink() === true;
    return out || (link && (await this.isOut(name)));
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
