import { closeSync, openSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { encodeWav, WAV_HEADER_BYTES } from "../format/wav.js";
import { type Recipe, recipeRows, recipeSamples } from "./recipe.js";
import { renderInto } from "./render-pair.js";
import { fileError } from "../system/atomic-file.js";

/** The pairs `from` to `to` of a recipe, to be written to `folder/in` and `folder/out`. */
export interface WavTask {
  folder: string;
  recipe: Recipe;
  from: number;
  to: number;
  /** Keeps files that are there in their full length, from a run that was interrupted. */
  resume: boolean;
}

/** Writes the wavs of a task. Runs in a worker. */
export function writeWavFiles({ folder, recipe, from, to, resume }: WavTask): void {
  const samples = recipeSamples(recipe);
  // One file's bytes for each side, used for every pair: the header never changes.
  const wav = (): Uint8Array =>
    encodeWav({ sampleRate: recipe.sampleRate, channels: 1, samples: new Int16Array(samples) });
  const input = wav();
  const target = wav();
  const inputSamples = new Int16Array(input.buffer, WAV_HEADER_BYTES);
  const targetSamples = new Int16Array(target.buffer, WAV_HEADER_BYTES);
  for (const row of recipeRows(recipe, from, to)) {
    const inputPath = join(folder, "in", row.input);
    const targetPath = join(folder, "out", row.target);
    if (resume && isWhole(inputPath, input.length) && isWhole(targetPath, target.length)) continue;
    renderInto(recipe, row, inputSamples, targetSamples);
    write(inputPath, input);
    write(targetPath, target);
  }
}

function isWhole(path: string, bytes: number): boolean {
  return statSync(path, { throwIfNoEntry: false })?.size === bytes;
}

function write(path: string, bytes: Uint8Array): void {
  try {
    const file = openSync(path, "w");
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw fileError(error, path);
  }
}
