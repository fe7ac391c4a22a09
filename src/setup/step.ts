import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { root } from "./paths.js";

/** What the bootstrap hands over: the interpreter it found and the lock it holds. */
export interface Host {
  python: string;
  releaseLock(): void;
  /** Names the child that is at work, so that another set-up waits for it even when this one was killed. */
  holdLockWith(pid: number | ""): void;
}

/** A failing step; its message is the one line that says what to do. */
export class SetupError extends Error {}

/** One step of the set-up. */
export interface Step {
  title: string;
  /** The file that says for what the step was done last. It lies in the folder the step fills, so that both go together. */
  stamp: string;
  /** Everything the step's result depends on. */
  inputs: string[];
  run(): Promise<void>;
}

/** Runs a step unless its stamp says that it was done with the same inputs. The stamp is written after success only. */
export async function perform(step: Step): Promise<void> {
  const key = createHash("sha256").update(JSON.stringify(step.inputs)).digest("hex");
  if (existsSync(step.stamp) && readFileSync(step.stamp, "utf8") === key) return;
  rmSync(step.stamp, { force: true });
  process.stdout.write(`${step.title} … `);
  const start = performance.now();
  try {
    await step.run();
  } catch (error) {
    console.log("failed");
    throw error;
  }
  mkdirSync(dirname(step.stamp), { recursive: true });
  writeFileSync(`${step.stamp}.new`, key);
  renameSync(`${step.stamp}.new`, step.stamp);
  console.log(`${((performance.now() - start) / 1000).toFixed(1)} s`);
}

const OFFLINE =
  /ENOTFOUND|EAI_AGAIN|name resolution|NewConnectionError|Max retries exceeded|ConnectTimeoutError|ReadTimeoutError|Network is unreachable|No route to host/i;

/**
 * Runs a program to its end and gives what it printed. When it fails, its last lines are shown and a SetupError says
 * `advice`, or that the network is missing.
 */
export async function runProgram(
  host: Host,
  command: string,
  args: string[],
  advice: string,
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  const child = spawn(command, args, { cwd: root, ...options, stdio: ["ignore", "pipe", "pipe"] });
  if (child.pid) host.holdLockWith(child.pid);
  const kill = (): void => void child.kill("SIGTERM");
  process.on("exit", kill);
  let output = "";
  child.stdout.on("data", (data: Buffer) => (output += data));
  child.stderr.on("data", (data: Buffer) => (output += data));
  const code = await new Promise<number | string>((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("close", (status, signal) => resolve(status ?? signal ?? "an unknown signal"));
  });
  process.off("exit", kill);
  host.holdLockWith("");
  if (code === 0) return output;
  console.log(`\n${output.trim().split("\n").slice(-15).join("\n")}`);
  if (OFFLINE.test(output))
    throw new SetupError("no network: connect to the internet, then run the same command again");
  throw new SetupError(`${advice} (ended with ${code})`);
}

/** The sha256 of some files, one after the other. */
export function filesHash(files: string[]): string {
  const hash = createHash("sha256");
  for (const file of files) hash.update(file.slice(root.length)).update("\0").update(readFileSync(file));
  return hash.digest("hex");
}
