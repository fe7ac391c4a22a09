import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";

/** The library's folder, from src/setup and from dist/setup. */
export const root: string = join(__dirname, "../..");

/** The folder of the project that installed the library with npm; of a clone the clone itself. */
export const project: string = root.split(`${sep}node_modules${sep}`, 1)[0]!;

/** Whether npm installed the library; else this is a clone. */
export const installed: boolean = project !== root;

/** What sets up what is missing, for messages. */
export const SET_UP: string = installed
  ? "run `npx deep-audio-dataset setup`"
  : "run `npm start` (or `npm test`) in the project's folder";

/** The project's Python environment. */
export const venv: string = process.env.DEEP_AUDIO_VENV ?? join(project, ".venv");

/** The interpreter of a Python environment. */
export function pythonOf(environment: string): string {
  return process.platform === "win32" ? join(environment, "Scripts", "python.exe") : join(environment, "bin", "python");
}

/** Where a Python environment keeps its packages, one folder for each version of Python it was made with. */
export function packageFolders(environment: string): string[] {
  if (process.platform === "win32") return [join(environment, "Lib/site-packages")].filter(existsSync);
  const lib = join(environment, "lib");
  const versions = existsSync(lib) ? readdirSync(lib).filter((name) => name.startsWith("python3")) : [];
  return versions.map((version) => join(lib, version, "site-packages")).filter(existsSync);
}

/** The folder of the package whose native addon runs TensorFlow. */
export function tfjsFolder(): string {
  return dirname(require.resolve("@tensorflow/tfjs-node-gpu/package.json"));
}

/** The compiled addon. */
export function addonFile(): string {
  return join(tfjsFolder(), "lib/napi-v8/tfjs_binding.node");
}

/** Whether an NVIDIA driver is loaded on this machine. */
export function hasNvidiaDriver(): boolean {
  return (
    existsSync("/proc/driver/nvidia/version") ||
    existsSync("/dev/nvidiactl") ||
    existsSync("/usr/lib/wsl/lib/nvidia-smi")
  );
}

/** The pip requirements of an environment file: the lines under `- pip:`. */
export function pipRequirements(file: string): string[] {
  const lines = readFileSync(file, "utf8").split(/\r?\n/);
  const start = lines.findIndex((line) => /^\s*-\s*pip:\s*$/.test(line));
  if (start < 0) throw new Error(`${relative(root, file)}: no list "- pip:", expected one under dependencies`);
  const indent = lines[start]!.search(/\S/);
  const found: string[] = [];
  for (const line of lines.slice(start + 1)) {
    const text = line.replace(/(^|\s)#.*$/, "").trim();
    if (!text) continue;
    if (line.search(/\S/) <= indent || !text.startsWith("- ")) break;
    found.push(text.slice(2).trim());
  }
  return found;
}

/** The build of TensorFlow for this machine: CUDA with an NVIDIA driver, the smaller CPU wheel on other x64 Linux and Windows machines. */
export function forThisMachine(requirements: string[], nvidia: boolean = hasNvidiaDriver()): string[] {
  const cpuWheel = process.arch === "x64" && process.platform !== "darwin";
  return requirements.map((requirement) => {
    if (!requirement.startsWith("tensorflow==")) return requirement;
    if (nvidia && process.platform === "linux") return requirement.replace("tensorflow", "tensorflow[and-cuda]");
    return cpuWheel ? requirement.replace("tensorflow", "tensorflow-cpu") : requirement;
  });
}
