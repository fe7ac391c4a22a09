import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { type Dirent, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkDataset } from "../../dist/check/check.js";
import { openRecords } from "../../dist/records/open-records.js";
import { verify } from "../../dist/repair/verify.js";
import { ended, start } from "../support/processes.js";
import { root } from "../support/python.js";
import { copy, here, program, WORKS } from "./works.js";

/** What can happen at a call; `faults.c` says what each is. */
export const KINDS = ["kill", "torn", "enospc", "eio", "short", "power", "names"] as const;
export type Kind = (typeof KINDS)[number];
const POWER: readonly Kind[] = ["power", "names"];

/** What became of some faults. */
export interface Outcome {
  /** Calls at which the work was disturbed. */
  faults: number;
  /** Of them: the process was killed, it ended with an error of the library, it did its work all the same. */
  killed: number;
  refused: number;
  done: number;
  failures: string[];
}

/** Compiles the preloaded library. */
export function compileFaults(folder: string): string {
  const library = join(folder, "faults.so");
  const source = join(root, "test/faults/faults.c");
  execFileSync("gcc", ["-O1", "-Wall", "-shared", "-fPIC", "-o", library, source, "-ldl", "-lpthread"]);
  return library;
}

/** A work, with what it starts from and what it should lead to. */
export interface Prepared {
  work: string;
  folder: string;
  before: string;
  /** The folder as it is when nothing happens. */
  after: string;
  /** Fingerprints of the records before and after. */
  prints: string[];
  /** Files that were damaged before. */
  known: string[];
}

export async function prepare(work: string): Promise<Prepared> {
  const folder = mkdtempSync(join(tmpdir(), "faults-"));
  const before = join(folder, "before");
  mkdirSync(before);
  await WORKS[work]!.prepare(before);
  const after = copy(before, join(folder, "after"));
  await here(WORKS[work]!.text, after);
  if (work === "generate") return { work, folder, before, after, prints: [], known: [] };
  const prints = [await fingerprint(before), await fingerprint(after)];
  return { work, folder, before, after, prints, known: await problemsOf(before) };
}

/** Disturbs a work at every `every`-th of its calls, from the `first` on, at most `most`, and looks at what is left each time. */
export async function disturb(
  prepared: Prepared,
  kind: Kind,
  library: string,
  { every = 1, first = 1, most = Infinity }: { every?: number; first?: number; most?: number } = {},
): Promise<Outcome> {
  const { work, folder, before } = prepared;
  const outcome: Outcome = { faults: 0, killed: 0, refused: 0, done: 0, failures: [] };
  for (let at = first; outcome.faults < most; at += every) {
    const directory = copy(before, join(folder, "now"));
    const { stdout, status, calls } = await run(work, kind, at, directory, library);
    // A lock of before a power cut is free after 20 s, for which this doesn't wait.
    if (POWER.includes(kind)) rmSync(join(directory, ".set.lock"), { recursive: true, force: true });
    // It ended before that call.
    const past = status !== null && calls < at;
    if (!past) {
      outcome.faults++;
      if (status === null) outcome.killed++;
      else if (stdout === "done\n") outcome.done++;
      else outcome.refused++;
    }
    const wrong = await wrongWith(kind, { stdout, status }, directory, prepared);
    if (wrong !== undefined) outcome.failures.push(`${work}, ${kind} at call ${at}: ${wrong}`);
    rmSync(directory, { recursive: true, force: true });
    if (past) break;
  }
  return outcome;
}

async function run(
  work: string,
  kind: Kind,
  at: number,
  directory: string,
  library: string,
): Promise<{ stdout: string; status: number | null; calls: number }> {
  const counter = `${directory}.count`;
  rmSync(counter, { force: true });
  const env = {
    ...process.env,
    LD_PRELOAD: library,
    FAULT_ROOT: `${directory}/`,
    FAULT_KIND: kind,
    FAULT_AT: String(at),
    FAULT_COUNT: counter,
    // In one order, as far as there is one.
    UV_THREADPOOL_SIZE: "1",
    UV_USE_IO_URING: "0",
  };
  const child = start(process.execPath, ["-e", program(WORKS[work]!.text), directory], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const { stdout, stderr, status } = await ended(child);
  return { stdout: stdout || stderr, status, calls: existsSync(counter) ? Number(readFileSync(counter, "utf8")) : 0 };
}

/** What is wrong with what a fault left, if anything. */
async function wrongWith(
  kind: Kind,
  { stdout, status }: { stdout: string; status: number | null },
  directory: string,
  { work, after, prints, known }: Prepared,
): Promise<string | undefined> {
  const said = stdout.trim();
  if (status !== null && said !== "done" && !said.startsWith("DatasetError ")) return `says ${said}`;
  if (kind === "short" && said !== "done") return `half a transfer is no error, but it says ${said}`;
  try {
    if (prints.length > 0) {
      const left = copy(directory, `${directory}.left`);
      try {
        const now = await fingerprint(left);
        if (!prints.includes(now)) return "records neither as before nor as after";
        if (said === "done" && now !== prints[1]) return "says done, but records are as before";
        const damaged = (await problemsOf(left)).filter((file) => !known.includes(file));
        if (damaged.length > 0) return `damaged: ${damaged.join(", ")}`;
      } finally {
        rmSync(left, { recursive: true, force: true });
      }
    }
    await here(WORKS[work]!.text, directory);
  } catch (error) {
    return `then ${(error as Error).stack}`;
  }
  const [now, right] = [contents(directory), contents(after)];
  const different = [...new Set([...Object.keys(now), ...Object.keys(right)])].filter(
    (name) => now[name] !== right[name],
  );
  if (different.length === 0) return undefined;
  // Wavs aren't forced to the disk: those that a power cut took are found by a check, and made again when they are deleted.
  if (POWER.includes(kind) && work === "generate" && different.every((name) => name.endsWith(".wav"))) {
    const { problems } = await checkDataset(directory, "set", "pairs", { onProgress: false });
    const found = new Set(problems.map(({ file }) => file));
    if (different.every((name) => found.has(name))) return undefined;
  }
  return `the same call then leaves other files: ${different.join(", ")}`;
}

async function fingerprint(directory: string): Promise<string> {
  return (await openRecords(directory, "set", { allowStale: true })).manifest.fingerprint;
}

async function problemsOf(directory: string): Promise<string[]> {
  return (await verify(directory, "set", { onProgress: false })).problems.map(({ file }) => file);
}

/** Name and hash of every file; of those that say when others were written only the name. */
function contents(directory: string): Record<string, string> {
  const entries: Dirent[] = readdirSync(directory, { recursive: true, withFileTypes: true });
  return Object.fromEntries(
    entries.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      const name = path.slice(directory.length + 1);
      const timed = entry.isDirectory() || /\.(index|json)$/.test(name);
      return [name, timed ? "" : createHash("sha256").update(readFileSync(path)).digest("hex")];
    }),
  );
}
