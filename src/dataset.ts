import { mkdir } from "node:fs/promises";
import type * as tfjs from "@tensorflow/tfjs-node-gpu";
import { type AuditReport, audit } from "./audit/audit.js";
import { type CheckReport, check } from "./check/check.js";
import { DatasetError } from "./core/error.js";
import { checkKnown, optionsOf } from "./core/known-options.js";
import {
  AUDIT_OPTIONS,
  CHECK_OPTIONS,
  type DatasetAuditOptions,
  type DatasetCheckOptions,
  type DatasetOptions,
  type ExampleKey,
  GENERATE_OPTIONS,
  type GenerateOptions,
  type GenerateRecordsOptions,
  INDEX_OPTIONS,
  LOAD_OPTIONS,
  type LoadOptions,
  PLAN_OPTIONS,
  type PlanOptions,
  RECORDING_OPTIONS,
} from "./dataset-options.js";
import { removeWavs, writeWavs } from "./generate/write-wavs.js";
import { exampleName, exampleSamples } from "./records/records.js";
import { type Batches, batches } from "./load/batches.js";
import { BATCH_OPTIONS, type BatchOptions, STILL } from "./load/options.js";
import { balancedSampling } from "./load/sampling.js";
import { type IndexOptions, readIndex, scanIndex } from "./sources/index-csv.js";
import { OCTAVE_UP, pairBy } from "./sources/from-names.js";
import { predictExample } from "./load/predict.js";
import { planIndexParts } from "./build/plan-index.js";
import { planRecords } from "./build/plan-records.js";
import { type IndexParts, openIndexParts } from "./sources/index-parts.js";
import { planRecipe } from "./generate/recipe.js";
import { pythonReader } from "./records/python-reader.js";
import { buildTo } from "./build/build-to.js";
import { buildRecords } from "./build/build-records.js";
import { auditOnRay, buildOnRay, checkOnRay } from "./ray/on-ray.js";
import { checkRay } from "./ray/jobs-api.js";
import { type OpenOptions, openRecords, type Records } from "./records/open-records.js";
import { type RepairReport, repair } from "./repair/repair.js";
import type { ExploredExample, SplitsView, SummaryView } from "./show/index.js";
import {
  explicitSplit,
  kfold,
  publishedSplit,
  SPLIT_OPTIONS,
  type Split,
  type SplitOptions,
  type SplitSource,
  splitExamples,
} from "./split/split.js";
import { isAddress } from "./core/names.js";
import { splitNames } from "./core/split-name.js";
import { spread } from "./core/numbers.js";
import { loadSplit, saveSplit } from "./split/saved-split.js";
import { type VerifyOptions, type VerifyReport, verify } from "./repair/verify.js";
import { describeRecords, exampleClasses, viewExample, viewExamples } from "./dataset-views.js";
import { CLASS, type DatasetIndex, type Kind } from "./core/rows.js";
import { type BuildPlan, planPath, RECORD_OPTIONS, type RecordOptions, savePlan } from "./records/plan.js";
import { checkExample, type DatasetExample } from "./records/read-example.js";

/** A split with its batches. */
export interface Fold {
  split: Split;
  train: Batches;
  validate: Batches;
  test: Batches;
  /** Batches per epoch of `train`, and those of `validate` and `test`; 0 for none. */
  trainSteps: number;
  valSteps: number;
  testSteps: number;
  /** Names of the labels, where they have names. */
  labels?: readonly string[] | undefined;
}

/** What `load` leaves behind. */
interface Loaded extends Fold {
  options: LoadOptions & { seed: number };
  records: Records;
}

/**
 * A dataset of audio in folder D under name N: sources listed by the index csv `D/N`, records `D/N<k>.tfrecord`.
 *
 * The classes below differ in what the target of an example is. Making one reads and writes nothing.
 *
 * @example
 * await dataset.load({ inputSize: 256, batchSize: 16 });
 * for (const i of dataset.split.test) console.log((await dataset.example(i)).name);
 */
export abstract class Dataset {
  abstract readonly kind: Kind;
  private loaded: Loaded | undefined;

  /**
   * @param directory folder of the dataset, D; or the address of records, which `load` opens: `s3://bucket/folder`, `https://…`
   * @param name name of the dataset, N
   */
  constructor(
    readonly directory: string,
    readonly name: string,
    readonly options: DatasetOptions = {},
  ) {
    checkKnown<DatasetOptions>("dataset", options, { seed: true });
  }

  /** Reads the index csv. */
  async readIndex(options: IndexOptions = {}): Promise<DatasetIndex> {
    checkKnown("readIndex", options, INDEX_OPTIONS);
    this.needFolder("readIndex");
    return await readIndex(this.directory, this.name, this.kind, options);
  }

  /**
   * Checks every source file and label row, and reports every problem at once. Changes nothing.
   * @param options `index` is what `fromCsv` or its like gave, instead of the index csv; with `ray` a cluster reads the files
   */
  async check(options: DatasetCheckOptions = {}): Promise<CheckReport> {
    checkKnown("check", options, CHECK_OPTIONS);
    this.needFolder("check");
    return await this.inspect(options);
  }

  private async inspect({ index, ray, ...options }: DatasetCheckOptions): Promise<CheckReport> {
    if (!index || index.kind === this.kind) {
      const { directory, name, kind } = this;
      const scan = index ? { index, problems: [] } : await scanIndex(directory, name, kind, options);
      return ray ? await checkOnRay(ray, directory, name, scan, options) : await check(directory, scan, options);
    }
    const message = `index ${index.file}: kind ${index.kind}, expected ${this.kind}`;
    throw new DatasetError("OPTION", `${message}; pass it to a ${CLASS[index.kind]}`);
  }

  /**
   * Builds the records of your own files: shards `D/N<k>.tfrecord`, on all cores, each complete or not written at all.
   * Called again, it builds only what is missing or whose sources changed. `ray` lets a cluster build them.
   *
   * @throws DatasetError "CHECK" with every problem of the sources, before anything is written; with `ray` "ENVIRONMENT" for a cluster that
   * can't be reached or lost its driver, "LOCKED" where another job builds the same records
   * @example await new AudioDataset("./data", "dataset").generateRecords()
   */
  async generateRecords(options: GenerateRecordsOptions = {}): Promise<void> {
    checkKnown("generateRecords", options, RECORDING_OPTIONS);
    this.needFolder("generateRecords");
    const { ray, to, ...how } = options;
    if (ray) checkRay(ray);
    if (ray && to !== undefined)
      throw new DatasetError("OPTION", `to: ${to}, expected none beside ray: a cluster builds in its folder`);
    const plan = await this.planned(how);
    if (!ray) return await this.build(plan, how, to);
    this.loaded = undefined;
    await buildOnRay(ray, this.directory, plan, how);
  }

  /**
   * Plans the records as `generateRecords` would build them, and writes the plan to `D/N.plan.json`: for a cluster, whose machines build
   * the shards in any order (`buildOneShard`, or `npx deep-audio-dataset build-shards`) before one of them publishes all (`finishPlan`).
   *
   * @returns the plan's file, its shards and examples
   * @throws DatasetError "CHECK" with every problem of the sources
   * @example const { file, shards } = await new AudioDataset("./data", "dataset").plan({ examplesPerFile: 1000 });
   */
  async plan(options: PlanOptions = {}): Promise<{ file: string; shards: number; examples: number }> {
    checkKnown("plan", options, PLAN_OPTIONS);
    this.needFolder("plan");
    const parts = await this.indexParts(options);
    const how = optionsOf<RecordOptions>(options, RECORD_OPTIONS);
    const planned = parts && (await planIndexParts(this.directory, this.name, parts, how));
    if (planned)
      return { file: planPath(this.directory, this.name), shards: planned.count, examples: planned.examples };
    const plan = await this.planned(options);
    const file = await savePlan(this.directory, plan);
    return { file, shards: plan.shards.length, examples: plan.shards.at(-1)!.to };
  }

  /** The index csv in parts, where it can be planned without the whole of it in memory. */
  private async indexParts({ index, classes, ...options }: PlanOptions): Promise<IndexParts | undefined> {
    return index || classes ? undefined : await openIndexParts(this.directory, this.name, this.kind, options);
  }

  private async planned(options: PlanOptions): Promise<BuildPlan> {
    const quick = { ...options, deep: false, onProgress: false } as const;
    const { sound: index, ...report } = await this.inspect(quick);
    const nothingLeft = index.rows.length === 0;
    if (!report.ok && (options.onProblem !== "skip" || nothingLeft)) throw report.toError();
    const how = optionsOf<RecordOptions>(options, RECORD_OPTIONS);
    const plan = await planRecords(this.directory, this.name, index, how, report.files);
    return report.ok ? plan : { ...plan, skipped: report.errors };
  }

  /**
   * Opens the records, divides their examples and prepares `train`, `validate` and `test`. Reads no audio yet.
   *
   * @throws DatasetError "RECORD" without records or with those of another kind, "STALE" where the sources changed since, "SPLIT" for shares that
   * don't fit
   * @example await dataset.load({ inputSize: 256, batchSize: 64, trainSplit: 0.7, valSplit: 0.15, testSplit: 0.15 })
   */
  async load(options: LoadOptions = {}): Promise<void> {
    checkKnown("load", options, LOAD_OPTIONS);
    const records = await this.open(options);
    const all = this.seeded(options);
    this.loaded = this.prepare(records, await this.chooseSplit(records, all), all);
  }

  /** Batches for training, in a new order every epoch; `{ xs, ys }`, finite. */
  get train(): Batches {
    return this.need().train;
  }
  /** Batches for validation, always in the same order. */
  get validate(): Batches {
    return this.need().validate;
  }
  /** Batches for the final test, always in the same order. */
  get test(): Batches {
    return this.need().test;
  }
  /** Batches per epoch of `train`. */
  get trainSteps(): number {
    return this.need().train.size;
  }
  /** Batches of `validate`. */
  get valSteps(): number {
    return this.need().validate.size;
  }
  /** Batches of `test`. */
  get testSteps(): number {
    return this.need().test.size;
  }
  /** The examples of each split, by number. */
  get split(): Split {
    return this.need().split;
  }
  /** The open records. */
  get records(): Records {
    return this.need().records;
  }
  /** The options that `load` was called with, and its seed. */
  get loadOptions(): LoadOptions & { seed: number } {
    return this.need().options;
  }
  /** Names of classes or features, where the sources named them. */
  get labels(): readonly string[] | undefined {
    return this.need().records.manifest.labels;
  }

  /** Examples, seconds and classes of each split, as `splits` shows them. The classes of a generated set are its waves. */
  statistics(): SplitsView {
    const { records, split, options } = this.need();
    const { sampleRate } = records.manifest;
    const classes = exampleClasses(records);
    return {
      splits: splitNames.map((name) => {
        let samples = 0;
        const counts = classes?.names.map(() => 0);
        for (const i of split[name]) {
          samples += exampleSamples(records, i);
          for (const label of classes?.of(i) ?? []) counts![label]!++;
        }
        const seconds = sampleRate > 0 ? samples / sampleRate : undefined;
        return { name, examples: split[name].length, seconds, ...(counts ? { classes: counts } : {}) };
      }),
      ...(classes ? { labels: classes.names } : {}),
      ...(options.split ? {} : { seed: options.seed ?? 0 }),
    };
  }

  /** The dataset's card, as `summary` shows it: it needs no `load`, and says whether the records are fresh, stale or damaged. */
  describe(): Promise<SummaryView> {
    return describeRecords(this.directory, this.name);
  }

  /** One example as arrays, read from its place in the shard, with what displays need to show its labels. */
  example(i: number): Promise<DatasetExample> {
    const { records, options } = this.need();
    return viewExample(records, i, options.inputSize);
  }

  /** `limit` examples spread evenly over the dataset, with split and label, as `explore` shows them. */
  async examples(limit = 200): Promise<{ items: ExploredExample[]; total: number }> {
    const { records, split, options } = this.need();
    const items = await viewExamples(records, spread(records.count, limit), split, options.inputSize);
    return { items, total: records.count };
  }

  /** Batches of the examples of these numbers, in this order, prepared as for validation. */
  batchesOf(examples: ArrayLike<number>, batchSize = 1): Batches {
    const { records, options } = this.need();
    const still = { ...batchOptions(options), ...STILL, batchSize, replica: undefined };
    for (const i of Array.from(examples)) checkExample(records, i);
    return batches(records, Uint32Array.from(examples), still);
  }

  /**
   * `folds` ways to divide the examples, each example being tested in exactly one; what `load` prepared is kept. Options
   * of `load` hold here too unless given again, but for its split: `valSplit` is a share of what isn't tested, default 0.
   * `fit` takes a fold as it takes a dataset.
   *
   * @example for (const fold of await dataset.kfold(5, { inputSize: 256, batchSize: 32 })) await fit(model, fold, { epochs: 3 })
   */
  async kfold(folds: number, options: LoadOptions = {}): Promise<Fold[]> {
    checkKnown("kfold", options, LOAD_OPTIONS);
    const records = this.loaded?.records ?? (await this.open(options));
    const all = this.seeded({ ...this.loaded?.options, ...options });
    const { seed } = all;
    const { valSplit } = options;
    const splits = kfold(records.count, folds, { seed, valSplit, ...this.keys(records, all) });
    return splits.map((split) => this.prepare(records, split, all));
  }

  /**
   * The prediction of `model` for example `i`, its input prepared as for training: the output's values in order, for
   * kind pairs cut to the length of the target.
   *
   * @example
   * const { target } = await dataset.example(i);
   * show.pair([target!, await dataset.predict(model, i)], { sampleRate: 16000, names: ["target", "prediction"] });
   */
  async predict(model: tfjs.LayersModel, i: number): Promise<Float32Array> {
    const { records, options } = this.need();
    checkExample(records, i);
    return await predictExample(model, records, i, options);
  }

  /** Reads every byte of the records and says what is broken: shard, example, byte. Changes nothing. */
  verify(options: VerifyOptions = {}): Promise<VerifyReport> {
    this.needFolder("verify");
    return verify(this.directory, this.name, options);
  }

  /** Fixes what `verify` finds, from the sources or by keeping the intact examples. Load again afterwards. */
  repair(options: VerifyOptions = {}): Promise<RepairReport> {
    this.needFolder("repair");
    return repair(this.directory, this.name, options);
  }

  /**
   * Looks for what the splits share: the same sound, near-duplicates, groups, neighbours of a generated set. `ray` lets a cluster compare.
   *
   * @throws DatasetError "LEAK" for the kinds that `failOn` names
   * @example console.log(String(await dataset.audit({ failOn: ["identical"] })))
   */
  audit(options: DatasetAuditOptions = {}): Promise<AuditReport> {
    checkKnown("audit", options, AUDIT_OPTIONS);
    const { ray, ...how } = options;
    const { records, split, options: loaded } = this.need();
    if (!ray) return audit(records, split, how);
    return auditOnRay(ray, this.directory, records, this.opening(loaded), split, how);
  }

  /** Saves the split that `load` made, as a small json to share; `load({ split: file })` takes it. */
  saveSplit(file: string): Promise<void> {
    return saveSplit(file, this.split, splitSource(this.records));
  }

  /**
   * Python code, ready to paste, that reads the same records with `tf.data`: path, kind and sizes filled in as they were
   * loaded. It uses `python/deep_audio_dataset.py`, which gives arrays equal to those here; without TensorFlow too, as numpy's or in `ray.data`.
   *
   * @example console.log(dataset.pythonReader())
   */
  pythonReader(): string {
    const { records, options } = this.need();
    this.needFolder("pythonReader");
    return pythonReader(this.directory, records.manifest, options);
  }

  protected async build(plan: BuildPlan, options: RecordOptions, to?: string): Promise<void> {
    this.loaded = undefined;
    const how = optionsOf<RecordOptions>(options, RECORD_OPTIONS);
    if (to === undefined) await buildRecords(this.directory, plan, how);
    else await buildTo(this.directory, plan, to, how);
  }

  private opening({ width, allowStale, cache }: LoadOptions): OpenOptions {
    // Records of the original's later version don't say whether their numbers are classes, values or sound.
    const kind = this.kind === "classes" || this.kind === "values" ? this.kind : undefined;
    return { kind, width, allowStale, cache };
  }

  private async open(options: LoadOptions): Promise<Records> {
    const records = await openRecords(this.directory, this.name, this.opening(options));
    const found = records.manifest.kind;
    if (found === this.kind) return records;
    throw new DatasetError(
      "RECORD",
      `records of "${this.name}": kind ${found}, expected ${this.kind} (${this.directory}); open them with the class for ${found}`,
    );
  }

  /** Sources and shards are read and written in a folder; records elsewhere are only loaded. */
  protected needFolder(call: string): void {
    if (!isAddress(this.directory)) return;
    throw new DatasetError("OPTION", `${call}: directory ${this.directory}, expected a folder of this machine`);
  }

  private need(): Loaded {
    if (this.loaded) return this.loaded;
    throw new DatasetError("RECORD", `dataset "${this.name}": not loaded; call await dataset.load() first`);
  }

  private async chooseSplit(records: Records, options: LoadOptions): Promise<Split> {
    const { split } = options;
    if (typeof split === "string") return await loadSplit(split, splitSource(records));
    if (split) return explicitSplit(records.count, split);
    const { sides } = records.manifest;
    const shares = options.trainSplit ?? options.valSplit ?? options.testSplit;
    if (sides && shares === undefined) return publishedSplit(records.ids, sides);
    const how = optionsOf<SplitOptions>(options, SPLIT_OPTIONS);
    return splitExamples(records.count, { ...how, ...this.keys(records, options) });
  }

  private keys(records: Records, options: LoadOptions): Pick<SplitOptions, "groups" | "strata"> {
    const { groupBy, stratifyBy = this.kind === "classes" } = options;
    const each = (option: string, key: ExampleKey): string[] =>
      records.names.map((name, i) => {
        const found: unknown = key(name, i);
        if (typeof found === "string" || typeof found === "number") return String(found);
        throw new DatasetError(
          "OPTION",
          `${option}: ${JSON.stringify(found)} of ${name}, expected text for each example`,
        );
      });
    const groups = groupBy === false ? undefined : groupBy ? each("groupBy", groupBy) : records.groups;
    const strata = stratifyBy === true ? labelStrata(records) : stratifyBy ? each("stratifyBy", stratifyBy) : undefined;
    return { ...(groups ? { groups } : {}), ...(strata ? { strata } : {}) };
  }

  /** The weights of the examples of a side, for `sampling`. */
  private weights(
    records: Records,
    examples: Uint32Array,
    sampling: LoadOptions["sampling"],
  ): Pick<BatchOptions, "weights"> {
    if (sampling === undefined) return {};
    if (typeof sampling === "function") {
      return { weights: Float64Array.from(examples, (i) => sampling(exampleName(records, i), i)) };
    }
    if (sampling !== "balanced")
      throw new DatasetError("OPTION", `sampling: ${JSON.stringify(sampling)}, expected "balanced" or a function`);
    return { weights: balancedSampling(labelStrata(records, "sampling"), examples) };
  }

  private seeded(options: LoadOptions): LoadOptions & { seed: number } {
    const seed = options.seed ?? this.options.seed ?? 0;
    if (Number.isSafeInteger(seed)) return { ...options, seed };
    throw new DatasetError("OPTION", `seed: ${seed}, expected a whole number`);
  }

  private prepare(records: Records, split: Split, options: LoadOptions & { seed: number }): Loaded {
    const how = batchOptions(options);
    const still = { ...how, ...STILL };
    const [train, validate, test] = [
      batches(records, split.train, { ...how, ...this.weights(records, split.train, options.sampling) }),
      batches(records, split.validate, still),
      batches(records, split.test, still),
    ];
    return {
      ...{ options, records, split, train, validate, test, labels: records.manifest.labels },
      ...{ trainSteps: train.size, valSteps: validate.size, testSteps: test.size },
    };
  }
}

/** Of the options of `load` those of `batches`. */
const batchOptions = (options: LoadOptions): BatchOptions => optionsOf<BatchOptions>(options, BATCH_OPTIONS);

const splitSource = (records: Records): SplitSource => ({
  ...{ count: records.count, ids: records.ids, names: [] },
  nameOf: (i) => exampleName(records, i),
});

/** The classes of every example, to balance the splits by. */
function labelStrata(records: Records, option = "stratifyBy"): number[][] {
  const classes = records.manifest.kind === "classes" ? exampleClasses(records) : undefined;
  if (!classes) {
    throw new DatasetError("OPTION", `${option}: expected a function; the records hold no class per file`);
  }
  return Array.from({ length: records.count }, (_, i) => classes.of(i));
}

/**
 * Audio in, audio out: pairs of files, generated or your own. Batches: xs and ys `[batch, frames, inputSize]`.
 *
 * @example
 * const dataset = new AudioDataset("./data", "dataset", { seed: 1 });
 * await dataset.generate(100, 1000, 10);
 * await dataset.load({ inputSize: 256, batchSize: 16 });
 */
export class AudioDataset extends Dataset {
  readonly kind = "pairs";

  /**
   * Makes pairs of tones, `dilation` apart, then records them. For each wave and chord there are `steps` frequencies
   * from `inputUpper` down to `inputLower` Hz, at equal ratios as the ear hears them. Does nothing where the same
   * recipe is recorded already.
   *
   * @param inputLower lowest frequency of an input, Hz
   * @param inputUpper highest frequency of an input, Hz
   * @param steps frequencies per wave and chord
   * @throws DatasetError "OPTION" for a recipe that can't be made, "FILE" where other files stand in the way
   * @example
   * const dataset = new AudioDataset("./data", "dataset", { seed: 1 });
   * await dataset.generate(100, 1000, 250, { waves: ["sin", "saw"], volume: 0.5 });
   */
  async generate(inputLower: number, inputUpper: number, steps: number, options: GenerateOptions = {}): Promise<void> {
    const all = { ...options, seed: options.seed ?? this.options.seed ?? 0 };
    checkKnown("generate", options, GENERATE_OPTIONS);
    this.needFolder("generate");
    const recipe = planRecipe(inputLower, inputUpper, steps, all);
    await mkdir(this.directory, { recursive: true });
    if (!options.removeWav) await writeWavs(this.directory, this.name, recipe, all);
    // From the recipe, not from the wavs: the bytes are the same, and nothing is read back.
    const how = optionsOf<RecordOptions>(options, RECORD_OPTIONS);
    await this.build(await planRecords(this.directory, this.name, recipe, how), how, options.to);
    if (options.removeWav) await removeWavs(this.directory, this.name, recipe);
  }
}

/**
 * One label vector per file, multi-class or multi-label: `file.wav,0,1,0` with any weights, and optionally class names in a
 * header. Batches: ys `[batch, classes]`.
 *
 * @example
 * const dataset = new SimpleAudioClassificationDataset("./gtzan", "gtzan");
 * await dataset.generateRecords({ index: await fromFolder("./gtzan", { folder: "genres_original" }) });
 */
export class SimpleAudioClassificationDataset extends Dataset {
  readonly kind = "classes";
}

/**
 * Labels with time stamps: `song.wav,song_key.csv`, or a `.mid` instead of the key csv. Batches: ys
 * `[batch, frames, features]`.
 *
 * @example
 * const dataset = new AudioClassificationDataset("./data", "dataset");
 * await dataset.generateRecords({ pitches: [48, 83] });
 * await dataset.load({ inputSize: 256 });
 */
export class AudioClassificationDataset extends Dataset {
  readonly kind = "frames";
}

/**
 * Numeric targets (regression): `file.wav,0.5,-3`. Batches: ys `[batch, values]`.
 *
 * @example
 * const dataset = new RegressionDataset("./data", "dataset");
 * console.log(String(await dataset.check()));
 */
export class RegressionDataset extends Dataset {
  readonly kind = "values";
}

/**
 * Piano notes, each paired by file name with the same note an octave higher: `piano_60.wav`, `piano_72.wav`.
 *
 * @example await new PianoDataset("./piano", "piano").generateRecords()
 */
export class PianoDataset extends Dataset {
  readonly kind = "pairs";

  override async generateRecords(options: GenerateRecordsOptions = {}): Promise<void> {
    const index = options.index ?? (await pairBy(this.directory, OCTAVE_UP, { unpaired: "skip" }));
    await super.generateRecords({ ...options, index });
  }
}
