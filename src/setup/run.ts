import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { project, root } from "./paths.js";
import { SetupError } from "./step.js";

const TEST_TIMEOUT_MS = 25 * 60_000;

/** Runs a program in the foreground, with this terminal, and gives its exit status. */
export function foreground(command: string, args: string[], env: NodeJS.ProcessEnv = process.env): Promise<number> {
  const child = spawn(command, args, { cwd: project, env, stdio: "inherit" });
  // Ctrl+C reaches the whole group; this process stays until the child has ended.
  process.removeAllListeners("SIGINT").on("SIGINT", () => {});
  process.removeAllListeners("SIGTERM").on("SIGTERM", () => void child.kill("SIGTERM"));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (status) => resolve(status ?? 1));
  });
}

/** Runs the tests: all, or those whose path contains one of `filters`. What they leave in the temporary folder goes with it. */
export async function runTests(filters: string[]): Promise<number> {
  const files = listed("test", /\.test\.ts$/, filters);
  const options = ["--test-concurrency=2", `--test-timeout=${TEST_TIMEOUT_MS}`, "--test-reporter=spec"];
  const temporary = mkdtempSync(join(tmpdir(), "tests-"));
  // On a GPU too, products are compared with what they are in float32.
  const env = { NVIDIA_TF32_OVERRIDE: "0", ...process.env, TMPDIR: temporary };
  try {
    return await foreground(process.execPath, ["--import", "tsx", "--test", ...options, ...files], env);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/**
 * Runs the benchmarks, one after the other: all of bench/, or those named; then prints a table and writes charts of their
 * results. `--tiny` goes to each; `--save` keeps results, tables and charts in bench/ and README.md.
 */
export async function runBench(args: string[], python: string): Promise<number> {
  const flags = args.filter((arg) => arg.startsWith("--"));
  const names = args.filter((arg) => !arg.startsWith("--"));
  const results = join(root, "build/bench/results.jsonl");
  mkdirSync(dirname(results), { recursive: true });
  writeFileSync(results, "");
  const env = { ...process.env, BENCH_PYTHON: python, BENCH_RESULTS: results };
  const failed: string[] = [];
  for (const file of listed("bench", /^(?!.*(harness|report|charts)).*\.ts$/, names)) {
    console.log(`\n${file}`);
    if ((await foreground(process.execPath, ["--import", "tsx", file, ...flags], env)) !== 0) failed.push(file);
  }
  // A table that lacks a part isn't kept.
  const kept = failed.length === 0 ? flags : flags.filter((flag) => flag !== "--save");
  const report = ["--import", "tsx", join("bench", "report.ts"), ...kept];
  if ((await foreground(process.execPath, report, env)) !== 0) failed.push("bench/report.ts");
  if (failed.length > 0) console.error(`bench: ${failed.join(", ")} failed, see above; nothing is saved`);
  return failed.length === 0 ? 0 : 1;
}

function listed(folder: string, pattern: RegExp, filters: string[]): string[] {
  const all = (readdirSync(join(root, folder), { recursive: true }) as string[])
    .map((file) => join(folder, file))
    .filter((file) => pattern.test(file))
    .sort();
  const found = filters.length === 0 ? all : all.filter((file) => filters.some((filter) => file.includes(filter)));
  if (found.length === 0)
    throw new SetupError(
      `${folder}: no file matches ${filters.join(", ") || pattern}, there are:\n  ${all.join("\n  ")}`,
    );
  return found;
}
