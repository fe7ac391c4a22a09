import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { LOCKS, lockForThisMachine, notLocked } from "./lock.js";
import { forThisMachine, packageFolders, pipRequirements, project, pythonOf, root } from "./paths.js";
import { type Host, perform, runProgram } from "./step.js";

/**
 * Makes a Python environment and installs what the environment files list into it, each list once.
 * @param base another environment whose packages are to be found in this one too
 */
export async function installPython(host: Host, environment: string, lists: string[], base?: string): Promise<void> {
  const python = pythonOf(environment);
  // Without its interpreter (the Python below it is gone) an environment is of no use, nor are its stamps.
  if (!existsSync(python)) rmSync(environment, { recursive: true, force: true });
  await perform({
    title: `Python environment: making ${relative(project, environment)}`,
    stamp: join(environment, ".stamp-venv"),
    inputs: base ? [base] : [],
    run: async () => {
      const advice =
        "Python environment: venv failed: install Python's venv module (Debian, Ubuntu: sudo apt install python3-venv), then run the same command again";
      await runProgram(host, host.python, ["-m", "venv", environment], advice);
      if (base) {
        const [own] = packageFolders(environment);
        writeFileSync(join(own!, "base.pth"), packageFolders(base).join("\n"));
      }
    },
  });
  for (const list of lists) {
    const requirements = forThisMachine(pipRequirements(join(root, list)));
    const lock = readFileSync(join(root, LOCKS[list]!), "utf8");
    await perform({
      title: `Python packages: installing ${list}${list === "environment.yml" ? " (the longest step: TensorFlow and JupyterLab)" : ""}`,
      stamp: join(environment, `.stamp-${list.replace(/\W/g, "-")}`),
      inputs: [...requirements, lock],
      run: async () => {
        dropHalfInstalled(environment);
        await dropOtherTensorFlow(host, environment, requirements);
        const locked = join(environment, "requirements.txt");
        writeFileSync(locked, lockForThisMachine(lock, requirements));
        await pipInstall(host, environment, ["--require-hashes", "-r", locked]);
        const others = notLocked(lock, requirements);
        if (others.length > 0) await pipInstall(host, environment, others);
      },
    });
  }
}

/** Installs packages into an environment: requirements, or options of pip's that name them. */
export async function pipInstall(host: Host, environment: string, requirements: string[]): Promise<void> {
  const advice =
    "Python packages: pip failed: see its last lines above (TensorFlow needs Python 3.10 to 3.13: delete .venv and name one with PYTHON=/path/to/python3)";
  const options = ["--disable-pip-version-check", "--no-input", "--progress-bar=off", "--prefer-binary"];
  await runProgram(host, pythonOf(environment), ["-m", "pip", "install", ...options, ...requirements], advice);
}

/** The CPU and the CUDA build fill the same folder, so one goes before the other comes (a driver was added or removed). */
async function dropOtherTensorFlow(host: Host, environment: string, requirements: string[]): Promise<void> {
  const wanted = requirements.find((requirement) => /^tensorflow(-cpu)?(\[.*\])?==/.test(requirement));
  if (!wanted) return;
  const other = wanted.startsWith("tensorflow-cpu") ? "tensorflow" : "tensorflow-cpu";
  await runProgram(host, pythonOf(environment), ["-m", "pip", "uninstall", "-y", other], "Python packages: pip failed");
}

/**
 * Takes away the entries of packages whose installation was cut short, so that pip installs them again.
 *
 * pip takes a package for installed once its metadata are there, which for JupyterLab is before its pages are; the last
 * files it writes are INSTALLER and RECORD.
 */
export function dropHalfInstalled(environment: string): void {
  for (const folder of packageFolders(environment)) {
    for (const name of readdirSync(folder)) {
      const entry = join(folder, name);
      if (name.endsWith(".dist-info") && !existsSync(join(entry, "INSTALLER"))) rmSync(entry, { recursive: true });
    }
  }
}
