import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { DatasetError } from "../core/error.js";
import { type Lock, whileHeld, withLock } from "../system/lock.js";
import { withPool, workerCount } from "../system/pool.js";
import { type LongOptions, track } from "../notebook/progress.js";
import { type Recipe, recipeRows, recipeSamples, recipeSize } from "./recipe.js";
import { runTask } from "../system/task.js";
import { nextTurn, PART } from "../system/event-loop.js";
import type { WavTask } from "./write-wav-files.js";
import { fileError, syncFolder, writeRenamed, writeWhole } from "../system/atomic-file.js";
import { textOf } from "../system/file-names.js";
import { nameProblem } from "../core/names.js";

export { planRecipe, type Recipe, type RecipeOptions, type RecipeRow, recipeRows, recipeSize } from "./recipe.js";
export { renderInto, renderRow } from "./render-pair.js";

/** Options of `writeWavs`. */
export interface WriteWavsOptions extends LongOptions {
  /** Worker threads. Default: one per core. The files are the same for any number. */
  workers?: number;
  /** Replaces an index or wavs of the same names that are there. Default false: refused. */
  overwrite?: boolean;
}

/** A worker's task makes about this many bytes of samples, so that progress and interrupts are felt. */
const TASK_BYTES = 4 << 20;

/**
 * Makes the wavs of a recipe in worker threads: `D/in`, `D/out`, the index csv `D/N` and the recipe `D/N.recipe.json`.
 *
 * The wavs are written to the folder `D/.N.wavs` and are moved to their places together, then recipe and index appear.
 * The same call resumes an interrupted one, and does nothing where everything is there. Only index and recipe are
 * forced to the disk: forcing each wav would take ten times as long, and one lost to a power cut can be made again,
 * byte for byte.
 *
 * @throws DatasetError "FILE" where other files of these names are there or the disk is full, "LOCKED", "ABORTED"
 * @example await writeWavs("./data", "dataset", planRecipe(100, 1000, 1000))
 */
export async function writeWavs(
  directory: string,
  name: string,
  recipe: Recipe,
  options: WriteWavsOptions = {},
): Promise<void> {
  const wrong = nameProblem(name);
  if (wrong) throw new DatasetError("OPTION", `dataset name ${JSON.stringify(name)} ${wrong}`);
  try {
    await mkdir(directory, { recursive: true });
    await withLock(directory, name, (lock) => writeLocked(directory, name, recipe, options, lock));
  } catch (error) {
    throw fileError(error, directory);
  }
}

async function writeLocked(
  directory: string,
  name: string,
  recipe: Recipe,
  options: WriteWavsOptions,
  lock: Lock,
): Promise<void> {
  const staging = join(directory, `.${name}.wavs`);
  const text = recipeText(recipe);
  const published = await textOf(join(directory, `${name}.recipe.json`));
  if (published === text && existsSync(join(directory, name))) {
    // Left by one that was killed at the very end.
    await rm(staging, { recursive: true, force: true });
    return;
  }
  if ((await textOf(join(staging, "finished"))) !== text) {
    if (!options.overwrite) await refuseOthers(directory, name, recipe);
    const resume = (await textOf(join(staging, "recipe.json"))) === text;
    if (!resume) await rm(staging, { recursive: true, force: true });
    for (const side of ["in", "out"]) await mkdir(join(staging, side), { recursive: true });
    await writeWhole(join(staging, "recipe.json"), text);
    await makeAll(staging, recipe, resume, whileHeld(options, lock));
    await writeWhole(join(staging, "finished"), text);
  }
  for (const side of ["in", "out"]) await moveFiles(join(staging, side), join(directory, side), lock);
  await syncFolder(directory);
  await lock.check();
  await writeRenamed(join(directory, `${name}.recipe.json`), text, staging);
  await writeRenamed(join(directory, name), await indexText(recipe), staging);
  await syncFolder(directory);
  await lock.check();
  await rm(staging, { recursive: true });
}

/**
 * Deletes the wavs, index and recipe that `writeWavs` made of this very recipe, and the folders `in` and `out` where that
 * leaves them empty. Other files are never touched.
 */
export async function removeWavs(directory: string, name: string, recipe: Recipe): Promise<void> {
  if ((await textOf(join(directory, `${name}.recipe.json`))) !== recipeText(recipe)) return;
  await rm(join(directory, name), { force: true });
  for (const row of recipeRows(recipe)) {
    await rm(join(directory, "in", row.input), { force: true });
    await rm(join(directory, "out", row.target), { force: true });
  }
  for (const side of ["in", "out"]) {
    const folder = join(directory, side);
    if (existsSync(folder) && (await readdir(folder)).length === 0) await rm(folder, { recursive: true });
  }
  await rm(join(directory, `${name}.recipe.json`), { force: true });
}

async function makeAll(staging: string, recipe: Recipe, resume: boolean, options: WriteWavsOptions): Promise<void> {
  const size = recipeSize(recipe);
  const perTask = Math.max(1, Math.floor(TASK_BYTES / (4 * recipeSamples(recipe))));
  const count = Math.ceil(size / perTask);
  const workers = workerCount(options.workers);
  let next = 0;
  await track("wavs", size, "pairs", options, ({ signal, tick }) =>
    withPool(workers, async (pool) => {
      // One task per worker is under way and one waits, however many there are.
      const runner = async (): Promise<void> => {
        while (next < count) {
          const from = next++ * perTask;
          const task: WavTask = { folder: staging, recipe, from, to: Math.min(size, from + perTask), resume };
          await runTask<void>(pool, "writeWavFiles", task, signal);
          tick(task.to - from);
        }
      };
      await Promise.all(Array.from({ length: 2 * workers }, runner));
    }),
  );
}

async function refuseOthers(directory: string, name: string, recipe: Recipe): Promise<void> {
  const refuse = (file: string): DatasetError =>
    new DatasetError(
      "FILE",
      `${file}: exists and isn't from this recipe, expected nothing there (${directory}); choose another directory or name, remove it, or pass overwrite: true`,
    );
  if (existsSync(join(directory, name))) throw refuse(name);
  for (const [side, key] of [
    ["in", "input"],
    ["out", "target"],
  ] as const) {
    const folder = join(directory, side);
    const there = new Set(existsSync(folder) ? await readdir(folder) : []);
    if (there.size === 0) continue;
    for (const row of recipeRows(recipe)) if (there.has(row[key])) throw refuse(`${side}/${row[key]}`);
  }
}

/** Moves the whole folder where nothing is there yet, else file by file. */
async function moveFiles(from: string, to: string, lock: Lock): Promise<void> {
  if (!existsSync(from)) return;
  await lock.check();
  if (!existsSync(to)) return rename(from, to);
  for (const [i, file] of (await readdir(from)).entries()) {
    if (i % 100 === 0) await lock.check();
    await rename(join(from, file), join(to, file));
  }
}

function recipeText(recipe: Recipe): string {
  return `${JSON.stringify(recipe, null, 1)}\n`;
}

async function indexText(recipe: Recipe): Promise<string> {
  const lines: string[] = [];
  for (let from = 0; from < recipeSize(recipe); from += PART) {
    const rows = recipeRows(recipe, from, Math.min(recipeSize(recipe), from + PART));
    for (const { input, target } of rows) lines.push(`${input},${target}\n`);
    await nextTurn();
  }
  return lines.join("");
}
