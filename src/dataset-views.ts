import { join } from "node:path";
import { exampleSamples } from "./records/records.js";
import { statOf } from "./system/file-names.js";
import type { Manifest } from "./records/manifest.js";
import { openManifest, wholeManifest } from "./records/read-stored.js";
import { recipeRows } from "./generate/recipe.js";
import { openRecords, type Records } from "./records/open-records.js";
import type { ExploredExample, SummaryView } from "./show/index.js";
import { levelOf, type Level } from "./show/summary.js";
import { isAddress } from "./core/names.js";
import { splitNames } from "./core/split-name.js";
import type { Split } from "./split/split.js";
import { spread } from "./core/numbers.js";
import { staleness } from "./records/staleness.js";
import { frameWidth } from "./records/records.js";
import { type DatasetExample, readExample } from "./records/read-example.js";

/** Reads one example, with the times of its labels; `inputSize` is the one that the dataset was loaded with. */
export async function viewExample(records: Records, i: number, inputSize?: number): Promise<DatasetExample> {
  const { kind, labels, timeUnit = "frames", sampleRate } = records.manifest;
  const example = { ...(await readExample(records, i)), ...(labels ? { labels } : {}) };
  if (kind !== "frames" || sampleRate === 0) return example;
  const samples = records.manifest.inputSize ?? inputSize;
  const secondsPerUnit = timeUnit === "samples" ? 1 / sampleRate : samples && samples / sampleRate;
  return {
    ...example,
    ...(secondsPerUnit ? { secondsPerUnit } : {}),
    ...(samples ? { features: frameWidth(records), secondsPerFrame: samples / sampleRate } : {}),
  };
}

/** The classes of every example that are not 0, by their numbers: those of its label, or the wave of a generated one. */
export function exampleClasses(records: Records): { names: readonly string[]; of(i: number): number[] } | undefined {
  const { recipe, labels, kind, width = 0 } = records.manifest;
  if (recipe) {
    const rows = recipeRows(recipe);
    return { names: recipe.waves, of: (i) => [recipe.waves.indexOf(rows[records.ids[i]!]!.wave)] };
  }
  const { values } = records;
  if (kind !== "classes" || !values || width === 0) return undefined;
  const names = labels ?? Array.from({ length: width }, (_, k) => String(k));
  return { names, of: (i) => Array.from({ length: width }, (_, k) => k).filter((k) => values[i * width + k] !== 0) };
}

/** The examples `numbers`, each with its split and label, as `explore` shows them. */
export async function viewExamples(
  records: Records,
  numbers: readonly number[],
  split?: Split,
  inputSize?: number,
): Promise<ExploredExample[]> {
  const classes = exampleClasses(records);
  const side = new Map(splitNames.flatMap((name) => Array.from(split?.[name] ?? [], (i) => [i, name] as const)));
  const views: ExploredExample[] = [];
  for (const i of numbers) {
    const example = await viewExample(records, i, inputSize);
    const label = classes?.of(i).map((k) => classes.names[k]!);
    views.push({
      example,
      ...(split ? { split: side.get(i) ?? "none" } : {}),
      ...(label ? { label: label.join(", ") } : {}),
    });
  }
  return views;
}

/** Examples whose level the card tells. */
const MEASURED = 100;

/**
 * A dataset's card: what its manifest says, whether its sources are unchanged, whether its shards have their length,
 * and `first` examples. It needs no `load`, so a stale or damaged dataset has a card too.
 *
 * @throws DatasetError "RECORD" where there are no records
 */
export async function describeRecords(directory: string, name: string, first = 3): Promise<SummaryView> {
  const away = isAddress(directory);
  const stored = away ? undefined : await openManifest(directory, name);
  const manifest = stored && (await wholeManifest(stored));
  const damage = manifest && (await damagedShards(directory, manifest));
  if (manifest && damage) return { ...card(manifest), state: `damaged: ${damage}; call repair` };
  const records = await openRecords(directory, name, { allowStale: true });
  const { sampleRate } = records.manifest;
  const samples = Array.from({ length: records.count }, (_, i) => exampleSamples(records, i));
  const rated = sampleRate > 0;
  const levels: Level[] = [];
  for (const i of spread(records.count, rated ? MEASURED : 0))
    levels.push(levelOf((await readExample(records, i)).input));
  const stale = stored && (await staleness(directory, stored));
  return {
    ...card(records.manifest),
    ...(rated
      ? {
          seconds: samples.reduce((a, b) => a + b, 0) / sampleRate,
          lengths: samples.map((n) => n / sampleRate),
          levels,
        }
      : {}),
    state: stale
      ? `stale: ${stale}; call generateRecords`
      : away
        ? "elsewhere, not compared with its sources"
        : "fresh",
    first: await Promise.all(spread(records.count, rated ? first : 0).map((i) => viewExample(records, i))),
  };
}

function card(manifest: Manifest): SummaryView {
  const { name, kind, examples, sampleRate, channels, encoding, shards, labels, recipe } = manifest;
  return {
    name,
    kind,
    examples,
    ...(sampleRate > 0 ? { sampleRate } : {}),
    channels,
    encoding,
    shards: shards.length,
    bytes: shards.reduce((sum, shard) => sum + shard.bytes, 0),
    ...(labels ? { labels } : {}),
    ...(recipe ? { seed: recipe.seed } : {}),
  };
}

/** Which shards are missing or of another length than the manifest says, in words. */
async function damagedShards(directory: string, { shards }: Manifest): Promise<string | undefined> {
  const wrong: string[] = [];
  for (const { file, bytes } of shards) {
    const stats = await statOf(join(directory, file));
    const found = stats?.isFile() ? `${stats.size} of ${bytes} bytes` : stats ? "is no file" : "missing";
    if (!stats?.isFile() || stats.size !== bytes) wrong.push(`${file} ${found}`);
  }
  const more = wrong.length > 5 ? `, … and ${wrong.length - 5} more` : "";
  return wrong.length > 0 ? wrong.slice(0, 5).join(", ") + more : undefined;
}
