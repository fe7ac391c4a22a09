import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { kernelSpec } from "../../dist/setup/build.js";
import { dropHalfInstalled } from "../../dist/setup/packages.js";
import { LOCKS, lockEntries, lockForThisMachine, notLocked } from "../../dist/setup/lock.js";
import { addonFile, forThisMachine, packageFolders, pipRequirements, pythonOf } from "../../dist/setup/paths.js";
import { type Host, perform, runProgram, SetupError } from "../../dist/setup/step.js";
import { type Ended, ended, start } from "../support/processes.js";
import { python, pythonPath, root } from "../support/python.js";

const bootstrap = join(root, "src/setup/bootstrap.cjs");
const host: Host = { python: "python3", releaseLock: () => {}, holdLockWith: () => {} };

function scratch(): string {
  return mkdtempSync(join(tmpdir(), "deep-audio-setup "));
}

test("the pip list is read as conda's own YAML reader reads it", () => {
  for (const file of ["environment.yml", "test/environment.yml"]) {
    const code =
      "import yaml,json,sys; d=yaml.safe_load(open(sys.argv[1])); print(json.dumps([x for e in d['dependencies'] if isinstance(e,dict) for x in e['pip']]))";
    const expected = JSON.parse(execFileSync(pythonPath, ["-c", code, join(root, file)], { encoding: "utf8" }));
    assert.deepEqual(pipRequirements(join(root, file)), expected);
    assert.ok(
      expected.every((requirement: string) => /^[\w.-]+(\[[\w,-]+\])?==[\d.]+$/.test(requirement)),
      "not pinned",
    );
  }
});

test("TensorFlow's build follows the machine: CUDA with an NVIDIA driver, else the CPU wheel", {
  skip: process.platform !== "linux" || process.arch !== "x64" ? "the wheels are those of x64 Linux" : false,
}, () => {
  assert.deepEqual(forThisMachine(["plotly==7.1.0", "tensorflow==2.21.0"], false), [
    "plotly==7.1.0",
    "tensorflow-cpu==2.21.0",
  ]);
  assert.deepEqual(forThisMachine(["tensorflow==2.21.0"], true), ["tensorflow[and-cuda]==2.21.0"]);
});

test("every package of the lists is locked with its hashes, which pip can read", () => {
  for (const [list, lock] of Object.entries(LOCKS)) {
    const text = readFileSync(join(root, lock), "utf8");
    assert.deepEqual(notLocked(text, pipRequirements(join(root, list))), [], `${lock}: run npm run lock`);
    const code = `
from pip._internal.req.req_file import parse_requirements
from pip._internal.network.session import PipSession
found = [(r.requirement, r.options["hashes"]["sha256"]) for r in parse_requirements(input, PipSession())]
print(json.dumps([[r.split(" ")[0], len(h)] for r, h in found]))`;
    const found: [string, number][] = python(code, join(root, lock));
    assert.deepEqual(
      lockEntries(text).map((entry) => [
        `${entry.name}==${entry.version}`,
        entry.text.split("--hash=sha256:").length - 1,
      ]),
      found,
    );
    assert.ok(found.every(([, hashes]) => hashes > 0));
  }
});

test("of the lock a machine takes one TensorFlow, and CUDA's packages with an NVIDIA driver", () => {
  const text = readFileSync(join(root, LOCKS["environment.yml"]!), "utf8");
  const taken = (requirement: string): string[] =>
    lockEntries(lockForThisMachine(text, ["plotly==7.1.0", requirement])).map(({ name }) => name);
  const special = (names: string[]): string[] => names.filter((name) => /^(tensorflow|nvidia-cudnn)/.test(name));
  assert.deepEqual(special(taken("tensorflow-cpu==2.21.0")), ["tensorflow-cpu"]);
  assert.deepEqual(special(taken("tensorflow==2.21.0")), ["tensorflow"]);
  assert.deepEqual(special(taken("tensorflow[and-cuda]==2.21.0")), ["nvidia-cudnn-cu12", "tensorflow"]);
  assert.ok(taken("tensorflow-cpu==2.21.0").includes("jupyterlab"));
  assert.deepEqual(notLocked(text, ["plotly==7.1.0", "tensorflow[and-cuda]==2.21.0", "plotly==7.2.0", "umap==1.0"]), [
    "plotly==7.2.0",
    "umap==1.0",
  ]);
});

test("the addons are compiled with stack protector, checked buffers and read-only addresses", {
  skip: process.platform !== "linux" ? "compiled on Linux" : false,
}, () => {
  for (const name of ["tfjs_binding.node", "quiet.node"]) {
    const file = join(dirname(addonFile()), name);
    const read = execFileSync("readelf", ["-W", "-d", "-l", "--dyn-syms", file], { encoding: "utf8" });
    assert.ok(/\bNOW\b/.test(read), `${name}: its addresses are bound while it runs`);
    assert.ok(/GNU_RELRO/.test(read), `${name}: its addresses can be written`);
    assert.ok(name === "quiet.node" || /__stack_chk_fail/.test(read), `${name}: no stack protector`);
  }
});

test("a step runs once for the same inputs, again for others, and again after it failed", async () => {
  const stamp = join(scratch(), "folder/.stamp");
  const ran: string[] = [];
  const step = (input: string, fail = false): Promise<void> =>
    perform({
      title: "test step",
      stamp,
      inputs: [input],
      run: async () => {
        ran.push(input);
        if (fail) throw new SetupError("it failed");
      },
    });
  await step("a");
  await step("a");
  await step("b");
  await assert.rejects(step("c", true), /it failed/);
  assert.ok(!existsSync(stamp), "a stamp stands for a step that failed");
  await step("b");
  assert.deepEqual(ran, ["a", "b", "c", "b"]);
});

test("a failing program ends with one line: what to do, or that there is no network", async () => {
  const node = (code: string): Promise<string> => runProgram(host, process.execPath, ["-e", code], "do this");
  assert.equal(await node("console.log(1)"), "1\n");
  await assert.rejects(node("process.exit(3)"), { message: "do this (ended with 3)" });
  await assert.rejects(node("console.error('getaddrinfo EAI_AGAIN'); process.exit(1)"), /^Error: no network: connect/);
});

test("a package that pip was killed over is installed again, not taken for installed", () => {
  const folder = scratch();
  // A wheel whose page lies outside of the package, as JupyterLab's do: pip writes it after the metadata.
  const wheel = `import sys, zipfile
with zipfile.ZipFile(sys.argv[1] + "/page-1.0-py3-none-any.whl", "w") as z:
    z.writestr("page/__init__.py", "")
    z.writestr("page-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: page\\nVersion: 1.0\\n")
    z.writestr("page-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    z.writestr("page-1.0.data/data/share/page.html", "here")
    z.writestr("page-1.0.dist-info/RECORD", "".join(f"{name},,\\n" for name in z.namelist()))`;
  execFileSync(pythonPath, ["-c", wheel, folder]);
  const environment = join(folder, "env");
  execFileSync(pythonPath, ["-m", "venv", environment]);
  const install = (): void => {
    const options = ["--no-index", "--find-links", folder, "--disable-pip-version-check"];
    execFileSync(pythonOf(environment), ["-m", "pip", "install", ...options, "page==1.0"]);
  };
  const page = join(environment, "share/page.html");
  install();
  const [packages] = packageFolders(environment);
  dropHalfInstalled(environment);
  assert.ok(existsSync(join(packages!, "page-1.0.dist-info/METADATA")), "a whole package was taken away");

  rmSync(page);
  for (const name of ["INSTALLER", "RECORD"]) rmSync(join(packages!, "page-1.0.dist-info", name));
  install();
  assert.ok(!existsSync(page), "pip fixes it by itself: nothing is left to do here");
  dropHalfInstalled(environment);
  install();
  assert.equal(readFileSync(page, "utf8"), "here");
});

test("the kernel's entry holds no path of the project", () => {
  assert.ok(!JSON.stringify(kernelSpec()).includes(root));
});

/** A project of its own without .venv, so that the interpreter is looked for; and a PATH that holds only these programs, as shell scripts. */
function projectWith(programs: Record<string, string>): { bin: string; project: string } {
  const bin = scratch();
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  const project = scratch();
  mkdirSync(join(project, "src/setup"), { recursive: true });
  for (const file of ["package-lock.json", "package.json"]) symlinkSync(join(root, file), join(project, file));
  writeFileSync(join(project, "src/setup/bootstrap.cjs"), readFileSync(bootstrap));
  return { bin, project };
}

/** Runs the bootstrap with a PATH that holds only these programs. */
function bootstrapWith(programs: Record<string, string>): { status: number | null; last: string } {
  const { bin, project } = projectWith(programs);
  const run = spawnSync(process.execPath, [join(project, "src/setup/bootstrap.cjs"), "start"], {
    encoding: "utf8",
    env: { PATH: bin },
  });
  const lines = run.stderr.trim().split("\n");
  return { status: run.status, last: lines[lines.length - 1]! };
}

test("without a fitting Python the last line says what to install", () => {
  assert.deepEqual(bootstrapWith({}), {
    status: 1,
    last: "set-up: Python not found, expected 3.10 to 3.13: install it from python.org or your system's packages (with its venv module)",
  });
  assert.match(bootstrapWith({ python3: "echo 3 8 1" }).last, /^set-up: Python 3\.8, expected 3\.10 to 3\.13: install/);
  assert.match(bootstrapWith({ python3: "echo 3 11 0" }).last, /^set-up: Python 3\.11 has no venv module: install it/);
});

test("npm that fails for the network ends with that line, and nothing counts as done", () => {
  const { status, last } = bootstrapWith({
    python3: "echo 3 11 1",
    npm: "echo npm error code ENOTFOUND >&2; exit 1",
  });
  assert.equal(status, 1);
  assert.match(last, /^set-up: npm packages: no network .*: connect, then run the same command again$/);
});

test("a set-up that is ended leaves the lock to an npm that still clears up; one that waits for it ends at once", async () => {
  const node = JSON.stringify(process.execPath);
  const { bin, project } = projectWith({
    python3: "echo 3 11 1",
    npm: `exec ${node} -e 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)'`,
  });
  const lock = join(project, "build/setup.lock");
  const setUp = (): ChildProcess =>
    start(process.execPath, [join(project, "src/setup/bootstrap.cjs"), "start"], {
      env: { PATH: bin },
      stdio: ["ignore", "pipe", "inherit"],
    });
  const holders = (): string => {
    const [file] = existsSync(lock) ? readdirSync(lock) : [];
    return file === undefined ? "" : readFileSync(join(lock, file), "utf8");
  };
  const first = setUp();
  while (!/^\d+ \d+$/.test(holders())) await pause(20);
  const npm = Number(holders().split(" ")[1]);
  first.kill("SIGTERM");
  await ended(first);
  try {
    assert.equal(holders(), String(npm));
    const second = setUp();
    const [said] = await once(second.stdout!, "data");
    assert.match(String(said), new RegExp(`^set-up: waiting for another set-up \\(process ${npm}\\)`));
    second.kill("SIGINT");
    await ended(second);
    assert.equal(second.signalCode, "SIGINT");
  } finally {
    process.kill(npm, "SIGKILL");
  }
  // With nobody at work the next one takes the lock, and goes on with npm.
  const third = setUp();
  let output = "";
  third.stdout!.on("data", (text) => (output += text));
  while (!output.includes("npm packages: installing")) await once(third.stdout!, "data");
  while (!/^\d+ \d+$/.test(holders())) await pause(20);
  process.kill(Number(holders().split(" ")[1]), "SIGKILL");
  await ended(third);
  assert.equal(third.exitCode, 1);
  assert.ok(!existsSync(lock));
});

test("a set-up's lock without a heartbeat is free, whoever has its process number; one that beats isn't", async () => {
  const { bin, project } = projectWith({ python3: "echo 3 11 1", npm: "exit 1" });
  const lock = join(project, "build/setup.lock");
  const file = join(lock, "of-another-container");
  const setUp = (pid: number, pauses: string): Promise<Ended> => {
    mkdirSync(lock, { recursive: true });
    writeFileSync(file, String(pid));
    // Looks follow one another without a pause.
    writeFileSync(join(project, "hurry.cjs"), pauses);
    const args = ["--require", join(project, "hurry.cjs"), join(project, "src/setup/bootstrap.cjs"), "start"];
    return ended(start(process.execPath, args, { env: { PATH: bin }, stdio: ["ignore", "pipe", "pipe"] }));
  };
  const dead = await setUp(process.pid, "Atomics.wait = () => 'timed-out';");
  assert.match(dead.stdout, /waiting for another set-up .*\nnpm packages: installing/);
  assert.equal(existsSync(lock), false);
  // There is no process of that number here, but it beats between any two looks.
  const alive = await setUp(
    2 ** 22 + 1,
    `let looks = 0;
     Atomics.wait = () => {
       require("fs").utimesSync(${JSON.stringify(file)}, looks, looks);
       if (++looks === 1000) process.exit(7);
     };`,
  );
  assert.equal(alive.status, 7);
  assert.equal(alive.stdout, "set-up: waiting for another set-up (process 4194305) to finish\n");
  assert.ok(existsSync(file));
});

test("an old Node is told so in one line", () => {
  const code = `Object.defineProperty(process.versions, "node", { value: "18.20.1" }); require(${JSON.stringify(bootstrap)})`;
  const run = spawnSync(process.execPath, ["-e", code], { encoding: "utf8" });
  assert.equal(run.status, 1);
  assert.equal(run.stderr, "set-up: Node 18.20.1, expected 20.19 or newer: install it from nodejs.org\n");
});
