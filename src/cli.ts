import { parseArgs } from "node:util";
import { checkDataset } from "./check/check.js";
import { examine, showFindings } from "./doctor.js";
import { DatasetError } from "./core/error.js";
import { buildOneShard, finishPlan } from "./build/build-records.js";
import type { Kind } from "./core/rows.js";

const KINDS: Kind[] = ["pairs", "classes", "values", "frames"];

const USAGE = `deep-audio-dataset COMMAND

  setup                makes the Python environment, compiles TensorFlow's addon and installs the notebook kernel
  lab                  opens JupyterLab on the project, set up first where it isn't
  new FOLDER           writes a small project: a notebook, a script, a test
  doctor               what is installed, what is missing and how to fix it (exit status 1 if anything is missing)
  info DIR             what set or format a downloaded folder looks like, how much is in it, and the lines that load it
  check DIR NAME       every problem of a dataset's files (--kind pairs|classes|values|frames, default pairs)
  predict MODEL SOUND  what a saved pipeline says of a sound file; --out FILE writes it: .mid, .csv or .json, for sound .wav
  build-shard PLAN K   builds shard K of a plan, for a cluster: shards may be built anywhere, in any order
  finish PLAN          publishes the dataset when every shard of the plan is there`;

/** Runs one command of `deep-audio-dataset` and sets the exit status: 0, or 1 when it failed. */
export async function main(args: string[]): Promise<void> {
  try {
    const { positionals, values } = parseArgs({
      args,
      allowPositionals: true,
      options: { kind: { type: "string" }, out: { type: "string" } },
    });
    await run(positionals, (values.kind ?? "pairs") as Kind, values.out);
  } catch (error) {
    if (!(error instanceof DatasetError) && !String((error as NodeJS.ErrnoException).code).startsWith("ERR_PARSE_ARGS"))
      throw error;
    console.error((error as Error).message);
    process.exitCode = 1;
  }
}

async function run([command, ...rest]: string[], kind: Kind, out?: string): Promise<void> {
  const [first, second] = rest;
  if (command === "doctor") {
    const findings = examine();
    showFindings(findings);
    if (findings.some(({ ok }) => !ok)) process.exitCode = 1;
    return;
  }
  if (command === "check" && first && second) {
    if (!KINDS.includes(kind)) throw new DatasetError("OPTION", `--kind: ${kind}, expected one of ${KINDS.join(", ")}`);
    const report = await checkDataset(first, second, kind);
    console.log(String(report));
    if (!report.ok) process.exitCode = 1;
    return;
  }
  if (command === "info" && first) {
    const { folderInfo } = await import("./check/folder-info.js");
    console.log(await folderInfo(first));
    return;
  }
  if (command === "predict" && first && second) {
    const { predictFile } = await import("./pipeline/predict-file.js");
    console.log(await predictFile(first, second, out));
    return;
  }
  if (command === "build-shard" && first && second) {
    const shard = await buildOneShard(first, Number(second));
    console.log(`${shard.file}: ${shard.examples} examples, ${shard.bytes} bytes, sha256 ${shard.sha256}`);
    return;
  }
  if (command === "finish" && first) {
    const manifest = await finishPlan(first);
    console.log(`${manifest.examples} examples in ${manifest.shards.length} shards`);
    return;
  }
  if (command === undefined || command === "help") console.log(USAGE);
  else throw new DatasetError("OPTION", `command: ${[command, ...rest].join(" ")}, expected one of\n${USAGE}`);
}
