// Reads mutated inputs of one target, one after the other, until it is ended. Arguments: target, seed, first number, step.
import { mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { random } from "../../dist/signal/random.js";
import { kindOf, seedsOf, TARGETS } from "./targets.js";

/** What a child tells now and then. */
export interface Report {
  inputs: number;
  values: number;
  failure?: { number: number; message: string; input: string };
}

const MEMORY = 1.5e9;
const [name, seed, first, step, folder, stateFile] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
  string,
];
const target = TARGETS[name]!;
const seeds = seedsOf(target, process.env.FUZZ_SEEDS!);
const state = openSync(stateFile, "r+");
const place = Buffer.alloc(8);

/** What is wrong with what reading an input does; undefined where it gives a value or the library's own error. */
async function fault(input: Buffer): Promise<{ wrong?: string; value?: boolean }> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  try {
    await target.read(Buffer.from(input), folder);
    return { value: true };
  } catch (error) {
    if ((error as Error).name === "DatasetError") {
      const { message } = error as Error;
      return /\bundefined\b|\[object /.test(message) ? { wrong: `unclear message: ${message}` } : {};
    }
    return { wrong: String((error as Error).stack ?? error) };
  } finally {
    const { rss } = process.memoryUsage();
    if (rss > MEMORY) process.exit(77);
  }
}

/** Takes away what the failure doesn't need. */
async function shrink(input: Buffer, wrong: string): Promise<Buffer> {
  let small = input;
  for (let size = Math.ceil(small.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < small.length && small.length / size < 400; ) {
      const less = Buffer.concat([small.subarray(0, at), small.subarray(at + size)]);
      const found = (await fault(less)).wrong;
      if (found !== undefined && kindOf(found) === kindOf(wrong)) small = less;
      else at += size;
    }
  }
  return small;
}

async function main(): Promise<void> {
  if (seeds.length === 0) return;
  let report: Report = { inputs: 0, values: 0 };
  let told = performance.now();
  for (let number = Number(first); ; number += Number(step)) {
    place.writeDoubleLE(number);
    writeSync(state, place, 0, 8, 0);
    const input = target.input(seeds, random(`${seed} ${name} ${number}`));
    const { wrong, value } = await fault(input);
    report.inputs++;
    if (value) report.values++;
    if (wrong !== undefined) {
      const small = await shrink(input, wrong);
      report.failure = { number, message: wrong, input: small.toString("base64") };
    }
    if (wrong !== undefined || performance.now() - told > 200) {
      const sent = report;
      // Whoever started this may have been killed.
      await new Promise<void>((resolve) =>
        process.send!(sent, (error: Error | null) => (error ? process.exit() : resolve())),
      );
      report = { inputs: 0, values: 0 };
      told = performance.now();
    }
  }
}

process.once("disconnect", () => process.exit());
void main();
