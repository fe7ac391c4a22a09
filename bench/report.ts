/**
 * The results of a run as a table and two charts: printed, and written to build/bench. With `--save` they are kept:
 * bench/results.json, bench/ratios.svg, bench/growth.svg, the table in bench/README.md and ten of its rows in README.md.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../test/support/python.js";
import { growthChart, type Line, type Ratio, ratioChart } from "./charts.js";

interface Result extends Partial<Ratio> {
  name: string;
  work: string;
  peer?: string;
  machine?: { cpu: string; cores: number; node: string };
  ours?: { peakMegabytes: number };
  theirs?: { peakMegabytes: number };
  examples?: number[];
  seconds?: number[] | number;
  exponent?: number;
  megabytesAboveBaseline?: number[] | number;
  peakMegabytes?: number;
}

function read(file: string): Result[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Result);
}

/** The comparisons that the README shows: name, and what the peer's name starts with. */
const CHOSEN: readonly (readonly [string, string])[] = [
  ["decode wav 16-bit, new arrays", "soundfile"],
  ["decode FLAC 16-bit, new arrays", "soundfile"],
  ["epoch, shuffled", "tf.data, tuned: parallel"],
  ["epoch, shuffled, from the disk", "tf.data"],
  ["features logMel long librosa", "librosa"],
  ["generate-wavs", "one sox"],
  ["records", "Python"],
  ["resample 44100 to 16000", "soxr"],
  ["training/mel", "Keras"],
  ["whole", "Python"],
];

const isRatio = (result: Result): result is Result & Ratio => result.ratio !== undefined;

const short = (x: number): string => (x < 99.5 ? x.toPrecision(2) : String(Math.round(x)));

/** A row per comparison, as markdown. */
function table(results: readonly Result[]): string {
  const cell = (text: string): string => text.replaceAll("|", "\\|");
  const rows = results.filter(isRatio).map(({ work, peer, ratio, spread, target, ours, theirs }) => {
    const memory = ours && theirs ? `${ours.peakMegabytes}, ${Math.round(theirs.peakMegabytes)}` : "";
    const speeds = `${short(ratio)} | ${spread.map(short).join("–")} | ${Number(target.toPrecision(3))}`;
    return `| ${cell(work)} | ${cell(peer)} | ${speeds} | ${memory} |`;
  });
  const head = "| work | compared with | speed-up | spread | goal | peak MB, ours and the peer's |";
  return [head, "|---|---|---|---|---|---|", ...rows].join("\n");
}

/** A line for each result that has no peer. */
function others(results: readonly Result[]): string {
  return results
    .filter((result) => !isRatio(result))
    .map(({ name, work, seconds, exponent, megabytesAboveBaseline: more, peakMegabytes }) => {
      const facts = [
        ...[seconds ?? []].flat().map((s) => `${short(s)} s`),
        ...(exponent === undefined ? [] : [`time grows as n^${exponent.toFixed(2)}`]),
        ...(more === undefined ? [] : [`${[more].flat().join(", ")} MB above the process's own`]),
        ...(peakMegabytes === undefined ? [] : [`${peakMegabytes} MB in all`]),
      ];
      return `- ${name}, ${work}: ${facts.join(", ")}`;
    })
    .join("\n");
}

/** Seconds by examples of what was measured at several sizes; the audit's sizes are results of their own. */
function lines(results: readonly Result[]): Line[] {
  const grown = results.flatMap(({ name, examples, seconds, megabytesAboveBaseline: more }) =>
    examples && Array.isArray(seconds)
      ? [{ name: name.replace("growth of ", ""), examples, seconds, megabytes: [more ?? []].flat().at(-1) }]
      : [],
  );
  const audits = results.filter((result) => /^leak audit \d+$/.test(result.name));
  if (audits.length < 2) return grown;
  const examples = audits.map(({ name }) => Number(name.split(" ")[2]));
  return [...grown, { name: "audit", examples, seconds: audits.map(({ seconds }) => seconds as number) }];
}

/** What was measured now, and of what was kept the rest, if it is of such a machine. */
function withKept(measured: readonly Result[]): Result[] {
  const key = ({ name, peer }: Result): string => `${name} ${peer}`;
  const kind = ({ machine }: Result): string => `${machine?.cpu} ${machine?.cores}`;
  const now = new Set(measured.map(key));
  const here = measured.find(({ machine }) => machine)!;
  const kept = JSON.parse(readFileSync(join(root, "bench/results.json"), "utf8")) as Result[];
  const rest = kept.filter((result) => !now.has(key(result)) && (!result.machine || kind(result) === kind(here)));
  return [...rest, ...measured].sort((a, b) => Number(a.name > b.name) - Number(a.name < b.name));
}

function main(): void {
  const folder = join(root, "build/bench");
  const measured = read(join(folder, "results.jsonl"));
  const results = process.argv.includes("--save") ? withKept(measured) : measured;
  const files: Record<string, string> = {};
  if (results.some(isRatio)) files["ratios.svg"] = ratioChart(results.filter(isRatio));
  if (lines(results).length > 0) files["growth.svg"] = growthChart(lines(results));
  const all = [table(results), others(results)].filter(Boolean).join("\n\n");
  console.log(`\n${all}\n`);
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(folder, name), text);
    console.log(`chart: build/bench/${name}`);
  }
  if (!process.argv.includes("--save")) return;
  for (const [name, text] of Object.entries(files)) writeFileSync(join(root, "bench", name), text);
  writeFileSync(join(root, "bench/results.json"), `[\n${results.map((r) => JSON.stringify(r)).join(",\n")}\n]\n`);
  const { machine } = results.find((result) => result.machine)!;
  const from = `Measured on ${machine!.cores} cores of an ${machine!.cpu} with Node ${machine!.node}:`;
  fill("bench/README.md", `${from}\n\n${all}\n`);
  const few = CHOSEN.flatMap(([name, peer]) => results.filter((r) => r.name === name && r.peer?.startsWith(peer)));
  fill("README.md", `${from}\n\n${table(few)}\n`);
}

/** Puts `text` between the two marks of a markdown file. */
function fill(file: string, text: string): void {
  const parts = readFileSync(join(root, file), "utf8").split(/(?<=<!-- measured -->\n)[\s\S]*(?=<!-- \/measured -->)/);
  if (parts.length !== 2) throw new Error(`${file}: no <!-- measured --> … <!-- /measured -->, expected both once`);
  writeFileSync(join(root, file), parts.join(text));
}

main();
