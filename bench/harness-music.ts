import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { root } from "./harness.js";

/** Debian packages with free game music: recordings, synthesized pieces and tracker modules, whose bars repeat exactly. */
const PACKAGES = ["extremetuxracer-data", "frozen-bubble-data", "pingus-data", "teeworlds-data"];
const MUSIC = /\/music[^/]*\/[^/]+\.(ogg|it)$|\/music[^/]*\.wv$|zik[^/]*\.ogg$/;

/**
 * Files of music, from a folder in BENCH_MUSIC or from Debian packages that are fetched by apt-get once. Nothing of them
 * is kept in the repository.
 */
export function musicFiles(): string[] {
  const given = process.env.BENCH_MUSIC;
  if (given) return filesIn(given).sort();
  const folder = join(root, "build/bench-music");
  if (!existsSync(folder)) {
    const growing = `${folder}.tmp`;
    rmSync(growing, { recursive: true, force: true });
    mkdirSync(growing, { recursive: true });
    execFileSync("apt-get", ["download", "-q", ...PACKAGES], { cwd: growing, stdio: ["ignore", "ignore", "inherit"] });
    for (const file of readdirSync(growing)) execFileSync("dpkg-deb", ["-x", file, "files"], { cwd: growing });
    renameSync(growing, folder);
  }
  return filesIn(folder)
    .filter((file) => MUSIC.test(file))
    .sort((a, b) => basename(a).localeCompare(basename(b)));
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
