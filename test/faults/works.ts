import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { root } from "../support/python.js";

/** Something that changes a dataset's folder, and may be cut short at any call to the system. */
export interface Work {
  /** Fills an empty folder with what is there before. */
  prepare(directory: string): Promise<unknown>;
  /** Program text that does it in the folder `directory`: a promise. */
  text: string;
}

const HEAD = `
const library = (name) => require(${JSON.stringify(join(root, "dist"))} + "/" + name + ".js");
const quiet = { onProgress: false, workers: 1 };
const recipe = library("generate/recipe").planRecipe(200, 800, 5, { waves: ["sin"], duration: 0.05, sampleRate: 8000 });
const plan = async (options) => {
  const index = await library("sources/index-csv").readIndex(directory, "set", "pairs");
  return library("build/plan-records").planRecords(directory, "set", index, options);
};
const generate = () => library("generate/write-wavs").writeWavs(directory, "set", recipe, quiet);
const record = async (options) => library("build/build-records").buildRecords(directory, await plan(options), quiet);
const newer = { examplesPerFile: 2, encoding: "float32" };`;

const RECORDED = "await generate(); await record({ examplesPerFile: 3 });";

const texts = {
  generate: "return generate();",
  record: "return record(newer);",
  publish: `return library("build/build-records").finishPlan(directory + "/set.plan.json");`,
  repair: `return library("repair/repair").repair(directory, "set", quiet);`,
};

/** Does in this process what a program text says. */
export function here(text: string, directory: string): Promise<unknown> {
  return new Function("require", "directory", `${HEAD}\nreturn (async () => { ${text} })();`)(
    createRequire(__filename),
    directory,
  ) as Promise<unknown>;
}

/** A program that does it, in the folder that is its argument, and prints how it ended. */
export function program(text: string): string {
  return `const directory = process.argv[1]; ${HEAD}
(async () => { ${text} })().then(
  () => console.log("done"),
  (error) => console.log(error.name, error.code, error.message));`;
}

export const WORKS: Record<string, Work> = {
  generate: { prepare: async (directory) => mkdirSync(directory, { recursive: true }), text: texts.generate },
  record: { prepare: (directory) => here(RECORDED, directory), text: texts.record },
  publish: {
    prepare: (directory) =>
      here(
        `${RECORDED}
const file = await library("records/plan").savePlan(directory, await plan(newer));
for (const k of [0, 1, 2]) await library("build/build-records").buildOneShard(file, k);`,
        directory,
      ),
    text: texts.publish,
  },
  repair: {
    prepare: async (directory) => {
      await here(RECORDED, directory);
      const shard = join(directory, "set0.tfrecord");
      const bytes = readFileSync(shard);
      bytes[200]! ^= 1;
      writeFileSync(shard, bytes);
    },
    text: texts.repair,
  },
  salvage: {
    prepare: async (directory) => {
      await WORKS.repair!.prepare(directory);
      for (const side of ["in", "out"]) rmSync(join(directory, side), { recursive: true });
    },
    text: texts.repair,
  },
};

/** A copy of a folder with the times of its files, by which sources are known. */
export function copy(from: string, to: string): string {
  cpSync(from, to, { recursive: true, preserveTimestamps: true });
  return to;
}
