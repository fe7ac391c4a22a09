import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { installed, project, pythonOf, root, venv } from "./paths.js";
import { foreground } from "./run.js";
import { SetupError } from "./step.js";

/**
 * Opens JupyterLab on the project, of a clone on notebooks/; without a screen or a browser it prints the URL and serves.
 * `args` go to JupyterLab.
 */
export function startLab(args: string[]): Promise<number> {
  const options = [`--ServerApp.root_dir=${project}`, "--LabApp.news_url=None"];
  if (!installed) options.push("--LabApp.default_url=/lab/tree/notebooks");
  if (process.getuid?.() === 0) options.push("--allow-root");
  if (!hasBrowser()) options.push("--no-browser");
  return foreground(pythonOf(venv), ["-m", "jupyterlab", ...options, ...args]);
}

function hasBrowser(): boolean {
  if (process.env.CI || process.env.SSH_CONNECTION) return false;
  if (process.platform === "linux" && !process.env.DISPLAY && !process.env.WAYLAND_DISPLAY) return false;
  return spawnSync(pythonOf(venv), ["-c", "import webbrowser; webbrowser.get()"]).status === 0;
}

/**
 * `npm start -- --run NAME [--save]`: runs a notebook without JupyterLab, shows each cell as it goes and writes the
 * executed notebook and its html to build/notebooks; `--save` also keeps the outputs in the notebook itself.
 */
export function runNotebook(args: string[]): Promise<number> {
  const names = args.filter((arg) => arg !== "--save");
  if (names.length === 0)
    throw new SetupError("--run: no notebook named, expected for example npm start -- --run 01-generate");
  const files = names.map((name) => {
    const candidates = [
      name,
      join(root, "notebooks", name),
      join(root, "notebooks", `${basename(name, ".ipynb")}.ipynb`),
    ];
    const file = candidates.find((candidate) => candidate.endsWith(".ipynb") && existsSync(candidate));
    if (!file)
      throw new SetupError(
        `--run: ${name}: no such notebook, expected a name from notebooks/ or a path to an .ipynb file`,
      );
    return resolve(file);
  });
  const output = join(root, "build/notebooks");
  mkdirSync(output, { recursive: true });
  const save = args.includes("--save") ? ["--save"] : [];
  return foreground(pythonOf(venv), [join(root, "python/run_notebook.py"), ...save, "--out", output, ...files]);
}
