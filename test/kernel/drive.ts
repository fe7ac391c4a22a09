import { mkdirSync, mkdtempSync } from "node:fs";
import { join } from "node:path";
import { ended, start } from "../support/processes.js";
import { pythonPath, root } from "../support/python.js";

/** One message of a cell's output: its type and its content. */
// biome-ignore lint/suspicious/noExplicitAny: Jupyter's own contents
export type Output = { type: string } & Record<string, any>;

/** What became of a cell. */
export interface Cell {
  outputs: Output[];
  // biome-ignore lint/suspicious/noExplicitAny: Jupyter's own contents
  reply: any;
  /** From sending it to its reply. */
  seconds: number;
}

/** What became of the steps; `results` has one entry for each step that answers something. */
export interface Driven {
  cells: Cell[];
  // biome-ignore lint/suspicious/noExplicitAny: depends on the step
  results: any[];
  /** Seconds from starting the kernel until it answered. */
  ready: number;
}

/** A folder from which a kernel finds the library, as it does from notebooks/. */
export function kernelFolder(): string {
  mkdirSync(join(root, "build"), { recursive: true });
  return mkdtempSync(join(root, "build", "kernel-"));
}

/** Starts the project's kernel and takes it through some steps; see drive.py. */
export async function drive(
  steps: unknown[][],
  folder: string = join(root, "notebooks"),
  env: NodeJS.ProcessEnv = {},
): Promise<Driven> {
  const child = start(pythonPath, [join(root, "test/kernel/drive.py")], { env: { ...process.env, ...env } });
  // Left open: the driver and its kernel end when this end of it is gone.
  child.stdin!.write(`${JSON.stringify({ folder, steps })}\n`);
  const { status, stdout, stderr } = await ended(child);
  if (status !== 0) throw new Error(`drive.py ended with ${status}\n${stderr}`);
  return JSON.parse(stdout.trimEnd().split("\n").pop()!);
}

/** Runs cells one after the other. */
export async function runCells(...cells: string[]): Promise<Cell[]> {
  const driven = await drive(cells.flatMap((code) => [["send", code], ["wait"]]));
  return driven.cells;
}

/** The text that a cell wrote to one output. */
export function textOf(cell: Cell | undefined, name: "stdout" | "stderr" = "stdout"): string {
  return (cell?.outputs ?? [])
    .filter((output) => output.type === "stream" && output.name === name)
    .map((output) => output.text)
    .join("");
}

/** The errors that a cell shows, without colours. */
export function errorsOf(cell: Cell | undefined): { ename: string; evalue: string; traceback: string }[] {
  return (cell?.outputs ?? [])
    .filter((output) => output.type === "error")
    .map(({ ename, evalue, traceback }) => ({
      ename,
      evalue,
      traceback: traceback.join("\n").replace(/\x1b\[\d+m/g, ""),
    }));
}
