import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkFiles } from "../../dist/check/check-files.js";
import { decodeIntactFlac } from "../../dist/audio/encode-flac.js";
import { readAudio } from "../../dist/audio/read-audio.js";
import { decodeExample } from "../../dist/format/example.js";
import { readCues, writeCues } from "../../dist/format/cues.js";
import { findLayout, readEventTable } from "../../dist/format/event-table.js";
import { readKaldi } from "../../dist/format/kaldi.js";
import { readJams } from "../../dist/format/jams.js";
import { readTextGrid } from "../../dist/format/text-grid.js";
import { parseKeys } from "../../dist/format/keys.js";
import { readLabels } from "../../dist/format/labels.js";
import { decodeFlac } from "../../dist/records/read-flac.js";
import { openRecords } from "../../dist/records/open-records.js";
import { readExample } from "../../dist/records/read-example.js";
import { openPlan } from "../../dist/records/read-stored.js";
import { finishPublication } from "../../dist/records/publish.js";
import { planPath } from "../../dist/records/plan.js";
import type { Random } from "../../dist/signal/random.js";
import { fromCsv } from "../../dist/sources/from-csv.js";
import { fromManifest } from "../../dist/sources/from-manifest.js";
import { readIndex } from "../../dist/sources/index-csv.js";
import { readMetadata } from "../../dist/sources/metadata.js";
import { scanShard } from "../../dist/records/scan-shard.js";
import { loadSplit } from "../../dist/split/saved-split.js";
import { withLock } from "../../dist/system/lock.js";
import { sealedText } from "../../dist/system/sealed-json.js";
import { mutate, mutateJson } from "./mutate.js";

/** A reader that is tried: how its inputs are made, and what reads them. */
export interface Target {
  /** Files of the seeds' folder it starts from: those that end so. */
  seeds: string;
  input(seeds: readonly Buffer[], random: Random): Buffer;
  /** Reads an input; what it throws must be a DatasetError. `folder` is its own, empty at first. */
  read(input: Buffer, folder: string): Promise<unknown> | unknown;
}

const bytes = (seeds: readonly Buffer[], random: Random): Buffer => mutate(seeds, random, false);
const text = (seeds: readonly Buffer[], random: Random): Buffer => mutate(seeds, random, true);

/** Json of ours ends with its checksum: half of the inputs are changed below it and sealed again. */
function sealed(seeds: readonly Buffer[], random: Random): Buffer {
  if (random.below(2) === 0) return text(seeds, random);
  const { checksum: _, ...value } = JSON.parse(seeds[random.below(seeds.length)]!.toString("utf8"));
  let changed: unknown = value;
  for (let k = random.below(3); k >= 0; k--) changed = mutateJson(changed, random);
  const object = changed !== null && typeof changed === "object" && !Array.isArray(changed);
  return Buffer.from(object ? sealedText(changed as object) : `${JSON.stringify(changed)}\n`);
}

/** The samples of a file, as the library's users read them; twice, since the second time must give the same. */
function audio(ending: string): Target {
  const outcome = async (path: string): Promise<string> => {
    try {
      const { samples, sampleRate, channels } = await readAudio(path);
      let sum = 0;
      for (let i = 0; i < samples.length; i++) sum = (Math.imul(sum, 31) + Math.round(samples[i]! * 32768)) | 0;
      return `${samples.length} ${sampleRate} ${channels} ${sum}`;
    } catch (error) {
      if ((error as Error).name === "DatasetError") return (error as Error).message;
      throw error;
    }
  };
  return {
    seeds: `.${ending}`,
    input: bytes,
    async read(input, folder) {
      const path = join(folder, `input.${ending}`);
      writeFileSync(path, input);
      const first = await outcome(path);
      const second = await outcome(path);
      if (first !== second) throw new Error(`read twice: ${second}, expected ${first} as at first`);
      return checkFiles({ directory: folder, files: [{ audio: `input.${ending}` }], deep: true, labels: {} });
    },
  };
}

/** A dataset's records of which one file is changed, and what is then done with them. */
function records(file: string, input: Target["input"], use: (directory: string) => Promise<unknown>): Target {
  return {
    seeds: `records/${file}`,
    input,
    async read(changed, folder) {
      const directory = join(folder, "records");
      rmSync(folder, { recursive: true, force: true });
      cpSync(join(process.env.FUZZ_SEEDS!, "records"), directory, { recursive: true });
      // A journal is there while records are published, and no longer.
      if (file !== JOURNAL) rmSync(join(directory, JOURNAL));
      const outside = join(folder, "set9.tfrecord");
      writeFileSync(outside, "outside");
      writeFileSync(join(directory, file), changed);
      const outcome = await Promise.allSettled([use(directory)]);
      const found = readdirSync(folder).sort().join();
      if (found !== "records,set9.tfrecord") throw new Error(`beside the dataset: ${found}, expected what was there`);
      if (readFileSync(outside, "utf8") !== "outside") throw new Error("a file beside the dataset was written");
      if (outcome[0].status === "rejected") throw outcome[0].reason;
      return outcome[0].value;
    },
  };
}

const JOURNAL = ".set.build/publish.json";

/** Opens records and reads every example. */
async function readAll(directory: string): Promise<number> {
  const open = await openRecords(directory, "set");
  for (let i = 0; i < open.count; i++) await readExample(open, i);
  return open.count;
}

/** Reads a plan and the rows of every shard. */
async function readWhole(path: string): Promise<number> {
  const plan = await openPlan(path, "set");
  await plan?.check();
  for (let k = 0; k < (plan?.count ?? 0); k++) await plan!.rows(k);
  return plan?.count ?? 0;
}

const csvOptions = { file: "file", labels: "class", split: "split", group: "group" };

/** Every reader by its name. */
export const TARGETS: Readonly<Record<string, Target>> = {
  wav: audio("wav"),
  flac: audio("flac"),
  flacblocks: {
    seeds: ".flac",
    input: bytes,
    read: async (input) => {
      const intact = await decodeIntactFlac(Buffer.from(input), (samples) => new Int16Array(samples));
      return [intact, decodeFlac(input)];
    },
  },
  ogg: audio("ogg"),
  opus: audio("opus"),
  mp3: audio("mp3"),
  mp2: audio("mp2"),
  aiff: audio("aiff"),
  au: audio("au"),
  caf: audio("caf"),
  w64: audio("w64"),
  sph: audio("sph"),
  midi: {
    seeds: ".mid",
    input: bytes,
    read: (input) => readLabels(input, "input.mid", { sampleRate: 16000, samples: 1 << 20, percussion: true }),
  },
  keys: {
    seeds: "_key.csv",
    input: text,
    read: (input) => {
      // For the test of this job itself.
      if (process.env.FUZZ_FAULT && input.includes(0)) throw new Error("planted");
      parseKeys(input.toString("utf8"), "input.csv", { timeUnit: "seconds", sampleRate: 16000 });
      return readLabels(input, "input.csv", { samples: 48000, inputSize: 256, sampleRate: 16000 });
    },
  },
  index: {
    seeds: "index.csv",
    input: text,
    async read(input, folder) {
      writeFileSync(join(folder, "set"), input);
      for (const kind of ["pairs", "classes", "values", "frames"] as const) {
        try {
          await readIndex(folder, "set", kind);
        } catch (error) {
          if ((error as Error).name !== "DatasetError") throw error;
        }
      }
    },
  },
  csv: {
    seeds: "table.csv",
    input: text,
    async read(input, folder) {
      writeFileSync(join(folder, "table.csv"), input);
      return fromCsv(folder, "table.csv", csvOptions);
    },
  },
  events: {
    seeds: "events.tsv",
    input: text,
    read: (input) => {
      const source = input.toString("utf8");
      return readEventTable(source, "input.tsv", findLayout(source, "input.tsv"));
    },
  },
  textgrid: { seeds: ".TextGrid", input: text, read: (input) => readTextGrid(input, "input.TextGrid") },
  jams: { seeds: ".jams", input: text, read: (input) => readJams(input.toString("utf8"), "input.jams") },
  cues: { seeds: "cues.wav", input: bytes, read: (input) => readCues(input, "input.wav") },
  kaldi: {
    seeds: "kaldi.segments",
    input: text,
    read: (input) => {
      const given = { file: "segments", text: input.toString("utf8") };
      return readKaldi(given, { file: "utt2spk", text: "u1 a\nu2 b\n" }, { file: "wav.scp", text: "rec a.wav\n" });
    },
  },
  mark: { seeds: ".wav", input: bytes, read: (input) => writeCues(input, [{ onset: 0, offset: 0.5, label: "x" }]) },
  listing: {
    seeds: "listing.json",
    input: text,
    async read(input, folder) {
      writeFileSync(join(folder, "a.wav"), "");
      writeFileSync(join(folder, "listing.json"), input);
      return fromManifest(folder, "listing.json", { label: "label", missing: "skip" });
    },
  },
  metadata: {
    seeds: "metadata.json",
    input: text,
    async read(input, folder) {
      for (const name of ["m.json", "m.csv"]) writeFileSync(join(folder, name), input);
      for (const name of ["m.json", "m.csv"]) {
        try {
          await readMetadata(folder, name, name);
        } catch (error) {
          if ((error as Error).name !== "DatasetError") throw error;
        }
      }
    },
  },
  example: { seeds: ".example", input: bytes, read: (input) => decodeExample(input) },
  shard: {
    seeds: "records/set0.tfrecord",
    input: bytes,
    read(input, folder) {
      const path = join(folder, "set0.tfrecord");
      writeFileSync(path, input);
      return scanShard({ path, file: "set0.tfrecord", lists: true });
    },
  },
  shardInUse: records("set0.tfrecord", bytes, readAll),
  shardIndex: records("set0.index", sealed, readAll),
  manifest: records("set.manifest.json", sealed, readAll),
  split: records("set.split.json", sealed, async (directory) =>
    loadSplit(join(directory, "set.split.json"), await openRecords(directory, "set")),
  ),
  plan: records("set.plan.json", sealed, (directory) => readWhole(planPath(directory, "set"))),
  journal: records(JOURNAL, sealed, async (directory) => {
    await withLock(directory, "set", (lock) => finishPublication(directory, "set", lock));
    return readAll(directory);
  }),
};

/** The seeds of a target. */
export function seedsOf(target: Target, folder: string): Buffer[] {
  const files = (readdirSync(folder, { recursive: true }) as string[]).sort();
  return files.filter((file) => file.endsWith(target.seeds)).map((file) => readFileSync(join(folder, file)));
}

/** What a failure is known by: its first lines, whatever the numbers in them. */
export const kindOf = (message: string): string => message.split("\n").slice(0, 2).join(" ").replace(/\d+/g, "0");
