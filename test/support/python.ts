import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

export const root: string = join(__dirname, "..", "..");
const venv = process.env.DEEP_AUDIO_VENV ?? join(root, ".venv");
export const pythonPath: string = existsSync(join(venv, "Scripts"))
  ? join(venv, "Scripts", "python.exe")
  : join(venv, "bin", "python");

/**
 * Runs Python code from the project's environment and returns what it printed last, as JSON.
 * The code finds `input` (any JSON value) in the variable `input`; it prints one line of JSON.
 */
// biome-ignore lint/suspicious/noExplicitAny: the shape is whatever the Python code printed
export function python(code: string, input: unknown = null): any {
  const prelude = "import json,sys\ninput = json.load(sys.stdin)\n";
  const out = execFileSync(pythonPath, ["-c", prelude + code], {
    input: JSON.stringify(input),
    encoding: "utf8",
    maxBuffer: 1 << 30,
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: "3", CUDA_VISIBLE_DEVICES: "-1" },
  });
  const lines = out.trimEnd().split("\n");
  return JSON.parse(lines[lines.length - 1] ?? "null");
}
