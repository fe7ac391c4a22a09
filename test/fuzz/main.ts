// `npm run fuzz -- --minutes N`: mutated inputs for every reader. Anything but a value or the library's own error is a
// failure, as are more than LIMIT seconds or too much memory; its input is saved, made small, in build/fuzz.
import { type ChildProcess, fork } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { random } from "../../dist/signal/random.js";
import { root } from "../support/python.js";
import type { Report } from "./child.js";
import { makeSeeds } from "./seeds.js";
import { kindOf, seedsOf, TARGETS } from "./targets.js";

/** Seconds that one input may take, on a loaded machine too. */
const LIMIT = 30;
/** Failures of a target after which it is left. */
const ENOUGH = 20;

interface Tally {
  inputs: number;
  values: number;
  seconds: number;
  failures: Map<string, string>;
}

/** Tries one target for some seconds. */
async function fuzz(
  name: string,
  seed: string,
  seconds: number,
  work: string,
  from: number,
): Promise<Tally & { next: number }> {
  const tally: Tally = { inputs: 0, values: 0, seconds, failures: new Map() };
  const seeds = seedsOf(TARGETS[name]!, process.env.FUZZ_SEEDS!);
  if (seeds.length === 0) return { ...tally, next: from };
  // Its time begins with the first input: starting takes long on a busy machine.
  let end = Infinity;
  const state = join(work, `${name}.state`);
  const out = join(root, "build/fuzz");
  const keep = (number: number, message: string, input: Buffer): void => {
    if (tally.failures.has(kindOf(message))) return;
    mkdirSync(out, { recursive: true });
    const file = join(out, `${name}-${number}`);
    writeFileSync(file, input);
    writeFileSync(`${file}.txt`, `${message}\n`);
    tally.failures.set(kindOf(message), file);
  };
  let number = from;
  while (performance.now() < end && tally.failures.size < ENOUGH) {
    writeFileSync(state, Buffer.alloc(8));
    const args = [name, seed, String(number), "1", join(work, name), state];
    const child = fork(join(__dirname, "child.ts"), args, {
      execArgv: ["--max-old-space-size=700", "--import", "tsx"],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    const stop = await watch(
      child,
      state,
      () => end,
      (report) => {
        if (end === Infinity) end = performance.now() + seconds * 1000;
        tally.inputs += report.inputs;
        tally.values += report.values;
        if (report.failure)
          keep(report.failure.number, report.failure.message, Buffer.from(report.failure.input, "base64"));
      },
    );
    number = readFileSync(state).readDoubleLE(0);
    if (stop !== undefined) {
      keep(number, stop, TARGETS[name]!.input(seeds, random(`${seed} ${name} ${number}`)));
    }
    number++;
  }
  return { ...tally, next: number };
}

/** Waits until a child is done: at the end of its time, or when it dies or hangs; the reason then. */
function watch(
  child: ChildProcess,
  state: string,
  end: () => number,
  take: (report: Report) => void,
): Promise<string | undefined> {
  let errors = "";
  child.stderr!.on("data", (data) => (errors = `${errors}${data}`.slice(-4000)));
  child.on("message", (message) => take(message as Report));
  return new Promise((resolve) => {
    let over: string | undefined | true;
    let last = { number: -1, since: performance.now() };
    const timer = setInterval(() => {
      const number = readFileSync(state).readDoubleLE(0);
      if (number !== last.number) last = { number, since: performance.now() };
      if (performance.now() > end()) over = true;
      else if (performance.now() - last.since > LIMIT * 1000) over = `hangs: more than ${LIMIT} s`;
      if (over !== undefined) child.kill("SIGKILL");
    }, 250);
    child.once("close", (code, signal) => {
      clearInterval(timer);
      if (over === true) resolve(undefined);
      else resolve(over ?? (code === 77 ? "memory: more than the limit" : `ended with ${code ?? signal}\n${errors}`));
    });
  });
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "1" },
      only: { type: "string" },
      seed: { type: "string", default: "1" },
    },
  });
  const minutes = Number(values.minutes);
  const names = values.only?.split(",") ?? Object.keys(TARGETS);
  const unknown = names.find((name) => !(name in TARGETS));
  if (!(minutes > 0) || unknown !== undefined) {
    console.error(`fuzz: ${unknown ?? values.minutes}, expected --minutes N --only ${Object.keys(TARGETS).join(",")}`);
    process.exitCode = 2;
    return;
  }
  const work = mkdtempSync(join(tmpdir(), "fuzz-"));
  process.once("exit", () => rmSync(work, { recursive: true, force: true }));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
  process.env.FUZZ_SEEDS = join(work, "seeds");
  await makeSeeds(process.env.FUZZ_SEEDS);
  const workers = Math.min(availableParallelism(), names.length);
  const seconds = (minutes * 60 * workers) / names.length;
  const queue = [...names];
  let failed = 0;
  const worker = async (): Promise<void> => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      const { inputs, values: read, failures } = await fuzz(name, values.seed, seconds, work, 0);
      console.log(
        `${name.padEnd(12)} ${inputs.toLocaleString("en-US").padStart(11)} inputs, ${read.toLocaleString("en-US").padStart(11)} read, ${failures.size} failures`,
      );
      for (const [kind, file] of failures) console.log(`  ${file}: ${kind}`);
      failed += failures.size;
      if (inputs === 0) {
        console.log(
          `  ${name}: nothing was tried, expected seeds ${existsSync(process.env.FUZZ_SEEDS!) ? TARGETS[name]!.seeds : "in their folder"}`,
        );
        failed++;
      }
    }
  };
  await Promise.all(Array.from({ length: workers }, worker));
  console.log(failed === 0 ? "fuzz: no failures" : `fuzz: ${failed} failures`);
  process.exitCode = failed === 0 ? 0 : 1;
}

void main();
