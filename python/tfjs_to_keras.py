"""Reads a model saved by TensorFlow.js (model.json and weights) into Keras.

    python tfjs_to_keras.py models/pitch/best pitch.keras

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


@keras.saving.register_keras_serializable(package="tfjs")
def hard_sigmoid(x):
    """tfjs's, which was Keras 2's; Keras 3 has another of the same name."""
    return keras.ops.clip(0.2 * x + 0.5, 0, 1)


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
        first = entries[0]["config"]["batch_input_shape"]
        x = inputs = keras.Input(first[1:])
        for entry in entries:
            if entry["class_name"] != "InputLayer":
                x = _layer(entry, layers)(x)
        return keras.Model(inputs, x)
    outputs = {}
    for entry in config["layers"]:
        name = entry["name"]
        if entry["class_name"] == "InputLayer":
            outputs[name, 0] = keras.Input(entry["config"]["batch_input_shape"][1:], name=name)
            continue
        layer = _layer(entry, layers)
        for node, inbound in enumerate(entry["inbound_nodes"]):
            given = [outputs[source, at] for source, at, *_ in inbound]
            outputs[name, node] = layer(given[0] if len(given) == 1 else given)
    of = lambda key: [outputs[name, node] for name, node, *_ in config[key]]
    ends = of("output_layers")
    starts = of("input_layers")
    return keras.Model(starts[0] if len(starts) == 1 else starts, ends[0] if len(ends) == 1 else ends)


def _layer(entry, layers):
    config = entry["config"]
    layer = _make(entry)
    layers[config["name"]] = (entry, layer)
    return layer


def _make(entry):
    kind, config = entry["class_name"], entry["config"]
    if kind in ("Sequential", "Model", "Functional"):
        raise ValueError(f"layer {config['name']}: a model inside of a model, expected plain layers")
    cls = getattr(keras.layers, kind, None)
    if cls is None:
        raise ValueError(f"layer {config['name']}: {kind}, expected a layer that Keras has")
    options = {}
    for key, value in config.items():
        if key in IGNORED or key.endswith(("_initializer", "_regularizer", "_constraint")) or value is None:
            continue
        if key == "layer":
            value = _make(value)
        if value == "hard_sigmoid":
            value = hard_sigmoid
        options[RENAMED.get(key, key) if kind == "LeakyReLU" else key] = value
    return cls(**options)


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


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python tfjs_to_keras.py FOLDER_OF_MODEL_JSON FILE.keras")
    load_model(sys.argv[1]).save(sys.argv[2])
    print(f"{sys.argv[2]}: saved")
