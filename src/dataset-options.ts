import type { AuditOptions } from "./audit/audit.js";
import type { CheckOptions } from "./check/check.js";
import type { OptionNames } from "./core/known-options.js";
import type { DatasetIndex } from "./core/rows.js";
import type { RecipeOptions } from "./generate/recipe.js";
import { BATCH_OPTIONS, type BatchOptions } from "./load/options.js";
import type { OpenOptions } from "./records/open-original.js";
import type { RayOptions } from "./ray/jobs-api.js";
import type { Split, SplitOptions } from "./split/split.js";
import type { LongOptions } from "./notebook/progress.js";
import { LABEL_OPTIONS, RECORD_OPTIONS, type RecordOptions } from "./records/plan.js";
import type { ClassChanges } from "./sources/change-classes.js";
import type { IndexOptions } from "./sources/index-csv.js";

/** Options of a dataset as a whole. */
export interface DatasetOptions {
  /** Seed of splits and orders where a call gives none of its own. Default 0. */
  seed?: number;
}

/** Options of `generate`: the recipe, how records are made, and whether the wavs stay. */
export interface GenerateOptions extends Omit<RecipeOptions, "seed">, RecordOptions {
  /** Seed of the dither, where there is any. Default: the dataset's seed. */
  seed?: number | string;
  /** Makes the records without ever writing wavs or an index csv. Default false. */
  removeWav?: boolean;
  /** As of `generateRecords`. */
  to?: string;
}

/** Work that a cluster can do. */
export interface ClusterOptions {
  /**
   * Runs on a Ray cluster whose machines see the dataset's folder (docs/scale.md); `workers` is then the number of tasks at a time, by
   * default the cluster's CPUs. Default: on this machine.
   */
  ray?: RayOptions;
}

/** Options of `plan`. */
export interface PlanOptions extends RecordOptions, IndexOptions {
  /** What happens where sources are missing or damaged: nothing is built (default), or the affected rows are left out and listed in the manifest's `skipped`. */
  onProblem?: "refuse" | "skip";
  /** Classes to rename, join or leave out: `{ merge: { puppy: "dog" }, drop: ["noise"] }`. Default: none. */
  classes?: ClassChanges;
  /** Rows from a source other than the index csv: what `fromFolder`, `fromCsv` or `pairBy` made. */
  index?: DatasetIndex;
}

/** Options of `generateRecords`. */
export interface GenerateRecordsOptions extends PlanOptions, ClusterOptions {
  /**
   * Builds the records in a bucket, `s3://bucket/folder`, not in the dataset's folder: each shard is uploaded once it is built, the manifest
   * last. Needs `@aws-sdk/client-s3` and `@aws-sdk/lib-storage`; credentials come from where AWS's tools look for them. Default: here.
   */
  to?: string;
}

/** Options of a dataset's `check`. */
export interface DatasetCheckOptions extends CheckOptions, IndexOptions, ClusterOptions {
  /** What `fromCsv` or its like gave, instead of the index csv. */
  index?: DatasetIndex;
}

/** Options of a dataset's `audit`. */
export interface DatasetAuditOptions extends AuditOptions, ClusterOptions {}

/** What examples are held together or balanced by: what the records carry, or a function of name and number. */
export type ExampleKey = (name: string, example: number) => string;

/** Options of `load`. */
export interface LoadOptions
  extends Omit<BatchOptions, "seed" | "weights">,
    Omit<SplitOptions, "groups" | "strata" | "seed">,
    Omit<OpenOptions, "kind"> {
  /** Seed of the split and of each epoch's order. Default: the dataset's seed. */
  seed?: number;
  /**
   * Examples of one group are never in two splits. Default: the group that the records carry (from metadata), where they
   * do; `false` ignores it; a function makes groups of names.
   */
  groupBy?: ExampleKey | false;
  /**
   * What an epoch of training draws, with replacement, as many as there are: `"balanced"`, every class as often as any other
   * (kind classes; an example of several classes counts for each), or by weights, a function of name and number. Default:
   * each example once.
   */
  sampling?: "balanced" | ((name: string, example: number) => number);
  /** Each split gets its share of every class. Default true for kind classes; a function makes strata of names. */
  stratifyBy?: ExampleKey | boolean;
  /**
   * A split of your own, or the path of one saved by `saveSplit`, instead of shares. Default: that of the dataset's
   * publisher, where the index or its metadata names the sides and no share is given.
   */
  split?: Partial<Split> | string;
}

// The names of the options of each method, for `checkKnown`; their types keep them whole.

const LONG: OptionNames<LongOptions> = { signal: true, onProgress: true };

export const INDEX_OPTIONS: OptionNames<IndexOptions> = { metadata: true, groupBy: true, digits: true };

export const CHECK_OPTIONS: OptionNames<DatasetCheckOptions> = {
  ...{
    ...LONG,
    ...LABEL_OPTIONS,
    ...INDEX_OPTIONS,
    inputSize: true,
    convert: true,
    onDamaged: true,
    workers: true,
    deep: true,
    classes: true,
    index: true,
    ray: true,
  },
};

export const PLAN_OPTIONS: OptionNames<PlanOptions> = {
  ...RECORD_OPTIONS,
  ...INDEX_OPTIONS,
  onProblem: true,
  classes: true,
  index: true,
};

export const RECORDING_OPTIONS: OptionNames<GenerateRecordsOptions> = { ...PLAN_OPTIONS, ray: true, to: true };

export const GENERATE_OPTIONS: OptionNames<GenerateOptions> = {
  ...{ ...RECORD_OPTIONS, waves: true, chords: true, duration: true, sampleRate: true, dilation: true, volume: true },
  ...{ antialias: true, dither: true, seed: true, removeWav: true, to: true },
};

const { weights: _, ...TRAINING } = BATCH_OPTIONS;

export const LOAD_OPTIONS: OptionNames<LoadOptions> = {
  ...{ ...TRAINING, trainSplit: true, valSplit: true, testSplit: true, width: true, allowStale: true, cache: true },
  ...{ groupBy: true, sampling: true, stratifyBy: true, split: true },
};

export const AUDIT_OPTIONS: OptionNames<DatasetAuditOptions> = {
  ...{ ...LONG, failOn: true, groups: true, threshold: true, maxShift: true, workers: true, parts: true, ray: true },
};
