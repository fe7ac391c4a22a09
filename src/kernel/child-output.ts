import childProcess, { type ChildProcess } from "node:child_process";
import { syncBuiltinESMExports } from "node:module";

type Name = "stdout" | "stderr";
type Write = (name: Name, chunk: string | Uint8Array) => void;
type Stdio = unknown;

const NAMES = [undefined, "stdout", "stderr"] as const;

/** The options of a child's three streams, with pipes in place of the outputs that it would inherit; which these are. */
function piped(stdio: Stdio): { stdio: unknown[]; inherited: Name[] } {
  const given: unknown[] = Array.isArray(stdio) ? [...stdio] : [stdio, stdio, stdio];
  const inherited: Name[] = [];
  for (const at of [1, 2] as const) {
    const name = NAMES[at];
    if (given[at] !== "inherit" && given[at] !== at && given[at] !== process[name]) continue;
    given[at] = "pipe";
    inherited.push(name);
  }
  // The kernel's own standard input is Jupyter's.
  if (given[0] === "inherit" || given[0] === 0 || given[0] === process.stdin) given[0] = "ignore";
  return { stdio: given, inherited };
}

/** Shows in the cell what child processes print to outputs that they inherit: the kernel's own are nobody's. */
export function showChildOutput(write: Write): void {
  const prototype = childProcess.ChildProcess.prototype as ChildProcess & { spawn(options: { stdio?: Stdio }): number };
  const { spawn } = prototype;
  prototype.spawn = function (this: ChildProcess, options) {
    const { stdio, inherited } = piped(options.stdio);
    const result = spawn.call(this, { ...options, stdio });
    for (const name of inherited) this[name]?.on("data", (chunk: Buffer) => write(name, chunk));
    return result;
  };
  const module = childProcess as unknown as Record<string, (...given: unknown[]) => unknown>;
  for (const name of ["spawnSync", "execFileSync", "execSync"]) {
    const run = module[name]!;
    module[name] = (...given) => {
      const options = given[given.length - 1] as { stdio?: Stdio } | undefined;
      if (typeof options !== "object" || Array.isArray(options) || options?.stdio === undefined) return run(...given);
      const { stdio, inherited } = piped(options.stdio);
      if (inherited.length === 0) return run(...given);
      // The other two give what the child wrote to its standard output; Node shows what it wrote to the other where no streams are named.
      const byNode = name !== "spawnSync" && inherited.includes("stderr");
      const show = (outputs: Partial<Record<Name, Buffer | string | null>>): void => {
        for (const output of inherited)
          if (outputs[output] && !(byNode && output === "stderr")) write(output, outputs[output]);
      };
      try {
        const result = run(...given.slice(0, -1), { ...options, stdio: byNode ? undefined : stdio });
        if (name === "spawnSync") show(result as object);
        else show({ stdout: result as Buffer | string });
        return result;
      } catch (error) {
        show(error as object);
        throw error;
      }
    };
  }
  syncBuiltinESMExports();
}
