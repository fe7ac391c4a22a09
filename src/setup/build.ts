import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { packageFolders, root, venv } from "./paths.js";
import { filesHash, type Host, perform, runProgram } from "./step.js";

/** The inner loops, which another compiler turns into WebAssembly. */
const WASM = "src/wasm";

/** What is made of a package, without a source of its own. */
const WITHOUT_SOURCE = join("web", "plotly.js");

/** Compiles src/ to dist/ and drops what has no source any more. */
export async function buildLibrary(host: Host): Promise<void> {
  const sources = (readdirSync(join(root, "src"), { recursive: true }) as string[])
    .filter((file) => /\.(ts|cjs)$/.test(file))
    .sort();
  const inputs = [
    ...sources.map((file) => join(root, "src", file)),
    join(root, "tsconfig.json"),
    join(root, WASM, "asconfig.json"),
    join(root, "package-lock.json"),
  ];
  await perform({
    title: "Library: building dist/",
    stamp: join(root, "dist/.stamp-build"),
    inputs: [filesHash(inputs)],
    run: async () => {
      const tsc = join(root, "node_modules/typescript/bin/tsc");
      await runProgram(
        host,
        process.execPath,
        [tsc, "-p", root],
        "Library: tsc found errors: fix them, then run the same command again",
      );
      const asc = join(root, "node_modules/assemblyscript/bin/asc.js");
      const loops = ["--config", `${WASM}/asconfig.json`, "--outFile", "dist/loops.wasm"];
      const advice = "Library: asc found errors: fix them, then run the same command again";
      await runProgram(host, process.execPath, [asc, `${WASM}/index.ts`, ...loops], advice);
      const web = "Library: esbuild found errors: fix them, then run the same command again";
      await runProgram(host, process.execPath, [join(root, "src/web/build.cjs")], web);
      await runProgram(host, process.execPath, [tsc, "-p", join(root, "src/web")], web);
      for (const file of readdirSync(join(root, "dist"), { recursive: true }) as string[]) {
        const source = file.replace(/\.(d\.ts|js|js\.map)$/, ".ts");
        if (source !== file && file !== WITHOUT_SOURCE && !existsSync(join(root, "src", source)))
          rmSync(join(root, "dist", file));
      }
    },
  });
}

/** The name under which notebooks find the kernel: tslab's own, so that they open with a plain tslab too. */
export const KERNEL_NAME = "tslab";

/**
 * The kernel's entry in the Python environment.
 *
 * It finds the library from the notebook's own folder upwards, then from the project whose environment it lies in, so
 * nothing in it depends on where the project lies.
 */
export function kernelSpec(): object {
  // Jupyter passes the folder of this entry, five folders below the project.
  const project = "require('path').resolve(process.argv[1],'../../../../..')";
  const boot = `require(require.resolve('deep-audio-dataset/kernel',{paths:[process.cwd(),${project}]}))`;
  // Where an interrupt ends a timer's code by force, these checks of Node's would end the process.
  const unchecked = "--no-force-async-hooks-checks";
  const flags = process.allowedNodeEnvironmentFlags.has(unchecked) ? [unchecked] : [];
  return {
    argv: [process.execPath, ...flags, "-e", boot, "{resource_dir}", "{connection_file}"],
    display_name: "TypeScript (tslab)",
    language: "typescript",
    interrupt_mode: "message",
    metadata: { debugger: false },
  };
}

/** The folder of the kernel's entry. */
export function kernelFolder(): string {
  return join(venv, "share/jupyter/kernels", KERNEL_NAME);
}

/** Writes the kernel's entry where it is missing or another one, and what else makes Jupyter find what it needs of ours. */
export function installKernel(): void {
  if (writeChanged(join(kernelFolder(), "kernel.json"), `${JSON.stringify(kernelSpec(), null, 1)}\n`)) {
    console.log(`Jupyter kernel: installed as ${KERNEL_NAME}`);
  }
  // A copy, not a path: other projects may share the environment, and go.
  const saving = readFileSync(join(root, "python/deep_audio_saving.py"), "utf8");
  for (const folder of packageFolders(venv)) writeChanged(join(folder, "deep_audio_saving.py"), saving);
  const enabled = { ServerApp: { jpserver_extensions: { deep_audio_saving: true } } };
  const settings = join(venv, "etc/jupyter/jupyter_server_config.d/deep_audio_saving.json");
  writeChanged(settings, `${JSON.stringify(enabled)}\n`);
  const exported = { LatexExporter: { preprocessors: ["deep_audio_saving.ChartPictures"] } };
  writeChanged(join(venv, "etc/jupyter/jupyter_nbconvert_config.json"), `${JSON.stringify(exported)}\n`);
}

/** Writes a file unless it says this already; returns whether it did. */
function writeChanged(file: string, text: string): boolean {
  if (existsSync(file) && readFileSync(file, "utf8") === text) return false;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return true;
}
