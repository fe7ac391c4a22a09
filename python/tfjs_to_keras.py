"""Reads a model saved by TensorFlow.js (model.json and weights) into Keras.

    python tfjs_to_keras.py models/pitch/best pitch.keras
    python tfjs_to_keras.py models/pitch/best pitch.onnx    # needs tensorflow and tf2onnx too

or, in Python, `from tfjs_to_keras import load_model; model = load_model("models/pitch/best")`.
Keras then gives the predictions that tfjs gives. Needs keras and numpy.
"""

import json
import os
import sys

import keras
import numpy as np

# Says how to begin or to train, not what to compute.
IGNORED = {"batch_input_shape", "implementation", "activity_regularizer", "cell"}
RENAMED = {"alpha": "negative_slope"}
MODELS = {"Sequential", "Model", "Functional"}
# Of every layer.
BASE = {"name", "trainable", "dtype", "batch_input_shape"}


@keras.saving.register_keras_serializable(package="tfjs")
def hard_sigmoid(x):
    """tfjs's, which was Keras 2's; Keras 3 has another of the same name."""
    return keras.ops.clip(0.2 * x + 0.5, 0, 1)


@keras.saving.register_keras_serializable(package="tfjs")
def gelu_new(x):
    """The approximation by a hyperbolic tangent."""
    return keras.activations.gelu(x, approximate=True)


ACTIVATIONS = {"hard_sigmoid": hard_sigmoid, "gelu_new": gelu_new}


@keras.saving.register_keras_serializable(package="deep_audio_dataset")
class MelSpectrogram(keras.layers.Layer):
    """The library's `melSpectrogram`: `[batch, samples]` or `[batch, frames, input size]` to `[batch, frames, bands]`.

    `options` are those in its saved config. To load a .keras file with such a layer, import this module first.
    """

    def __init__(self, options, **kwargs):
        super().__init__(**kwargs)
        self.options = options

    def get_config(self):
        return {**super().get_config(), "options": self.options}

    def call(self, x):
        from deep_audio_pipeline import stft_plan, window_of, mel_bank

        o = self.options
        ops = keras.ops
        frame_length, frame_step, fft_length, offset = stft_plan(o)
        bins = fft_length // 2 + 1
        angles = 2 * np.pi * np.outer(np.arange(frame_length), np.arange(bins)) / fft_length
        waves = window_of(o, frame_length)[:, None] * np.concatenate([np.cos(angles), np.sin(angles)], 1)
        static = x.shape[1:]
        samples = int(np.prod(static)) if None not in static else ops.size(x) // ops.shape(x)[0]
        if o.get("center", True):
            frames = 1 + samples // frame_step
        elif o.get("padEnd"):
            frames = -(-samples // frame_step)
        else:
            frames = 1 + (samples - frame_length) // frame_step
        padded = ops.pad(ops.reshape(x, (-1, samples, 1)), [[0, 0], [-offset, frame_length + frame_step], [0, 0]])
        spectrum = ops.square(ops.conv(padded, waves[:, None].astype("float32"), frame_step, "valid")[:, :frames])
        power = spectrum[..., :bins] + spectrum[..., bins:]
        mel = ops.matmul(power, mel_bank(fft_length, o, o["sampleRate"]).T.astype("float32"))
        if not o.get("log", True):
            return mel
        amin, top, ref = o.get("amin", 1e-10), float(o.get("topDb", 80)), o.get("ref", 1)
        db = lambda x: ops.log(ops.maximum(x, amin)) * (10 / np.log(10))
        largest = db(ops.max(mel, (1, 2), keepdims=True))
        zero = largest if ref == "max" else 10 * np.log10(max(amin, ref))
        return ops.maximum(db(mel) - zero, largest - zero - top)


def _mel_spectrogram(config):
    camel = lambda key: key.split("_")[0] + "".join(part.title() for part in key.split("_")[1:])
    options = {camel(key): value for key, value in config.items() if key not in BASE}
    return MelSpectrogram(options, name=config["name"])


def load_model(folder):
    """Builds the Keras model of the tfjs model in `folder`, with its weights."""
    with open(os.path.join(folder, "model.json"), encoding="utf-8") as file:
        saved = json.load(file)
    topology = saved["modelTopology"]
    topology = topology.get("model_config", topology)
    layers = {}
    model = _model(topology, layers)
    weights = _weights(folder, saved["weightsManifest"])
    for config, layer in layers.values():
        _set_weights(config, layer, weights)
    if weights:
        raise ValueError(f"weights: {', '.join(weights)}, expected to belong to a layer")
    return model


def _weights(folder, manifest):
    arrays = {}
    for group in manifest:
        data = b"".join(open(os.path.join(folder, path), "rb").read() for path in group["paths"])
        at = 0
        for spec in group["weights"]:
            if "quantization" in spec:
                raise ValueError(f"weight {spec['name']}: quantized, expected plain numbers")
            dtype = np.dtype({"float32": "<f4", "int32": "<i4"}[spec["dtype"]])
            count = int(np.prod(spec["shape"]))
            values = np.frombuffer(data, dtype, count, at).reshape(spec["shape"])
            at += count * dtype.itemsize
            if spec.get("group") != "optimizer":
                arrays[spec["name"]] = values
    return arrays


def _model(topology, layers):
    config = topology["config"]
    if topology["class_name"] == "Sequential":
        entries = config if isinstance(config, list) else config["layers"]
        x = inputs = keras.Input(_input_shape(entries[0])[1:])
        for entry in entries:
            if entry["class_name"] != "InputLayer":
                x = _apply(_layer(entry, layers), entry, [x])
        return keras.Model(inputs, x)
    outputs = {}
    for entry in config["layers"]:
        name = entry["name"]
        if entry["class_name"] == "InputLayer":
            outputs[name, 0] = keras.Input(entry["config"]["batch_input_shape"][1:], name=name)
            continue
        layer = _layer(entry, layers)
        # A model's first node is its own.
        for node, inbound in enumerate(entry["inbound_nodes"], int(entry["class_name"] in MODELS)):
            given = [outputs[source, at] for source, at, *_ in inbound]
            outputs[name, node] = _apply(layer, entry, given)
    of = lambda key: [outputs[name, node] for name, node, *_ in config[key]]
    ends = of("output_layers")
    starts = of("input_layers")
    return keras.Model(starts[0] if len(starts) == 1 else starts, ends[0] if len(ends) == 1 else ends)


def _input_shape(entry):
    """Of a layer, or of the first one of a model."""
    config = entry["config"]
    if entry["class_name"] in MODELS:
        return _input_shape((config if isinstance(config, list) else config["layers"])[0])
    return config["batch_input_shape"]


def _apply(layer, entry, given):
    if entry["class_name"] == "MultiHeadAttention":
        query, value = given[0], given[1 % len(given)]
        key = given[2] if len(given) > 2 else value
        return layer(query, value, key, use_causal_mask=entry["config"].get("causal", False))
    return layer(given[0] if len(given) == 1 else given)


def _layer(entry, layers):
    if entry["class_name"] in MODELS:
        return _model(entry, layers)
    layer = _make(entry)
    layers[entry["config"]["name"]] = (entry, layer)
    return layer


def _make(entry):
    kind, config = entry["class_name"], entry["config"]
    if kind == "MelSpectrogram":
        return _mel_spectrogram(config)
    if kind == "SpecAugment":
        # It is for training alone.
        return keras.layers.Identity(name=config["name"])
    if kind == "MultiHeadAttention":
        return _attention(config)
    cls = getattr(keras.layers, kind, None)
    if cls is None:
        raise ValueError(f"layer {config['name']}: {kind}, expected a layer that Keras has")
    options = {}
    for key, value in config.items():
        if key in IGNORED or key.endswith(("_initializer", "_regularizer", "_constraint")) or value is None:
            continue
        if key == "layer":
            value = _make(value)
        if isinstance(value, str):
            value = ACTIVATIONS.get(value, value)
        options[RENAMED.get(key, key) if kind == "LeakyReLU" else key] = value
    if kind.startswith("SpatialDropout"):
        # Keras's own takes none of the others.
        options = {key: options[key] for key in ("rate", "name") if key in options}
    return cls(**options)


def _attention(config):
    names = {"num_heads", "key_dim", "value_dim", "dropout", "use_bias", "name"}
    shape = {"output_shape": config["output_dim"]} if config.get("output_dim") else {}
    return keras.layers.MultiHeadAttention(**{key: value for key, value in config.items() if key in names}, **shape)


def _set_weights(entry, layer, weights):
    taken = [key for key in weights if key.startswith(entry["config"]["name"] + "/")]
    # Dropout and the like keep a random state of their own in Keras.
    if not taken and entry["class_name"].endswith("Dropout"):
        return
    shapes = [tuple(w.shape) for w in layer.get_weights()]
    found = [weights[key].shape for key in taken]
    if shapes != found:
        raise ValueError(f"layer {layer.name}: weights {found}, expected {shapes}")
    layer.set_weights([weights.pop(key) for key in taken])


def save_onnx(model, path):
    """Writes a Keras model as ONNX, by tf2onnx; the size of the batch stays open."""
    import tensorflow as tf
    import tf2onnx

    given = [tf.TensorSpec([None, *x.shape[1:]], x.dtype, name=f"input{k}") for k, x in enumerate(model.inputs)]
    tf2onnx.convert.from_function(tf.function(lambda *x: model(list(x) if len(x) > 1 else x[0])), given, output_path=path)


if __name__ == "__main__":
    if len(sys.argv) != 3 or not sys.argv[2].endswith((".keras", ".onnx")):
        sys.exit("usage: python tfjs_to_keras.py FOLDER_OF_MODEL_JSON FILE.keras|FILE.onnx")
    loaded = load_model(sys.argv[1])
    if sys.argv[2].endswith(".onnx"):
        save_onnx(loaded, sys.argv[2])
    else:
        loaded.save(sys.argv[2])
    print(f"{sys.argv[2]}: saved")
