/**
 * The results of a run as a table and two charts: printed, and written to build/bench. With `--save` they become the ones
 * that the README shows: bench/results.json, bench/ratios.svg, bench/growth.svg and the table in README.md.
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

const isRatio = (result: Result): result is Result & Ratio => result.ratio !== undefined;

const short = (x: number): string => (x < 99.5 ? x.toPrecision(2) : String(Math.round(x)));

/** A row per comparison, as markdown. */
function table(results: readonly Result[]): string {
  const cell = (text: string): string => text.replaceAll("|", "\\|");
  const rows = results
    .filter(isRatio)
    .map(
      ({ work, peer, ratio, spread, target }) =>
        `| ${cell(work)} | ${cell(peer)} | ${short(ratio)} | ${spread.map(short).join("–")} | ${target} |`,
    );
  return ["| work | beside | times as fast | spread | goal |", "|---|---|---|---|---|", ...rows].join("\n");
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

function main(): void {
  const folder = join(root, "build/bench");
  const results = read(join(folder, "results.jsonl"));
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
  const readme = join(root, "README.md");
  const { machine } = results.find((result) => result.machine)!;
  const from = `Measured on ${machine!.cores} cores of an ${machine!.cpu} with Node ${machine!.node}:`;
  const text = readFileSync(readme, "utf8");
  const parts = text.split(/(?<=<!-- measured -->\n)[\s\S]*(?=<!-- \/measured -->)/);
  if (parts.length !== 2) throw new Error("README.md: no <!-- measured --> … <!-- /measured -->, expected both once");
  writeFileSync(readme, `${parts[0]}${from}\n\n${all}\n${parts[1]}`);
}

main();
