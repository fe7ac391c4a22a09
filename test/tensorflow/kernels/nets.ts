import type { LayersModel, layers, Tensor } from "@tensorflow/tfjs-node-gpu";
import { loadTensorFlow } from "../../../dist/tensorflow/load.js";
import { python } from "../../support/python.js";

/** A model that both sides can build: tfjs's name of each layer and its arguments. */
export interface Net {
  inputShape: number[];
  layers: [keyof typeof layers, Record<string, unknown>][];
  loss: "meanSquaredError" | "categoricalCrossentropy" | "sparseCategoricalCrossentropy" | "binaryCrossentropy";
}

export interface Batch {
  x: number[];
  xShape: number[];
  y: number[];
  yShape: number[];
}

/** Builds the model in tfjs. */
export function build(net: Net): LayersModel {
  const tf = loadTensorFlow();
  const model = tf.sequential();
  net.layers.forEach(([name, options], i) => {
    const make = tf.layers[name] as (o: object) => layers.Layer;
    model.add(make({ ...options, ...(i === 0 ? { inputShape: net.inputShape } : {}) }));
  });
  return model;
}

/** Numbers that look random and are the same every time. */
export function numbers(count: number, seed: number): number[] {
  const tf = loadTensorFlow();
  return tf.tidy(() => Array.from(tf.randomNormal([count], 0, 1, "float32", seed).dataSync()));
}

export const values = (tensors: Tensor[]): number[][] => tensors.map((t) => Array.from(t.dataSync()));

/** Python that builds the same model in Keras with the given weights, compiles it and defines x and y. */
const KERAS = `
import re, os
import numpy as np, keras, tensorflow as tf
def snake(name): return re.sub(r"([a-z])([A-Z])", lambda m: m.group(1) + "_" + m.group(2).lower(), name)
def build(net):
    model = keras.Sequential([keras.Input(net["inputShape"])])
    for name, options in net["layers"]:
        kind = {"conv1d": "Conv1D", "conv2d": "Conv2D", "maxPooling1d": "MaxPooling1D", "maxPooling2d": "MaxPooling2D",
            "lstm": "LSTM", "gru": "GRU",
            "globalAveragePooling1d": "GlobalAveragePooling1D", "globalAveragePooling2d": "GlobalAveragePooling2D"}
        options = {snake(k): ("he_normal" if v == "heNormal" else v) for k, v in options.items()}
        model.add(getattr(keras.layers, kind.get(name, name[0].upper() + name[1:]))(**options))
    return model
flat = lambda ws: [np.asarray(w).ravel().tolist() for w in ws]
losses = {"meanSquaredError": "mse", "categoricalCrossentropy": "categorical_crossentropy",
    "sparseCategoricalCrossentropy": "sparse_categorical_crossentropy", "binaryCrossentropy": "binary_crossentropy"}
def step(net, weights, batch, steps):
    model = build(net)
    model.set_weights([np.array(w, "f").reshape(v.shape) for w, v in zip(weights, model.weights)])
    x, y = (np.array(batch[k], "f").reshape(batch[k + "Shape"]) for k in "xy")
    loss = losses[net["loss"]]
    with tf.GradientTape() as tape:
        value = tf.reduce_mean(keras.losses.get(loss)(y, model(x, training=True)))
    gradients = tape.gradient(value, model.trainable_variables)
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss=loss)
    after = [float(model.train_on_batch(x, y)) for _ in range(steps)]
    return {"loss": float(value), "gradients": flat(gradients), "losses": after, "weights": flat(model.get_weights())}
print(json.dumps([step(**task) for task in input]))
`;

/** A model with weights and a batch, and how many steps to take with Adam. */
export interface Task {
  net: Net;
  weights: number[][];
  batch: Batch;
  steps: number;
}

/** What Keras gives for a task: loss and gradients, then the losses and weights of steps with Adam. */
export interface Step {
  loss: number;
  gradients: number[][];
  losses: number[];
  weights: number[][];
}

/** Lets Keras do all tasks, in one process. */
export const kerasSteps = (tasks: Task[]): Step[] => python(KERAS, tasks);
