import { parseArgs } from "node:util";
import { auditShards } from "./audit/audit-parts.js";
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

/** Every option; a command says which of them it has. */
const OPTIONS = {
  kind: { type: "string" },
  out: { type: "string" },
  verify: { type: "boolean" },
  overwrite: { type: "boolean" },
  parts: { type: "boolean" },
  "examples-per-file": { type: "string" },
  json: { type: "boolean" },
} as const;

type Values = { [K in keyof typeof OPTIONS]?: (typeof OPTIONS)[K]["type"] extends "string" ? string : boolean };

interface Command {
  name: string;
  /** All of them have to be given. */
  words: string;
  /** In lines. */
  help: string;
  /** Beside --json. Default: none. */
  options?: (keyof typeof OPTIONS)[];
  /**
   * Gives what to print, as text and for --json, and whether the exit status is 1. Absent where src/cli.cjs has the command: it can do
   * without what is built.
   */
  run?: (given: string[], values: Values) => Promise<Said> | Said;
}

interface Said {
  text: string;
  value: unknown;
  failed?: boolean;
}

const COMMANDS: readonly Command[] = [
  {
    name: "setup",
    words: "",
    help: "makes the Python environment, compiles TensorFlow's addon and installs the notebook kernel",
  },
  { name: "lab", words: "", help: "opens JupyterLab on the project, set up first where it isn't" },
  { name: "new", words: "FOLDER", help: "writes a small project: a notebook, a script, a test" },
  {
    name: "doctor",
    words: "",
    help: "what is installed, what is missing and how to fix it (exit status 1 if anything is missing)",
    run: () => {
      const findings = examine();
      return { text: findingsText(findings), value: findings, failed: findings.some(({ ok }) => !ok) };
    },
  },
  {
    name: "info",
    words: "DIR",
    help: "what set or format a downloaded folder looks like, how much is in it, and the lines that load it",
    run: async ([directory]) => {
      const { folderInfo, infoText } = await import("./check/folder-info.js");
      const value = await folderInfo(directory!);
      return { text: infoText(value), value };
    },
  },
  {
    name: "check",
    words: "DIR NAME",
    help: "every problem of a dataset's files (--kind pairs|classes|values|frames, default pairs)",
    options: ["kind"],
    run: async ([directory, name], values) => checked(await checkDataset(directory!, name!, kindOf(values))),
  },
  {
    name: "predict",
    words: "MODEL SOUND",
    help: "what a saved pipeline says of a sound file; --out FILE writes it: .mid, .csv or .json, for sound .wav",
    options: ["out"],
    run: async ([model, sound], { out }) => {
      const { predictFile } = await import("./pipeline/predict-file.js");
      return await predictFile(model!, sound!, out);
    },
  },
  {
    name: "verify",
    words: "DIR NAME",
    help: "reads every byte of the records and checks it (exit status 1 if any is wrong)",
    run: async ([directory, name]) => verified(await verify(directory!, name!)),
  },
  {
    name: "repair",
    words: "DIR NAME",
    help: "fixes what verify finds, from the sources where they are unchanged",
    run: async ([directory, name]) => {
      const { manifest, ...done } = await repair(directory!, name!);
      const { examples, shards } = manifest;
      const lines = [
        ...done.rebuilt.map((file) => `rebuilt ${file}`),
        ...done.salvaged.map(({ file, kept, lost }) => `salvaged ${file}: ${kept} examples kept, ${lost} lost`),
        ...done.indexed.map((file) => `new index of ${file}`),
        `${examples} examples in ${shards.length} shards`,
      ];
      return { text: lines.join("\n"), value: { ...done, examples } };
    },
  },
  {
    name: "audit",
    words: "DIR NAME",
    help:
      "what the sides of a split share: copies, similar sounds, groups (exit status 1 if they share anything);\n" +
      "--parts takes the fingerprints that audit-shards has left",
    options: ["parts"],
    run: async ([directory, name], { parts = false }) => {
      const kind = (await openManifest(directory!, name!))?.head.kind ?? "pairs";
      const dataset = await datasetOf(directory!, name!, kind);
      await dataset.load(dataset.kind === "frames" ? { inputSize: 1 } : {});
      const report = await dataset.audit({ onProgress: false, parts });
      return { text: String(report), value: report, failed: !report.clean };
    },
  },
  {
    name: "plan",
    words: "DIR NAME",
    help:
      "plans the records (--kind, --examples-per-file N) and writes DIR/NAME.plan.json: for a cluster, whose\n" +
      "machines build the shards",
    options: ["kind", "examples-per-file"],
    run: async ([directory, name], values) => {
      const most = values["examples-per-file"];
      const dataset = await datasetOf(directory!, name!, kindOf(values));
      const value = await dataset.plan(most === undefined ? {} : { examplesPerFile: Number(most) });
      return { text: `${value.file}: ${value.examples} examples in ${value.shards} shards`, value };
    },
  },
  {
    name: "build-shard",
    words: "PLAN K",
    help: "builds shard K of a plan, anywhere, in any order",
    run: async ([plan, k]) => {
      const shard = await buildOneShard(plan!, Number(k));
      return { text: shardText(shard), value: shard };
    },
  },
  {
    name: "build-shards",
    words: "PLAN FROM TO",
    help: "builds the shards from FROM to below TO",
    run: async ([plan, from, to]) => {
      const shards = await buildSomeShards(plan!, ...rangeOf("build-shards", from!, to!));
      return { text: shards.map(shardText).join("\n"), value: shards };
    },
  },
  {
    name: "check-shards",
    words: "PLAN FROM TO",
    help: "every problem of the sources of these shards, samples too (exit status 1 if there are any)",
    run: async ([plan, from, to]) => checked(await checkShards(plan!, ...rangeOf("check-shards", from!, to!))),
  },
  {
    name: "finish",
    words: "PLAN",
    help: "publishes the dataset when every shard of the plan is there (--verify reads all of them back;\n--overwrite replaces shards of another program)",
    options: ["verify", "overwrite"],
    run: async ([plan], { verify = false, overwrite = false }) => {
      const { examples, fingerprint, shards } = await finishPlan(plan!, { verify, overwrite });
      const value = { examples, shards: shards.length, fingerprint };
      return { text: `${examples} examples in ${shards.length} shards`, value };
    },
  },
  {
    name: "verify-shards",
    words: "DIR NAME FROM TO",
    help: "as verify, of the shards from FROM to below TO",
    run: async ([directory, name, from, to]) =>
      verified(await verifyShards(directory!, name!, ...rangeOf("verify-shards", from!, to!))),
  },
  {
    name: "stale-shards",
    words: "DIR NAME FROM TO",
    help: "which sources of these shards have changed since (exit status 1 if any have)",
    run: async ([directory, name, from, to]) => {
      const found = await staleShards(directory!, name!, ...rangeOf("stale-shards", from!, to!));
      const lines = [
        ...found.changed.map((file) => `changed ${file}`),
        ...found.removed.map((file) => `removed ${file}`),
      ];
      const failed = lines.length > 0;
      return { text: failed ? lines.join("\n") : "fresh", value: found, failed };
    },
  },
  {
    name: "audit-shards",
    words: "DIR NAME FROM TO",
    help: "takes the fingerprints of the sounds in these shards, for audit --parts",
    run: async ([directory, name, from, to]) => {
      const shards = await auditShards(directory!, name!, ...rangeOf("audit-shards", from!, to!));
      return { text: shards.map(({ file, signals }) => `${file}: ${signals} signals`).join("\n"), value: shards };
    },
  },
];

/** Where the column of what commands do begins. */
const COLUMN = 23;

const USAGE = `deep-audio-dataset COMMAND

${COMMANDS.map(usageOf).join("\n")}

  --json               the result as json, of every command that finds, makes or says something`;

function usageOf({ name, words, help }: Command): string {
  const command = `  ${name} ${words}`.trimEnd();
  const begin = command.length > COLUMN - 1 ? `${command}\n${" ".repeat(COLUMN)}` : command.padEnd(COLUMN);
  return begin + help.replaceAll("\n", `\n${" ".repeat(COLUMN)}`);
}

/** Runs one command of `deep-audio-dataset` and sets the exit status: 0, or 1 when it failed. */
export async function main(args: string[]): Promise<void> {
  try {
    const options = { ...OPTIONS, help: { type: "boolean", short: "h" } } as const;
    const { positionals, values } = parseArgs({ args, allowPositionals: true, options });
    const { help, ...given } = values;
    const [name = "help", ...words] = positionals;
    if (help) return console.log(USAGE);
    const command = COMMANDS.find((one) => one.name === name);
    if (command?.run) checkOptions(name, [...(command.options ?? []), "json"], Object.keys(given));
    if (name === "help") {
      checkOptions(name, [], Object.keys(given));
      return console.log(USAGE);
    }
    if (!command?.run || command.words.split(" ").some((word, i) => word !== "" && !words[i]))
      throw new DatasetError("OPTION", `command: ${positionals.join(" ")}, expected one of\n${USAGE}`);
    const { text, value, failed } = await command.run(words, given);
    console.log(given.json ? JSON.stringify(value) : text);
    if (failed) process.exitCode = 1;
  } catch (error) {
    if (!(error instanceof DatasetError) && !String((error as NodeJS.ErrnoException).code).startsWith("ERR_PARSE_ARGS"))
      throw error;
    console.error((error as Error).message);
    process.exitCode = 1;
  }
}

/** @throws DatasetError "OPTION" for an option that the command doesn't have */
function checkOptions(command: string, known: readonly string[], given: readonly string[]): void {
  const strange = given.find((name) => !known.includes(name));
  if (strange === undefined) return;
  const expected = known.length > 0 ? known.map((name) => `--${name}`).join(", ") : "none";
  throw new DatasetError("OPTION", `${command}: option --${strange}, expected ${expected}`);
}

/** @throws DatasetError "OPTION" for one that there isn't */
function kindOf({ kind = "pairs" }: Values): Kind {
  if (KINDS.includes(kind as Kind)) return kind as Kind;
  throw new DatasetError("OPTION", `--kind: ${kind}, expected one of ${KINDS.join(", ")}`);
}

function checked(report: { ok: boolean }): Said {
  return { text: String(report), value: report, failed: !report.ok };
}

function verified(report: VerifyReport): Said {
  const { sound, shards, examples, problems } = report;
  const end = `${examples} intact examples in ${shards} shards, ${problems.length} problems`;
  return { text: [...problems.map(({ message }) => message), end].join("\n"), value: report, failed: !sound };
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
