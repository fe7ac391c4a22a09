import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { availableParallelism, cpus, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { root, pythonPath as testPython } from "../test/support/python.js";

/** One run of one side. `check` is what both sides must agree on: a count, a sum, a hash. */
export interface Measure {
  seconds: number;
  cpuSeconds: number;
  peakMegabytes: number;
  check?: unknown;
}

/** One side of a comparison: does its work once and says what it took. */
export type Side = (run: number) => Promise<Measure>;

export interface Comparison {
  name: string;
  /** What one run does, for the table. */
  work: string;
  peer: string;
  /** How many times the peer's speed is promised. */
  target: number;
  /** Python packages of the peer, whose versions belong to the result. */
  packages?: readonly string[];
  /** Anything else worth keeping: sizes, throughput units. */
  details?: Record<string, unknown>;
}

/** True with `--tiny`: the smallest size that still does everything, for correctness alone. */
export const tiny: boolean = process.argv.includes("--tiny");

/** The benchmarks' Python: an environment of its own in BENCH_PYTHON, else the project's. */
export const pythonPath: string = process.env.BENCH_PYTHON ?? testPython;

/** Runs `work` here and measures it, with the threads it uses. */
export async function measure(work: () => unknown): Promise<Measure> {
  let peak = process.memoryUsage.rss();
  const sample = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 10);
  const cpu = process.cpuUsage();
  const start = performance.now();
  const check = await work();
  const seconds = (performance.now() - start) / 1000;
  const used = process.cpuUsage(cpu);
  clearInterval(sample);
  peak = Math.max(peak, process.memoryUsage.rss());
  return { seconds, cpuSeconds: (used.user + used.system) / 1e6, peakMegabytes: peak / 2 ** 20, check };
}

/** Runs a shell command line and measures it. */
export async function measureCommand(command: string): Promise<Measure> {
  const { status, text } = await shellCommand(`TIMEFORMAT='%R %U %S'; exec 3>&2; time { ${command}; } 2>&3`);
  const numbers = text.trim().split("\n").at(-1)!.split(" ").map(Number);
  if (status !== 0 || numbers.length !== 3) throw new Error(`${command}: status ${status}, expected 0: ${text}`);
  return { seconds: numbers[0]!, cpuSeconds: numbers[1]! + numbers[2]!, peakMegabytes: 0 };
}

/**
 * Commands run in a shell that was started before anything was measured. To start a program, a process is copied, after
 * which the first write to every page of its memory takes a detour: a run right after that would be slower, the
 * larger this process has become, by 30 ms for a training step.
 */
const shell: ChildProcess = spawn("bash", { stdio: ["pipe", "pipe", "inherit"] });
const shellLines: Interface = createInterface({ input: shell.stdout! });
shell.unref();
for (const stream of [shell.stdin, shell.stdout]) (stream as Socket).unref();

/** Runs a command line in the shell; gives its status and what it wrote on stderr. */
async function shellCommand(script: string): Promise<{ status: number; text: string }> {
  let text = "";
  (shell.stdout as Socket).ref();
  try {
    const command = `( set -e; ${script} ) 2>&1 >/dev/null </dev/null; echo "@status $?"\n`;
    const status = await ask("bash", shell, shellLines, command, (line) => {
      const [, before, status] = /^(.*)@status (\d+)$/.exec(line) ?? [];
      text += status === undefined ? `${line}\n` : before;
      return status;
    });
    return { status: Number(status), text };
  } finally {
    (shell.stdout as Socket).unref();
  }
}

/** Writes to a program that stays up, and gives what `take` makes of the line that answers; undefined of any other. */
function ask<T>(
  name: string,
  child: ChildProcess,
  lines: Interface,
  message: string,
  take: (line: string) => T | undefined,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const ended = (status: number | null): void => reject(new Error(`${name}: ended with status ${status}`));
    const online = (line: string): void => {
      const answer = take(line);
      if (answer === undefined) return;
      lines.off("line", online);
      child.off("close", ended);
      resolve(answer);
    };
    lines.on("line", online);
    child.once("close", ended);
    child.stdin!.write(message);
  });
}

/** A Python process that stays up, so that imports and warm-up don't count. */
export interface PythonPeer {
  /** Calls the code's `run(input)`; its return value is `check`. */
  run(input: unknown): Promise<Measure>;
  close(): void;
}

const LOOP = `
import json, os, resource, sys, time
def _tree(pid):
    # Processes still up, such as a pool's: their CPU seconds and peak kB aren't in RUSAGE_CHILDREN yet.
    cpu, peak = 0.0, 0
    try:
        with open("/proc/%s/task/%s/children" % (pid, pid)) as f: children = f.read().split()
    except OSError:
        return cpu, peak
    for child in children:
        with open("/proc/%s/stat" % child) as f: stat = f.read().rsplit(")", 1)[1].split()
        with open("/proc/%s/status" % child) as f: high = [int(l.split()[1]) for l in f if l.startswith("VmHWM")]
        below = _tree(child)
        cpu += (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK") + below[0]
        peak += sum(high) + below[1]
    return cpu, peak
def _usage():
    a, b, c = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN), _tree(os.getpid())
    return a.ru_utime + a.ru_stime + b.ru_utime + b.ru_stime + c[0], max(a.ru_maxrss + c[1], b.ru_maxrss)
for _line in sys.stdin:
    _cpu, _start = _usage()[0], time.perf_counter()
    _check = run(json.loads(_line))
    _seconds = time.perf_counter() - _start
    _used, _peak = _usage()
    print("@" + json.dumps({"seconds": _seconds, "cpuSeconds": _used - _cpu, "peakMegabytes": _peak / 1024, "check": _check}), flush=True)
`;

/** As it was before this library set what it wants of TensorFlow: the peers have what their users have. */
const ENVIRONMENT = { ...process.env };

/**
 * Starts Python on code that defines `run(input)`. Print nothing that starts with "@".
 * @param settings more of the environment
 */
export function pythonPeer(code: string, settings: Record<string, string> = {}): PythonPeer {
  // A file rather than -c: multiprocessing's children import it.
  const folder = mkdtempSync(join(tmpdir(), "bench-peer-"));
  writeFileSync(join(folder, "peer.py"), `${code}\nif __name__ == "__main__":${LOOP.replaceAll("\n", "\n    ")}`);
  const child: ChildProcess = spawn(pythonPath, [join(folder, "peer.py")], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...ENVIRONMENT, TF_CPP_MIN_LOG_LEVEL: "3", ...settings },
  });
  child.on("close", () => rmSync(folder, { recursive: true }));
  const lines: Interface = createInterface({ input: child.stdout! });
  return {
    run: (input) =>
      ask("python", child, lines, `${JSON.stringify(input)}\n`, (line) =>
        line.startsWith("@") ? (JSON.parse(line.slice(1)) as Measure) : undefined,
      ),
    close: () => child.stdin!.end(),
  };
}

/**
 * Runs both sides in turn (ours, peer, ours, peer, …), the first pair as warm-up, checks that they did the same
 * work and prints one line of JSON.
 *
 * @param options.pairs counted pairs, default 5 (1 with `--tiny`)
 * @param options.same compares the two checks; default: equal as JSON; `false` where the sides can't be compared
 */
export async function compare(
  about: Comparison,
  ours: Side,
  peer: Side,
  options: { pairs?: number; same?: ((a: unknown, b: unknown) => boolean) | false } = {},
): Promise<void> {
  const pairs = tiny ? 1 : (options.pairs ?? 5);
  const same = options.same ?? ((a, b) => JSON.stringify(a) === JSON.stringify(b));
  const a: Measure[] = [];
  const b: Measure[] = [];
  for (let run = 0; run <= pairs; run++) {
    await settle();
    const mine = await ours(run);
    await settle();
    const theirs = await peer(run);
    if (same && !same(mine.check, theirs.check)) {
      throw new Error(
        `${about.name}: the sides differ: ${JSON.stringify(mine.check)}, peer ${JSON.stringify(theirs.check)}`,
      );
    }
    if (run > 0) {
      a.push(mine);
      b.push(theirs);
    }
  }
  const ratios = a.map((m, i) => b[i]!.seconds / m.seconds);
  const ratio = median(ratios);
  report({
    name: about.name,
    work: about.work,
    peer: about.peer,
    ratio: round(ratio),
    spread: [round(Math.min(...ratios)), round(Math.max(...ratios))],
    target: about.target,
    reached: ratio >= about.target,
    pairs,
    tiny,
    ours: summary(a),
    theirs: summary(b),
    ...about.details,
    versions: { ...pythonVersions(about.packages ?? []), ...(about.details?.versions as object | undefined) },
    machine: {
      cpu: cpus()[0]?.model ?? "unknown",
      cores: availableParallelism(),
      memoryGigabytes: round(totalmem() / 2 ** 30),
      system: `${process.platform} ${process.arch}`,
      node: process.version,
    },
  });
}

/** Prints a result as one line of JSON, and keeps it for the table and the chart of the whole run. */
export function report(result: Record<string, unknown>): void {
  const line = JSON.stringify(result);
  console.log(line);
  if (process.env.BENCH_RESULTS) appendFileSync(process.env.BENCH_RESULTS, `${line}\n`);
}

/** Nothing that the run before left to be written shall be written during the next one. */
export async function settle(): Promise<void> {
  await shellCommand("sync");
}

function pythonVersions(packages: readonly string[]): Record<string, string> {
  if (packages.length === 0) return {};
  // TensorFlow has other names where it is built for the CPU alone.
  const code = `import importlib.metadata as m, json, sys
have = {d.metadata["Name"].lower().replace("_", "-"): d.version for d in m.distributions()}
print(json.dumps({p: have.get(p) or have[p + "-cpu"] for p in sys.argv[1:]}))`;
  return JSON.parse(execFileSync(pythonPath, ["-c", code, ...packages], { encoding: "utf8" }));
}

function summary(runs: readonly Measure[]): Record<string, number> {
  return {
    seconds: round(median(runs.map((r) => r.seconds))),
    cpuSeconds: round(median(runs.map((r) => r.cpuSeconds))),
    peakMegabytes: Math.round(Math.max(...runs.map((r) => r.peakMegabytes))),
  };
}

/** The middle value (the mean of the two middle ones). */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((x, y) => x - y);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** Four digits. */
export function round(value: number): number {
  return Number(value.toPrecision(4));
}

export { root };
