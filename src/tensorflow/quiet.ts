import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import Module from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

interface Stderr {
  redirect(path: string): boolean;
  restore(): void;
}

/** What TensorFlow's libraries say each time they are loaded, before any setting is read. */
const ALWAYS = [/^WARNING: All log messages before absl::InitializeLog\(\)/, /port\.cc:\d+\] oneDNN custom operations/];

/** What the CUDA build says where there is no GPU. */
const NO_GPU = [
  /Could not find cuda drivers/,
  /failed call to cuInit/,
  /Unable to register cu(FFT|DNN|BLAS) factory/,
  /computation placer already registered/,
  /Cannot dlopen some GPU libraries/,
  /TF-TRT Warning: Could not find TensorRT/,
];

/**
 * Runs `load` without TensorFlow's start lines on stderr; a GPU build without a GPU says so in one line.
 *
 * Everything else that was written in the meantime follows when it is done.
 * @param helper the addon of quiet.c; where it is missing, or no temporary folder can be made (TMPDIR), the lines stay
 */
export function quietly<T>(helper: string, load: () => T): T {
  const folder = existsSync(helper) ? temporaryFolder() : undefined;
  if (folder === undefined) return load();
  const stderr = require(helper) as Stderr;
  const file = join(folder, "stderr");
  const redirected = stderr.redirect(file);
  try {
    return load();
  } finally {
    // Where it is in a file already, whoever put it there sees to the rest.
    if (redirected) stderr.restore();
    const text = redirected ? startLines(readFileSync(file, "utf8")) : "";
    rmSync(folder, { recursive: true, force: true });
    if (text) process.stderr.write(text);
  }
}

function temporaryFolder(): string | undefined {
  try {
    return mkdtempSync(join(tmpdir(), "tensorflow-"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall !== "mkdtemp") throw error;
    return undefined;
  }
}

/** Lets a program that loads the package `name` by itself do so quietly, as `loadTensorFlow` does. */
export function quietImports(helper: string, name: string): void {
  const loader = Module as unknown as { _load(request: string, ...rest: unknown[]): unknown };
  const load = loader._load;
  loader._load = (request, ...rest) => {
    if (request !== name) return load(request, ...rest);
    loader._load = load;
    return quietly(helper, () => load(request, ...rest));
  };
}

/** What is left to say of what was written while TensorFlow was loaded. */
export function startLines(text: string): string {
  const lines = text.split("\n").filter((line) => !ALWAYS.some((known) => known.test(line)));
  const left = lines.filter((line) => !NO_GPU.some((known) => known.test(line)));
  if (left.length === lines.length) return left.join("\n");
  const reason = /cuInit: .*?([A-Z_ ]+\(\d+\))/.exec(text)?.[1]?.trim();
  const said = `TensorFlow: no GPU can be used (${reason ?? "no CUDA driver"}), so the CPU is; nvidia-smi says more\n`;
  return said + left.join("\n");
}
