import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LayersModel, Tensor } from "@tensorflow/tfjs-node-gpu";
import { loadTensorFlow } from "../dist/tensorflow/load.js";
import { type Comparison, compare, type Measure, measure, pythonPeer, tiny } from "./harness.js";

/**
 * A training step compared with Keras's on the same TensorFlow: same model, same weights, same batch, steps interleaved.
 * Both sides must come to the same losses.
 */
const tf = loadTensorFlow();
const BATCH = tiny ? 4 : 64;
const STEPS = tiny ? 2 : 5;
const RATE = 1e-3;

const keras = pythonPeer(`
import numpy as np, keras
L = keras.layers
def wave(): return keras.Sequential([keras.Input((16000, 1)), L.Conv1D(16, 64, strides=4, activation="relu"),
    L.Conv1D(32, 16, strides=4, activation="relu"), L.MaxPooling1D(4), L.GlobalAveragePooling1D(), L.Dense(10, activation="softmax")])
def mel(): return keras.Sequential([keras.Input((98, 80, 1)), L.Conv2D(16, 3, padding="same", activation="relu"), L.MaxPooling2D(2),
    L.Conv2D(32, 3, padding="same", activation="relu"), L.MaxPooling2D(2), L.Conv2D(64, 3, padding="same", activation="relu"),
    L.GlobalAveragePooling2D(), L.Dense(10, activation="softmax")])
state = {}
def run(order):
    if "net" in order:
        model = {"wave": wave, "mel": mel}[order["net"]]()
        model.compile(optimizer=keras.optimizers.Adam(${RATE}), loss="categorical_crossentropy")
        read = lambda path, shape: np.fromfile(path, "<f4").reshape(shape)
        model.set_weights([read(order["folder"] + f"/w{i}", w.shape) for i, w in enumerate(model.weights)])
        x = read(order["folder"] + "/x", (-1, *model.input_shape[1:]))
        state.update(model=model, x=x, y=read(order["folder"] + "/y", (-1, 10)))
        return None
    return [float(state["model"].train_on_batch(state["x"], state["y"])) for _ in range(${STEPS})]
`);

const nets: Record<string, () => LayersModel> = {
  wave: () =>
    tf.sequential({
      layers: [
        tf.layers.conv1d({ inputShape: [16000, 1], filters: 16, kernelSize: 64, strides: 4, activation: "relu" }),
        tf.layers.conv1d({ filters: 32, kernelSize: 16, strides: 4, activation: "relu" }),
        tf.layers.maxPooling1d({ poolSize: 4 }),
        tf.layers.globalAveragePooling1d({}),
        tf.layers.dense({ units: 10, activation: "softmax" }),
      ],
    }),
  mel: () =>
    tf.sequential({
      layers: [
        tf.layers.conv2d({ inputShape: [98, 80, 1], filters: 16, kernelSize: 3, padding: "same", activation: "relu" }),
        tf.layers.maxPooling2d({ poolSize: 2 }),
        tf.layers.conv2d({ filters: 32, kernelSize: 3, padding: "same", activation: "relu" }),
        tf.layers.maxPooling2d({ poolSize: 2 }),
        tf.layers.conv2d({ filters: 64, kernelSize: 3, padding: "same", activation: "relu" }),
        tf.layers.globalAveragePooling2d({}),
        tf.layers.dense({ units: 10, activation: "softmax" }),
      ],
    }),
};

const about: Record<string, string> = {
  wave: `${STEPS} steps of two 1-D convolutions on ${BATCH} × 16,000 samples`,
  mel: `${STEPS} steps of three 2-D convolutions on ${BATCH} × 98 × 80 log-mel frames`,
};

void main();

async function main(): Promise<void> {
  for (const [name, net] of Object.entries(nets)) await compareNet(name, net());
  keras.close();
}

async function compareNet(name: string, model: LayersModel): Promise<void> {
  // The same weights in every run: from some, rounding alone leads the two sides apart after fifty steps.
  const kernel = tf.initializers.glorotUniform({ seed: 1 });
  model.setWeights(model.getWeights().map((w) => (w.rank > 1 ? kernel.apply(w.shape) : w)));
  model.compile({ optimizer: tf.train.adam(RATE), loss: "categoricalCrossentropy" });
  const x = tf.randomNormal([BATCH, ...(model.inputs[0]!.shape.slice(1) as number[])], 0, 1, "float32", 1);
  const y = tf.oneHot(tf.range(0, BATCH, 1, "int32").mod(tf.scalar(10, "int32")), 10).toFloat();
  await keras.run({ net: name, folder: save({ x, y }, model) });
  const comparison: Comparison = {
    name: `training/${name}`,
    work: about[name]!,
    peer: "Keras train_on_batch, TensorFlow of .venv",
    target: 0.909,
    packages: ["keras"],
  };
  const ours = (): Promise<Measure> =>
    measure(async () => {
      const losses: number[] = [];
      for (let i = 0; i < STEPS; i++) losses.push((await model.trainOnBatch(x, y)) as number);
      return losses;
    });
  await compare(comparison, ours, () => keras.run({}), { pairs: 11, same: sameLosses });
}

function sameLosses(a: unknown, b: unknown): boolean {
  const theirs = b as number[];
  return (a as number[]).every((loss, i) => Math.abs(loss - theirs[i]!) < 2e-3 * Math.abs(theirs[i]!));
}

function save(batch: Record<string, Tensor>, model: LayersModel): string {
  const folder = mkdtempSync(join(tmpdir(), "training-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const write = (file: string, tensor: Tensor): void =>
    writeFileSync(join(folder, file), tensor.dataSync() as Float32Array);
  for (const [file, tensor] of Object.entries(batch)) write(file, tensor);
  model.getWeights().forEach((weight, i) => {
    write(`w${i}`, weight);
  });
  return folder;
}
