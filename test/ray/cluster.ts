// A Ray cluster of this test alone: a head and two raylets on loopback, from packages of its own, with a token.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { installPython } from "../../dist/setup/packages.js";
import { pythonOf } from "../../dist/setup/paths.js";
import { start } from "../support/processes.js";
import { pythonPath, root } from "../support/python.js";

export interface Cluster {
  /** For the option `ray`. */
  ray: { address: string; token: string; python: string };
  /** Environment of a driver on this machine. */
  driver: NodeJS.ProcessEnv;
  /** The process from which all of the cluster's come. */
  pid: number;
  /** The raylets' process ids. */
  raylets: number[];
  /** What its processes wrote. */
  logs(): string;
  close(): Promise<void>;
}

/** The Python of an environment with Ray, which is made the first time. */
export async function rayPython(): Promise<string> {
  if (process.platform !== "linux")
    throw new Error(`Ray's tests: on ${process.platform}, expected Linux: they look into /proc`);
  const environment = join(root, "build/ray-venv");
  const host = { python: pythonPath, releaseLock: () => undefined, holdLockWith: () => undefined };
  await installPython(host, environment, ["test/ray/environment.yml"]);
  return pythonOf(environment);
}

/** Starts a cluster; takes as long as it takes. */
export async function startCluster(cpus = 1): Promise<Cluster> {
  const python = await rayPython();
  // Ray's sockets lie in it: their paths may have 107 characters.
  const folder = mkdtempSync(join(tmpdir().length < 20 ? tmpdir() : "/tmp", "ray-"));
  const token = randomBytes(16).toString("hex");
  const path = `${dirname(process.execPath)}${delimiter}${process.env.PATH}`;
  const env = { ...process.env, PATH: path, RAY_AUTH_MODE: "token", RAY_AUTH_TOKEN: token };
  const child = start(python, [join(root, "test/ray/cluster.py"), folder, String(cpus)], { env });
  let errors = "";
  child.stderr!.on("data", (data) => (errors += data));
  const closed = once(child, "close");
  const [line] = await Promise.race([
    once(createInterface({ input: child.stdout! }), "line"),
    closed.then(() => Promise.reject(new Error(`the cluster ended before it was up:\n${errors}`))),
  ]);
  const { address, gcs, raylets } = JSON.parse(line as string) as { address: string; gcs: string; raylets: number[] };
  return {
    ray: { address, token, python },
    driver: { ...env, RAY_ADDRESS: gcs, RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER: "0", RAY_TMPDIR: folder },
    pid: child.pid!,
    raylets,
    logs: () => allText(folder),
    close: async () => {
      child.stdin!.end();
      await closed;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function allText(folder: string): string {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
  return files.map(({ parentPath, name }) => readFileSync(join(parentPath, name), "latin1")).join("\n");
}

/** The Node processes that Ray's workers below a raylet keep. */
export function nodesOf(raylet: number): number[] {
  const found: number[] = [];
  for (const pid of readdirSync("/proc").map(Number).filter(Boolean)) {
    if (commandOf(pid).includes("ray/serve.js") && parentOf(parentOf(pid)) === raylet) found.push(pid);
  }
  return found;
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

function parentOf(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)!.split(" ")[1]);
  } catch {
    return 0;
  }
}
