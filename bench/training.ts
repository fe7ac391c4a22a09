import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LayersModel, layers, SymbolicTensor, Tensor } from "@tensorflow/tfjs-node-gpu";
import { loadTensorFlow } from "../dist/tensorflow/load.js";
import { type Comparison, compare, measure, type PythonPeer, pythonPeer, tiny } from "./harness.js";
import { NETS, type Net } from "./harness-nets.js";

/**
 * A training step compared with Keras's on the same TensorFlow: same model, same weights, same batch, steps interleaved.
 * Both sides must come to the same losses. TensorFlow leaves oneDNN's kernels off on some processors, where this library
 * switches them on; so Keras is measured as it comes and with them too.
 */
const tf = loadTensorFlow();
const STEPS = tiny ? 2 : 5;
const RATE = 1e-3;
const EPSILON = 1e-7;

/** Steps before anything is measured, over which both sides' losses are compared. */
const FIRST = tiny ? 5 : 25;

const PEERS: [name: string, about: string, settings: Record<string, string>, target: number][] = [
  ["", "Keras train_on_batch, TensorFlow of .venv", {}, 1 / 0.9],
  ["-onednn", "the same Keras with TF_ENABLE_ONEDNN_OPTS=1", { TF_ENABLE_ONEDNN_OPTS: "1" }, 1],
];

const CODE = `
import re, numpy as np, keras
L = keras.layers
kinds = {"conv1d": L.Conv1D, "conv2d": L.Conv2D, "maxPooling1d": L.MaxPooling1D, "maxPooling2d": L.MaxPooling2D, "lstm": L.LSTM,
    "separableConv2d": L.SeparableConv2D, "upSampling2d": L.UpSampling2D, "dot": lambda axes: L.Dot(tuple(axes)),
    "bidirectional": lambda layer: L.Bidirectional(L.GRU(reset_after=False, **layer)),
    "globalAveragePooling1d": L.GlobalAveragePooling1D, "globalAveragePooling2d": L.GlobalAveragePooling2D}
def snake(o): return {re.sub("([A-Z])", lambda m: "_" + m[1].lower(), k): snake(v) if isinstance(v, dict) else v for k, v in o.items()}
def build(net):
    x = last = keras.Input(net["shape"])
    made = {"x": x}
    layers = []
    for kind, options, *more in net["layers"]:
        name, inputs = (more + [None, None])[:2]
        layers.append(kinds.get(kind, getattr(L, kind[0].upper() + kind[1:], None))(**snake(options)))
        last = layers[-1](last if not inputs else made[inputs[0]] if len(inputs) == 1 else [made[i] for i in inputs])
        if name: made[name] = last
    return keras.Model(x, last), layers
state = {}
def run(order):
    if "net" in order:
        model, layers = build(order["net"])
        model.compile(optimizer=keras.optimizers.Adam(${RATE}, epsilon=${EPSILON}), loss="categorical_crossentropy")
        read = lambda path, shape: np.fromfile(path, "<f4").reshape(shape)
        for l, layer in enumerate(layers):
            layer.set_weights([read(order["folder"] + f"/w{l}-{i}", w.shape) for i, w in enumerate(layer.weights)])
        x = read(order["folder"] + "/x", (-1, *model.input_shape[1:]))
        state.update(model=model, x=x, y=read(order["folder"] + "/y", (-1, 10)))
        return None
    return [float(state["model"].train_on_batch(state["x"], state["y"])) for _ in range(order["steps"])]
`;

void main();

async function main(): Promise<void> {
  for (const [name, about, settings, target] of tiny ? PEERS.slice(0, 1) : PEERS) {
    const keras = pythonPeer(CODE, settings);
    for (const [net, layers] of Object.entries(NETS)) {
      await compareNet(keras, layers, { name: `training${name}/${net}`, peer: about, target });
    }
    keras.close();
  }
}

/** The model, and its layers in the order of the net's. */
function build(net: Net): { model: LayersModel; all: layers.Layer[] } {
  const x = tf.input({ shape: net.shape });
  const made: Record<string, SymbolicTensor> = { x };
  const all: layers.Layer[] = [];
  let last = x;
  for (const [kind, options, name, from] of net.layers) {
    const given =
      kind === "bidirectional"
        ? { layer: tf.layers.gru({ ...(options.layer as { units: number }) }), mergeMode: "concat" }
        : options;
    const layer = (tf.layers[kind as "dense"] as (options: object) => layers.Layer)({ ...given });
    const inputs = from?.map((input) => made[input]!) ?? [last];
    last = layer.apply(inputs.length === 1 ? inputs[0]! : inputs) as SymbolicTensor;
    if (name) made[name] = last;
    all.push(layer);
  }
  return { model: tf.model({ inputs: x, outputs: last }), all };
}

async function compareNet(
  keras: PythonPeer,
  net: Net,
  about: Pick<Comparison, "name" | "peer" | "target">,
): Promise<void> {
  const { model, all } = build(net);
  // The same weights in every run: from some, rounding alone leads the two sides apart after fifty steps.
  const kernel = tf.initializers.glorotUniform({ seed: 1 });
  for (const layer of all) layer.setWeights(layer.getWeights().map((w) => (w.rank > 1 ? kernel.apply(w.shape) : w)));
  model.compile({ optimizer: tf.train.adam(RATE, 0.9, 0.999, EPSILON), loss: "categoricalCrossentropy" });
  const batch = tiny ? 4 : net.batch;
  const x = tf.randomNormal([batch, ...net.shape], 0, 1, "float32", 1);
  const y = tf.oneHot(tf.range(0, batch, 1, "int32").mod(tf.scalar(10, "int32")), 10).toFloat();
  await keras.run({ net, folder: save({ x, y }, all) });
  const comparison: Comparison = { ...about, work: `${STEPS} steps of ${net.about}`, packages: ["keras"] };
  const losses = async (steps: number): Promise<number[]> => {
    const all: number[] = [];
    for (let i = 0; i < steps; i++) all.push((await model.trainOnBatch(x, y)) as number);
    return all;
  };
  // Both sides make their functions first.
  const first = [await losses(FIRST), (await keras.run({ steps: FIRST })).check];
  if (!sameLosses(first[0], first[1]))
    throw new Error(`${about.name}: losses ${first[0]}, expected Keras's ${first[1]}`);
  await compare(
    comparison,
    () => measure(() => losses(STEPS)),
    () => keras.run({ steps: STEPS }),
    { pairs: 11, same: sameLosses },
  );
}

/** The first steps to 1e-4 of the first loss; later, where rounding has led the two sides apart, their mean roughly. */
function sameLosses(a: unknown, b: unknown): boolean {
  const [ours, theirs] = [a as number[], b as number[]];
  if (theirs.length === FIRST) return ours.every((loss, i) => Math.abs(loss - theirs[i]!) < 1e-4 * theirs[0]!);
  const mean = (losses: number[]): number => losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
  return Math.abs(mean(ours) - mean(theirs)) < 0.3;
}

function save(batch: Record<string, Tensor>, all: layers.Layer[]): string {
  const folder = mkdtempSync(join(tmpdir(), "training-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const write = (file: string, tensor: Tensor): void =>
    writeFileSync(join(folder, file), tensor.dataSync() as Float32Array);
  for (const [file, tensor] of Object.entries(batch)) write(file, tensor);
  all.forEach((layer, l) => {
    layer.getWeights().forEach((weight, i) => {
      write(`w${l}-${i}`, weight);
    });
  });
  return folder;
}
