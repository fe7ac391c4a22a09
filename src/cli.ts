import { parseArgs } from "node:util";
import { checkDataset } from "./check/check.js";
import { examine, findingsText } from "./doctor.js";
import { DatasetError } from "./core/error.js";
import { buildOneShard, buildSomeShards, finishPlan } from "./build/build-records.js";
import type { Kind } from "./core/rows.js";
import type { Dataset } from "./dataset.js";
import type { ShardEntry } from "./records/manifest.js";
import { staleShards } from "./records/staleness.js";
import { checkShards } from "./build/check-shards.js";
import { openManifest } from "./records/read-stored.js";
import { repair } from "./repair/repair.js";
import { verify, verifyShards, type VerifyReport } from "./repair/verify.js";

const KINDS: Kind[] = ["pairs", "classes", "values", "frames"];

const USAGE = `deep-audio-dataset COMMAND

  setup                makes the Python environment, compiles TensorFlow's addon and installs the notebook kernel
  lab                  opens JupyterLab on the project, set up first where it isn't
  new FOLDER           writes a small project: a notebook, a script, a test
  doctor               what is installed, what is missing and how to fix it (exit status 1 if anything is missing)
  info DIR             what set or format a downloaded folder looks like, how much is in it, and the lines that load it
  check DIR NAME       every problem of a dataset's files (--kind pairs|classes|values|frames, default pairs)
  predict MODEL SOUND  what a saved pipeline says of a sound file; --out FILE writes it: .mid, .csv or .json, for sound .wav
  verify DIR NAME      reads every byte of the records and checks it (exit status 1 if any is wrong)
  repair DIR NAME      fixes what verify finds, from the sources where they are unchanged
  audit DIR NAME       what the sides of a split share: copies, similar sounds, groups (exit status 1 if they share anything)
  plan DIR NAME        plans the records (--kind, --examples-per-file N) and writes DIR/NAME.plan.json: for a cluster, whose
                       machines build the shards
  build-shard PLAN K   builds shard K of a plan, anywhere, in any order
  build-shards PLAN FROM TO
                       builds the shards from FROM to below TO
  check-shards PLAN FROM TO
                       every problem of the sources of these shards, samples too (exit status 1 if there are any)
  finish PLAN          publishes the dataset when every shard of the plan is there (--verify reads all of them back)
  verify-shards DIR NAME FROM TO
                       as verify, of the shards from FROM to below TO
  stale-shards DIR NAME FROM TO
                       which sources of these shards have changed since (exit status 1 if any have)

  --json               the result as json, of every command that finds, makes or says something`;

/** The commands of this file, with the options that each has. */
const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  ...{ doctor: ["json"], info: ["json"], check: ["kind", "json"], predict: ["out", "json"], verify: ["json"] },
  ...{ repair: ["json"], "build-shard": ["json"], "build-shards": ["json"], finish: ["verify", "json"], help: [] },
  ...{ "check-shards": ["json"], "verify-shards": ["json"], "stale-shards": ["json"] },
  ...{ audit: ["json"], plan: ["kind", "examples-per-file", "json"] },
};

/** Runs one command of `deep-audio-dataset` and sets the exit status: 0, or 1 when it failed. */
export async function main(args: string[]): Promise<void> {
  try {
    const { positionals, values } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        kind: { type: "string" },
        out: { type: "string" },
        json: { type: "boolean" },
        verify: { type: "boolean" },
        "examples-per-file": { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
    if (values.help) return console.log(USAGE);
    checkOptions(positionals[0], Object.keys(values));
    const { kind = "pairs", json } = values;
    if (!KINDS.includes(kind as Kind))
      throw new DatasetError("OPTION", `--kind: ${kind}, expected one of ${KINDS.join(", ")}`);
    const print = (text: string, value: unknown): void => console.log(json ? JSON.stringify(value) : text);
    await run(positionals, { ...values, kind: kind as Kind }, print);
  } catch (error) {
    if (!(error instanceof DatasetError) && !String((error as NodeJS.ErrnoException).code).startsWith("ERR_PARSE_ARGS"))
      throw error;
    console.error((error as Error).message);
    process.exitCode = 1;
  }
}

/** @throws DatasetError "OPTION" for an option that the command doesn't have */
function checkOptions(command = "help", given: readonly string[]): void {
  const known = Object.hasOwn(OPTIONS, command) ? OPTIONS[command]! : given;
  const strange = given.find((name) => !known.includes(name));
  if (strange === undefined) return;
  const expected = known.length > 0 ? known.map((name) => `--${name}`).join(", ") : "none";
  throw new DatasetError("OPTION", `${command}: option --${strange}, expected ${expected}`);
}

interface Given {
  kind: Kind;
  out?: string;
  verify?: boolean;
  "examples-per-file"?: string;
}

async function run(
  [command, ...rest]: string[],
  { kind, out, verify: readBack, "examples-per-file": most }: Given,
  print: (text: string, value: unknown) => void,
): Promise<void> {
  const [first, second, third, fourth] = rest;
  if (command === "doctor") {
    const findings = examine();
    print(findingsText(findings), findings);
    if (findings.some(({ ok }) => !ok)) process.exitCode = 1;
    return;
  }
  if (command === "check" && first && second) {
    const report = await checkDataset(first, second, kind);
    print(String(report), report);
    if (!report.ok) process.exitCode = 1;
    return;
  }
  if (command === "verify" && first && second) {
    printVerified(await verify(first, second), print);
    return;
  }
  if (command === "repair" && first && second) {
    const { manifest, ...done } = await repair(first, second);
    const { rebuilt, salvaged, indexed } = done;
    const lost = salvaged.map((shard) => `salvaged ${shard.file}: ${shard.kept} examples kept, ${shard.lost} lost`);
    const fixed = [
      ...rebuilt.map((file) => `rebuilt ${file}`),
      ...lost,
      ...indexed.map((file) => `new index of ${file}`),
    ];
    const { examples } = manifest;
    print([...fixed, `${examples} examples in ${manifest.shards.length} shards`].join("\n"), { ...done, examples });
    return;
  }
  if (command === "info" && first) {
    const { folderInfo, infoText } = await import("./check/folder-info.js");
    const info = await folderInfo(first);
    print(infoText(info), info);
    return;
  }
  if (command === "predict" && first && second) {
    const { predictFile } = await import("./pipeline/predict-file.js");
    const { text, value } = await predictFile(first, second, out);
    print(text, value);
    return;
  }
  if (command === "audit" && first && second) {
    const dataset = await datasetOf(first, second, (await openManifest(first, second))?.head.kind ?? "pairs");
    await dataset.load(dataset.kind === "frames" ? { inputSize: 1 } : {});
    const report = await dataset.audit({ onProgress: false });
    print(String(report), report);
    if (report.findings.length > 0) process.exitCode = 1;
    return;
  }
  if (command === "plan" && first && second) {
    const dataset = await datasetOf(first, second, kind);
    const planned = await dataset.plan(most === undefined ? {} : { examplesPerFile: Number(most) });
    print(`${planned.file}: ${planned.examples} examples in ${planned.shards} shards`, planned);
    return;
  }
  if (command === "build-shard" && first && second) {
    const shard = await buildOneShard(first, Number(second));
    print(shardText(shard), shard);
    return;
  }
  if (command === "build-shards" && first && second && third) {
    const [from, to] = rangeOf(command, second, third);
    const shards = await buildSomeShards(first, from, to);
    print(shards.map(shardText).join("\n"), shards);
    return;
  }
  if (command === "check-shards" && first && second && third) {
    const report = await checkShards(first, ...rangeOf(command, second, third));
    print(String(report), report);
    if (!report.ok) process.exitCode = 1;
    return;
  }
  if (command === "verify-shards" && first && second && third && fourth) {
    printVerified(await verifyShards(first, second, ...rangeOf(command, third, fourth)), print);
    return;
  }
  if (command === "stale-shards" && first && second && third && fourth) {
    const found = await staleShards(first, second, ...rangeOf(command, third, fourth));
    const { changed, removed } = found;
    const lines = [...changed.map((file) => `changed ${file}`), ...removed.map((file) => `removed ${file}`)];
    print(lines.length > 0 ? lines.join("\n") : "fresh", found);
    if (lines.length > 0) process.exitCode = 1;
    return;
  }
  if (command === "finish" && first) {
    const manifest = await finishPlan(first, { verify: readBack === true });
    const { examples, fingerprint, shards } = manifest;
    print(`${examples} examples in ${shards.length} shards`, { examples, shards: shards.length, fingerprint });
    return;
  }
  if (command === undefined || command === "help") console.log(USAGE);
  else throw new DatasetError("OPTION", `command: ${[command, ...rest].join(" ")}, expected one of\n${USAGE}`);
}

function printVerified(report: VerifyReport, print: (text: string, value: unknown) => void): void {
  const { sound, shards, examples, problems } = report;
  const end = `${examples} intact examples in ${shards} shards, ${problems.length} problems`;
  print([...problems.map(({ message }) => message), end].join("\n"), report);
  if (!sound) process.exitCode = 1;
}

/** @throws DatasetError "OPTION" for what aren't two numbers of shards */
function rangeOf(command: string, from: string, to: string): [number, number] {
  const range: [number, number] = [Number(from), Number(to)];
  if (range.every((k) => Number.isSafeInteger(k) && k >= 0) && range[0] <= range[1]) return range;
  throw new DatasetError("OPTION", `${command}: from ${from} to ${to}, expected two numbers of shards in order`);
}

async function datasetOf(directory: string, name: string, kind: Kind): Promise<Dataset> {
  const library = await import("./dataset.js");
  const { AudioDataset, SimpleAudioClassificationDataset, RegressionDataset, AudioClassificationDataset } = library;
  const classes = {
    pairs: AudioDataset,
    classes: SimpleAudioClassificationDataset,
    values: RegressionDataset,
    frames: AudioClassificationDataset,
  };
  return new classes[kind](directory, name);
}

function shardText({ file, examples, bytes, sha256 }: ShardEntry): string {
  return `${file}: ${examples} examples, ${bytes} bytes, sha256 ${sha256}`;
}
