import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { libsndfilePath } from "./audio/libsndfile.js";
import { displayBundle, notebookHost } from "./notebook/display.js";
import { DatasetError } from "./core/error.js";
import { escapeText } from "./figure/panel.js";
import { kernelFolder, kernelSpec } from "./setup/build.js";
import { addonFile, hasNvidiaDriver, pythonOf, SET_UP, venv } from "./setup/paths.js";
import { TSLAB_VERSION, tslabPatches } from "./kernel/patch-tslab.js";
import { tslabRequire } from "./kernel/tslab.js";
import type { Patches } from "./system/patches.js";
import { deviceInfo, type DeviceInfo } from "./tensorflow/device.js";
import { patchTensorFlow, TFJS_VERSION } from "./tensorflow/kernels/patch.js";
import { loadTensorFlow } from "./tensorflow/load.js";

/** One line of the doctor's table. */
export interface Finding {
  /** What was examined, for example "JupyterLab". */
  part: string;
  /** What was found: a version, a device, or what is missing. */
  found: string;
  ok: boolean;
  /** How to fix it; empty where nothing is missing. */
  fix: string;
}

const VERSIONS = `
import importlib.metadata as m, json, sys
def version(*names):
    for name in names:
        try: return m.version(name)
        except m.PackageNotFoundError: pass
print(json.dumps({"python": ".".join(map(str, sys.version_info[:3])), "lab": version("jupyterlab"),
  "plotly": version("plotly"), "soundfile": version("soundfile"), "tensorflow": version("tensorflow-cpu", "tensorflow")}))`;

/** Examines everything that notebooks and training need; what does not load is a finding too. Loads TensorFlow. */
export function examine(): Finding[] {
  const python = pythonOf(venv);
  const found: { python?: string; lab?: string; plotly?: string; soundfile?: string; tensorflow?: string } = existsSync(
    python,
  )
    ? JSON.parse(execFileSync(python, ["-c", VERSIONS], { encoding: "utf8" }))
    : {};
  const extension = existsSync(join(venv, "share/jupyter/labextensions/jupyterlab-plotly"));
  const native = libsndfilePath() !== undefined;
  return [
    finding(
      "Node",
      process.versions.node,
      newEnough(process.versions.node, 20, 19),
      "install Node 20.19 or newer from nodejs.org",
    ),
    finding("Python", found.python, newEnough(found.python, 3, 10), `${SET_UP}, which needs Python 3.10 to 3.13`),
    finding("Kernel", kernelState(), kernelState() === "installed", SET_UP),
    finding("JupyterLab", found.lab, Boolean(found.lab), SET_UP),
    finding("Plotly in JupyterLab", extension ? found.plotly : undefined, extension && Boolean(found.plotly), SET_UP),
    finding("libsndfile", native ? `of soundfile ${found.soundfile}` : undefined, native, SET_UP),
    finding("TensorFlow in Python", found.tensorflow, Boolean(found.tensorflow), SET_UP),
    finding("TensorFlow addon", existsSync(addonFile()) ? "compiled" : undefined, existsSync(addonFile()), addonFix()),
    patchFinding("tslab", TSLAB_VERSION, tslabPatches(tslabRequire())),
    ...deviceFindings(),
  ];
}

/**
 * Shows a table of what notebooks and training need, and how to fix what is missing: in a cell as a table, on a
 * terminal as text. Loads TensorFlow.
 *
 * @example
 * doctor();
 */
export function doctor(): void {
  const findings = examine();
  if (notebookHost() === "none") console.log(findingsText(findings));
  else displayBundle({ "text/html": findingsHtml(findings), "text/plain": findingsText(findings) });
}

/** The table as text. */
export function findingsText(findings: Finding[]): string {
  const width = Math.max(...findings.map(({ part }) => part.length));
  return findings
    .map(
      ({ part, found, ok, fix }) => `${ok ? "ok  " : "FIX "} ${part.padEnd(width)}  ${found}${fix ? ` → ${fix}` : ""}`,
    )
    .join("\n");
}

function findingsHtml(findings: Finding[]): string {
  const rows = findings.map(({ part, found, ok, fix }) => {
    const cells = [ok ? "✓" : "✗", part, found, fix].map(
      (text) => `<td style="text-align:left">${escapeText(text)}</td>`,
    );
    return `<tr>${cells.join("")}</tr>`;
  });
  const head = ["", "part", "found", "what to do"].map((text) => `<th style="text-align:left">${text}</th>`).join("");
  return `<table><thead><tr>${head}</tr></thead><tbody>${rows.join("")}</tbody></table>`;
}

function finding(part: string, found: string | undefined, ok: boolean, fix: string): Finding {
  return { part, found: found ?? "missing", ok, fix: ok ? "" : fix };
}

/** Whether a package is patched: left as it is on purpose it is sound too. */
function patchFinding(part: string, version: string, { patched, reason, warning = "" }: Patches): Finding {
  return finding(part, patched ? `${version}, patched` : `not patched: ${reason}`, warning === "", warning);
}

function newEnough(version: string | undefined, major: number, minor: number): boolean {
  const [a = 0, b = 0] = (version ?? "").split(".").map(Number);
  return a > major || (a === major && b >= minor);
}

function kernelState(): string {
  const file = join(kernelFolder(), "kernel.json");
  if (!existsSync(file)) return "missing";
  const same = JSON.stringify(JSON.parse(readFileSync(file, "utf8"))) === JSON.stringify(kernelSpec());
  return same ? "installed" : "registered for a different Node";
}

function addonFix(): string {
  if (process.platform === "linux") return SET_UP;
  return process.platform === "win32"
    ? "use WSL 2: the addon is compiled on Linux only"
    : "train on Linux: the addon is compiled only there";
}

/** Nothing is known of a TensorFlow that does not load but that. */
function deviceFindings(): Finding[] {
  try {
    return [
      deviceFinding(deviceInfo()),
      patchFinding("TensorFlow.js", TFJS_VERSION, patchTensorFlow(loadTensorFlow())),
    ];
  } catch (error) {
    if (!(error instanceof DatasetError)) throw error;
    return [finding("Device", "TensorFlow does not load", false, error.message)];
  }
}

function deviceFinding(info: DeviceInfo): Finding {
  const { native, version, device, name, memoryBytes, cores } = info;
  const memory = memoryBytes === 0 ? "memory not known" : `${(memoryBytes / 2 ** 30).toFixed(1)} GiB`;
  const found = `${device}: ${name}, ${cores ? `${cores} threads, ` : ""}${memory}; TensorFlow ${version}`;
  if (!native)
    return finding(
      "Device",
      `plain JavaScript (${found})`,
      false,
      `training is hundreds of times slower: ${addonFix()}`,
    );
  if (device === "CPU" && hasNvidiaDriver()) {
    return finding(
      "Device",
      found,
      false,
      `there is an NVIDIA driver, but TensorFlow uses no GPU: delete ${venv}, then ${SET_UP}`,
    );
  }
  return finding("Device", found, true, "");
}
