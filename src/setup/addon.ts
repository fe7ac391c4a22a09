import { accessSync, constants, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { delimiter, dirname, join, relative } from "node:path";
import { ADDITIONS, extendedBinding } from "./binding.js";
import { dropHalfInstalled, pipInstall } from "./packages.js";
import {
  addonFile,
  forThisMachine,
  packageFolders,
  pipRequirements,
  pythonOf,
  root,
  tfjsFolder,
  venv,
} from "./paths.js";
import { filesHash, type Host, perform, runProgram, SetupError } from "./step.js";

const QUIET = join(root, "src/tensorflow/quiet.c");
const FUNCTIONS = join(root, "src/tensorflow/functions.cc");

/** A C++ compiler from PyPI, for machines without one. */
const ZIGLANG = "ziglang==0.15.2";

/**
 * Compiles the addon of tfjs against the TensorFlow of the Python environment.
 *
 * The package's own download is TensorFlow 2.9, which knows no current GPU; its two C++ files compile against the
 * headers and libraries that each TensorFlow wheel carries, with what binding.ts and functions.cc add.
 */
export async function compileAddon(host: Host): Promise<void> {
  if (process.platform !== "linux") {
    console.log(
      "TensorFlow addon: compiled on Linux only; here training uses plain JavaScript, hundreds of times slower (Windows: use WSL 2)",
    );
    return;
  }
  const folder = tfjsFolder();
  const binding = join(folder, "binding");
  const addon = addonFile();
  const sources = [...readdirSync(binding).map((file) => join(binding, file)), QUIET, FUNCTIONS];
  const tensorflow = forThisMachine(pipRequirements(join(root, "environment.yml"))).filter((r) =>
    r.startsWith("tensorflow"),
  );
  await perform({
    title: "TensorFlow addon: compiling",
    stamp: join(dirname(addon), ".stamp-addon"),
    inputs: [
      filesHash(sources),
      JSON.stringify(ADDITIONS),
      ...HARDENING,
      ...tensorflow,
      process.arch,
      relative(folder, venv),
    ],
    run: async () => {
      const compiler = findCompiler() ?? (await installCompiler(host));
      const output = `${addon}.new`;
      mkdirSync(dirname(addon), { recursive: true });
      rmSync(output, { force: true });
      const advice = `TensorFlow addon: ${compiler.join(" ")} failed: see its last lines above; CXX=zig takes PyPI's ziglang instead`;
      const [command, ...before] = compiler;
      await runProgram(host, command!, [...before, ...compilerArguments(output)], advice, { cwd: folder });
      const quiet = `${addon}.quiet`;
      await runProgram(host, command!, [...before, ...quietArguments(quiet)], advice, { cwd: folder });
      renameSync(quiet, join(dirname(addon), "quiet.node"));
      renameSync(output, addon);
    },
  });
}

/** A smashed stack, a known buffer written beyond its end and a changed address of a function end the process. */
const HARDENING = ["-fstack-protector-strong", "-D_FORTIFY_SOURCE=2", "-Wl,-z,relro", "-Wl,-z,now"];

/** The arguments of the one compiler call. The path to TensorFlow in the addon is relative, so that the project can be moved. */
function compilerArguments(output: string): string[] {
  const tensorflow = tensorflowFolder();
  const headers = join(dirname(require.resolve("node-api-headers/package.json")), "include");
  const fromAddon = relative(dirname(addonFile()), tensorflow);
  const binding = extendedBinding(join(tfjsFolder(), "binding"));
  return [
    ...["-std=c++17", "-O2", "-fPIC", "-shared", "-DNAPI_VERSION=8", ...HARDENING],
    ...[`-I${join(tensorflow, "include")}`, `-I${headers}`, `-I${binding}`, "-Ibinding"],
    ...["tfjs_backend.cc", "tfjs_binding.cc"].map((file) => join(binding, file)),
    ...[FUNCTIONS, "-o", output],
    // By their paths: zig looks up no library by its file's name.
    ...["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"].map((library) => join(tensorflow, library)),
    `-Wl,-rpath,$ORIGIN/${fromAddon}`,
  ];
}

/** The arguments for the helper that keeps TensorFlow's start lines from the terminal. */
function quietArguments(output: string): string[] {
  const headers = join(dirname(require.resolve("node-api-headers/package.json")), "include");
  const c = ["-x", "c", "-O2", "-fPIC", "-shared", "-DNAPI_VERSION=8", ...HARDENING];
  return [...c, `-I${headers}`, QUIET, "-o", output];
}

/** Where the Python environment keeps TensorFlow. */
function tensorflowFolder(): string {
  const folders = packageFolders(venv).map((folder) => join(folder, "tensorflow"));
  const found = folders.find((folder) => existsSync(join(folder, "libtensorflow_cc.so.2")));
  if (found) return found;
  throw new SetupError(
    "TensorFlow addon: no TensorFlow in .venv, expected one from environment.yml: delete .venv and run the same command again",
  );
}

function findCompiler(): string[] | undefined {
  const asked = process.env.CXX;
  if (asked) return asked === "zig" ? undefined : [asked];
  const found = ["g++", "c++", "clang++"].find(onPath);
  return found ? [found] : undefined;
}

function onPath(program: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code) return false;
      throw error;
    }
  });
}

async function installCompiler(host: Host): Promise<string[]> {
  process.stdout.write("no C++ compiler here, taking ziglang from PyPI (about a minute more) … ");
  dropHalfInstalled(venv);
  await pipInstall(host, venv, [ZIGLANG]);
  const target = `${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu`;
  return [pythonOf(venv), "-m", "ziglang", "c++", "-target", target];
}
