import { type Recipe, type RecipeRow, recipeSamples } from "./recipe.js";
import { CHORDS, synthesize } from "../signal/oscillator.js";
import { random } from "../signal/random.js";

/**
 * The samples of one pair: a pure function of recipe and row, so records built without wavs hold the same bytes as
 * records built from them.
 *
 * @example renderRow(recipe, recipeRows(recipe)[0]).input.length // duration × sampleRate
 */
export function renderRow(recipe: Recipe, row: RecipeRow): { input: Int16Array; target: Int16Array } {
  const [input, target] = emptyRow(recipe);
  renderInto(recipe, row, input, target);
  return { input, target };
}

/** Arrays for the samples of a pair, to be filled by `renderInto`. */
export function emptyRow(recipe: Recipe): [Int16Array, Int16Array] {
  const samples = recipeSamples(recipe);
  return [new Int16Array(samples), new Int16Array(samples)];
}

/** As `renderRow`, into arrays that are there. */
export function renderInto(recipe: Recipe, row: RecipeRow, input: Int16Array, target: Int16Array): void {
  render(recipe, row, row.frequency, "in", input);
  render(recipe, row, row.targetFrequency, "out", target);
}

function render(recipe: Recipe, row: RecipeRow, frequency: number, side: string, out: Int16Array): void {
  const { sampleRate, volume, antialias } = recipe;
  const frequencies = CHORDS[row.chord].map((ratio) => ratio * frequency);
  synthesize(
    { wave: row.wave, frequencies, sampleRate, volume, antialias },
    out,
    recipe.dither ? dither(recipe, row, side) : undefined,
  );
}

/** The difference of two uniform numbers: triangular, two steps of int16 wide. Each file has a stream of its own. */
function dither(recipe: Recipe, row: RecipeRow, side: string): () => number {
  const { uniform } = random(`${recipe.seed}/${side}/${row.id}`);
  return () => uniform() - uniform();
}
