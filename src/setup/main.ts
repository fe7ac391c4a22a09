import { join } from "node:path";
import { compileAddon } from "./addon.js";
import { buildLibrary, installKernel } from "./build.js";
import { runNotebook, startLab } from "./lab.js";
import { installPython } from "./packages.js";
import { linkTensorFlow } from "./link.js";
import { installed, pythonOf, root, venv } from "./paths.js";
import { runBench, runTests } from "./run.js";
import { type Host, SetupError } from "./step.js";

/**
 * Does what is missing of the set-up, then the command: "start" or "lab", or "setup" for nothing more; of a clone also "test"
 * and "bench".
 */
export async function main(command: string, args: string[], host: Host): Promise<void> {
  try {
    const lists = command === "test" ? ["environment.yml", "test/environment.yml"] : ["environment.yml"];
    await installPython(host, venv, lists);
    await compileAddon(host);
    if (installed) linkTensorFlow();
    else await buildLibrary(host);
    installKernel();
    const benchEnvironment = join(root, "build/bench-venv");
    if (command === "bench") {
      await installPython(host, benchEnvironment, ["test/environment.yml", "bench/environment.yml"], venv);
    }
    host.releaseLock();
    if (command === "setup")
      console.log(`set up: ${installed ? "npx deep-audio-dataset lab" : "npm start"} opens JupyterLab`);
    if (command === "lab") process.exitCode = await startLab(args);
    if (command === "start")
      process.exitCode = await (args[0] === "--run" ? runNotebook(args.slice(1)) : startLab(args));
    if (command === "test") process.exitCode = await runTests(args);
    if (command === "bench") process.exitCode = await runBench(args, pythonOf(benchEnvironment));
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(`set-up: ${error.message}`);
    process.exitCode = 1;
  }
}
