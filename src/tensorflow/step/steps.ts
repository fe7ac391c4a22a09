import type { LayersModel, Tensor } from "@tensorflow/tfjs-node-gpu";
import { asStep } from "../kernels/step-inputs.js";
import type { TensorFlow } from "../kernels/types.js";
import type { Backend } from "./backend.js";
import { isGathering } from "../kernels/optimizers.js";
import { difference } from "./compare.js";
import { changedSetting, fingerprint, hookedLayer, statefulLayer } from "./fingerprint.js";
import { hasProducts, inBfloat16 } from "./mixed.js";
import type { Precision } from "./precision.js";
import { type Recording, record, Unrecordable } from "./recording.js";
import { isStale, type StepFunction, stepFunction } from "./step-function.js";
import { type Snapshot, snapshot, verify } from "./verify.js";

/** What a step is for. */
export type StepKind = "train" | "evaluate" | "predict";

/** How the steps of a model ran so far. */
export interface StepCounts {
  /** As one function. */
  whole: number;
  /** Op by op: the first of each kind, and all where there is a reason. */
  single: number;
  /** Of the whole ones, those with products in bfloat16. */
  mixed: number;
  /** Why steps run op by op. */
  reasons: Set<string>;
  /** Why whole steps that were to be mixed stay in float32. */
  unmixed: Set<string>;
}

/** What an optimizer does in JavaScript with each step. */
interface Counting {
  incrementIterations(): void;
}

/** What is known of one step: of one kind, of inputs of certain shapes. */
interface Known {
  kind: StepKind;
  /** How often it ran. */
  runs: number;
  first?: Recording;
  whole?: StepFunction;
  mixed?: boolean;
  /** Why it runs op by op. */
  reason?: string;
}

/** Steps of a model that are remembered; the one that ran the longest time ago goes first. */
const MOST_STEPS = 32;

/** Changes of a setting from step to step, one after the other, that are no longer someone's doing between the steps. */
const MOST_CHANGES = 4;

/** The first run of a step may be the only one, and makes what an optimizer keeps. */
const RUNS_BEFORE = { train: 1, evaluate: 2, predict: 2 };

/** How far a step in bfloat16 may be from the same in float32, in parts of the largest number of its kind: far above rounding. */
const MIXED_PARTS = 0.25;

/** Steps that are recorded once more, to see that they still do the same: this one, the one of eight times its number, … */
const CHECKED_AT = 64;

/** The steps of one model. */
export class ModelSteps {
  readonly counts: StepCounts = { whole: 0, single: 0, mixed: 0, reasons: new Set(), unmixed: new Set() };
  /** While set, every step runs op by op. */
  eager = false;
  /** Of training steps. */
  precision: Precision = "float32";
  private readonly known = new Map<string, Known>();
  private last: { form: string; settings: string[]; changes: number } | undefined;

  constructor(
    private readonly tf: TensorFlow,
    /** Functions in TensorFlow, so that they can be removed when the model is gone. */
    private readonly functions: Set<StepFunction>,
  ) {}

  /** Does what `single` does with `data`, as one function where that is known to be the same. */
  run(kind: StepKind, model: LayersModel, data: readonly Tensor[], single: (data: Tensor[]) => Tensor[]): Tensor[] {
    const step = this.find(kind, model, data);
    if (step?.first && isStale(this.tf, step.first)) {
      this.forget(step);
      // What it works on may be created again in its next run.
      step.runs = 0;
    }
    const { whole } = step ?? {};
    if (step && whole && !isDue(step.runs)) {
      step.runs++;
      this.counts.whole++;
      if (step.mixed) this.counts.mixed++;
      const results = asStep(this.tf, () => whole.run(data));
      const { optimizer } = model;
      if (kind === "train" && !isGathering(optimizer)) (optimizer as unknown as Counting).incrementIterations();
      return results;
    }
    this.counts.single++;
    if (!step || step.reason || step.runs++ < RUNS_BEFORE[kind]) return asStep(this.tf, () => single([...data]));
    return this.record(step, data, single);
  }

  dispose(): void {
    for (const step of this.known.values()) this.forget(step);
    this.known.clear();
  }

  private find(kind: StepKind, model: LayersModel, data: readonly Tensor[]): Known | undefined {
    if (this.eager) return undefined;
    const [stateful, hooked] = [statefulLayer(model), hookedLayer(model)];
    const layer = stateful ?? hooked;
    if (layer) {
      const why = stateful ? "keeps a state from step to step" : "has a call hook";
      this.counts.reasons.add(`layer "${layer.name}" (${layer.getClassName()}) ${why}`);
      return undefined;
    }
    const { form, settings } = fingerprint(this.tf, kind, model, data);
    this.watch(form, settings);
    const key = `${kind === "train" ? this.precision : ""} ${form} ${settings.join(" ")}`;
    let step = this.known.get(key);
    if (!step) {
      step = { kind, runs: 0 };
      const [oldest] = this.known;
      if (this.known.size >= MOST_STEPS) {
        this.forget(oldest![1]);
        this.known.delete(oldest![0]);
      }
    }
    this.known.delete(key);
    this.known.set(key, step);
    return step;
  }

  /** Sees whether the steps of one form are made of something else each time, and so never come twice. */
  private watch(form: string, settings: string[]): void {
    const last = this.last;
    const same = last?.form === form && last.settings.length === settings.length;
    const other = same && last.settings.some((text, i) => text !== settings[i]);
    const changes = other ? last.changes + 1 : 0;
    if (other && changes === MOST_CHANGES) this.counts.reasons.add(changedSetting(last.settings, settings));
    this.last = { form, settings, changes };
  }

  /** Runs a step op by op and records it; the second time it becomes a function. */
  private record(step: Known, data: readonly Tensor[], single: (data: Tensor[]) => Tensor[]): Tensor[] {
    const { tf } = this;
    const { first } = step;
    ownVariables(tf);
    const inputs = data.map((tensor) => share(tf, tensor));
    let before: Snapshot | undefined;
    try {
      before = first && snapshot(tf, first);
      const { results, recording } = record(tf, inputs, () => single([...inputs]));
      this.learn(step, recording, inputs, results, before);
      return results;
    } finally {
      before?.dispose();
      tf.dispose(inputs);
    }
  }

  private learn(
    step: Known,
    recording: Recording | Unrecordable,
    inputs: readonly Tensor[],
    results: readonly Tensor[],
    before: Snapshot | undefined,
  ): void {
    const { first } = step;
    if (!first && !(recording instanceof Unrecordable)) {
      step.first = recording;
      return;
    }
    const reason =
      recording instanceof Unrecordable ? recording.message : this.compile(step, recording, inputs, results, before!);
    if (reason === undefined) return;
    this.forget(step);
    step.reason = reason;
    this.counts.reasons.add(reason);
  }

  /** Makes the step a function, or sees that it still is the same; gives the reason where it can't be one. */
  private compile(
    step: Known,
    recording: Recording,
    inputs: readonly Tensor[],
    results: readonly Tensor[],
    before: Snapshot,
  ): string | undefined {
    const other = difference(step.first!, recording);
    if (other || step.whole) return other;
    try {
      step.whole = stepFunction(this.tf, recording);
      this.functions.add(step.whole);
      const problem = verify(this.tf, step.whole, recording, inputs, results, before);
      const mixes = this.precision === "mixed_bfloat16" && step.kind === "train";
      if (!problem && mixes) this.mix(step, recording, inputs, results, before);
      return problem;
    } catch (error) {
      return firstLine(error);
    }
  }

  /** Puts the function in bfloat16 in the place of that in float32, if it comes to about the same. */
  private mix(
    step: Known,
    recording: Recording,
    inputs: readonly Tensor[],
    results: readonly Tensor[],
    before: Snapshot,
  ): void {
    if (!hasProducts(recording)) return void this.counts.unmixed.add("there is no product of matrices");
    let mixed: StepFunction | undefined;
    let problem: string | undefined;
    try {
      mixed = stepFunction(this.tf, inBfloat16(recording));
      problem = verify(this.tf, mixed, recording, inputs, results, before, MIXED_PARTS);
    } catch (error) {
      problem = firstLine(error);
    }
    if (problem) {
      mixed?.dispose();
      this.counts.unmixed.add(`in bfloat16 ${problem}`);
      return;
    }
    this.forgetFunction(step);
    step.whole = mixed!;
    step.mixed = true;
    this.functions.add(mixed!);
  }

  private forget(step: Known): void {
    this.forgetFunction(step);
    delete step.first;
  }

  private forgetFunction(step: Known): void {
    if (step.whole) {
      this.functions.delete(step.whole);
      step.whole.dispose();
    }
    delete step.whole;
    delete step.mixed;
  }
}

/** What TensorFlow says of an error, in its first line. */
const firstLine = (error: unknown): string =>
  (error as Error).message.replace(/^Invalid TF_Status: \d+\nMessage: /, "").split("\n")[0]!;

/** Whether run number `runs` is one of those that are checked. */
function isDue(runs: number): boolean {
  let due = CHECKED_AT;
  while (due < runs) due *= 8;
  return due === runs;
}

/** The same data as a tensor that shares it with none that tfjs knows. */
function share(tf: TensorFlow, tensor: Tensor): Tensor {
  const backend = tf.backend() as unknown as Backend;
  const [id] = backend.getInputTensorIds([tensor]);
  return tf.keep(backend.createOutputTensor(backend.binding.shareTensor(id!)));
}

/** Gives each variable data of its own: two that began alike may share it, with a constant too. */
function ownVariables(tf: TensorFlow): void {
  const seen = new Set<object>();
  const backend = tf.backend() as unknown as Backend;
  for (const variable of Object.values(tf.engine().registeredVariables)) {
    const pending = backend.tensorMap.get(variable.dataId).values !== null;
    if (pending || seen.has(variable.dataId)) {
      const own = share(tf, variable);
      variable.assign(own);
      own.dispose();
    }
    seen.add(variable.dataId);
  }
}
