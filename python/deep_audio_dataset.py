"""Reads the records of deep-audio-dataset into tf.data, as arrays equal to those that the library itself loads.

    from deep_audio_dataset import read
    for x, y in read("./data", "dataset", input_size=256).padded_batch(64):
        ...

Needs TensorFlow alone; records of FLAC also soundfile. The shards of one dataset are listed, in order, in its manifest `<name>.manifest.json`.
"""

import io
import json
import os

import tensorflow as tf

# How samples are stored, and what full scale is. FLAC is decoded to what pcm16 stores.
STORED = {"pcm16": (tf.int16, 32768.0), "flac": (tf.int16, 32768.0), "float32": (tf.float32, 1.0), "float16": (tf.float16, 1.0)}


def read(directory, name, input_size=None, split=None, side="train", replica=None):
    """The examples of a dataset, one at a time and in order, as pairs (x, y) of float32.

    split: file that `dataset.saveSplit` wrote; with it the examples of `side`, "train", "validate" or "test".
    replica: `(index, count)`: every `count`-th of them from `index` on, as many for each of `count` processes; where they
    don't come out even, the first ones come once more, as `load({ replica })` and PyTorch's DistributedSampler do.

    x: `[samples]`; with `input_size` `[frames, input_size]`, the last frame padded with zeros. Several channels are
    one more dimension, the last.
    y: pairs: the target, in the form of x (with `input_size` both are as long as the longer); classes `[classes]`;
    values `[values]`; frames `[frames, features]`, for which `input_size` is needed.
    """
    manifest, files = read_manifest(os.path.join(directory, name + ".manifest.json"))
    kind, channels, width = manifest["kind"], manifest["channels"], manifest.get("width", 0)
    dense = manifest["encoding"] == "float16"
    if kind == "frames":
        fixed = manifest.get("inputSize")
        input_size = input_size or fixed
        if not input_size:
            raise ValueError("input_size: missing, expected the samples that a row of labels covers")
        if fixed and manifest["timeUnit"] != "samples" and input_size != fixed:
            raise ValueError(f"input_size: {input_size}, expected {fixed}, the frames that the labels were counted in")
    if manifest["encoding"] not in STORED:
        raise ValueError(f"encoding: {manifest['encoding']}, expected one of {', '.join(STORED)}")
    if manifest["encoding"] == "flac":
        _soundfile()
    spec = _spec(kind, dense)
    ids, count = _chosen(manifest, split, side)

    def parse(record):
        example = tf.io.parse_single_example(record, spec)
        x = _samples(example["a_in"], manifest)
        if kind == "pairs":
            y = _samples(example["a_out"], manifest)
            frames = _frames(tf.maximum(tf.shape(x)[0], tf.shape(y)[0]), input_size)
            return _cut(x, frames, input_size, channels), _cut(y, frames, input_size, channels)
        frames = _frames(tf.shape(x)[0], input_size)
        if kind == "values":
            y = tf.ensure_shape(example["b_val"], [width])
        elif kind == "classes":
            y = tf.scatter_nd(example["b_ind"][:, tf.newaxis], example["b_val"], tf.constant([width], tf.int64))
        elif dense:
            y = tf.reshape(example["b_val"], [-1, width])
        else:
            unit = 1 if manifest["timeUnit"] == "frames" else input_size
            y = _rows(example, frames, width, unit)
        return _cut(x, frames, input_size, channels), y

    records = tf.data.TFRecordDataset([os.path.join(directory, file) for file in files])
    if ids is not None:
        records = records.filter(lambda record: ids.lookup(_id(record)) > 0)
    if replica is not None:
        records = _share(records, count, *replica)
    return records.map(parse, num_parallel_calls=tf.data.AUTOTUNE)


def read_manifest(path):
    """What a manifest says beside its shards, and the names of the shards' files, in order.

    It is json as a whole, with a line for each shard, so that one larger than memory is read as well; earlier versions wrote one line.
    """
    files = []
    with open(path, "rb") as file:
        first = file.readline()
        if not first.endswith(b":[\n"):
            manifest = json.loads(first + file.read())
            return manifest, [shard["file"] for shard in manifest["shards"]]
        shards = first == b'{"shards":[\n'
        for line in file:
            if line.startswith(b"],") and line.endswith(b":[\n"):
                shards = line == b'],"shards":[\n'
            elif line.startswith(b"],"):
                return json.loads(b"{" + line[2:]), files
            elif shards:
                files.append(json.loads(line.rstrip(b", \n"))["file"])
    raise ValueError(f"manifest: no head, expected one in its last line ({path})")


def _chosen(manifest, split, side):
    """A table of the ids of a split's side, or none, and the number of examples."""
    if split is None:
        return None, manifest["examples"]
    if manifest["encoding"] == "float16":
        raise ValueError("encoding: float16, expected another for a split: its records hold no ids")
    with open(split, encoding="utf-8") as file:
        saved = json.load(file)
    if saved.get("format") != 1 or side not in ("train", "validate", "test"):
        raise ValueError(f"side: {side}, format: {saved.get('format')}, expected train, validate or test, and format 1 ({split})")
    total = sum(len(saved[one]) for one in ("train", "validate", "test"))
    if total != manifest["examples"]:
        raise ValueError(f"split: {total} examples, expected {manifest['examples']}; it was made for another dataset ({split})")
    keys = tf.constant(saved[side], tf.int64)
    table = tf.lookup.KeyValueTensorInitializer(keys, tf.ones_like(keys))
    return tf.lookup.StaticHashTable(table, 0), len(saved[side])


def _id(record):
    return tf.io.parse_single_example(record, {"id": tf.io.FixedLenFeature([], tf.int64)})["id"]


def _share(records, examples, index, count):
    if not 0 <= index < count:
        raise ValueError(f"replica: index {index} of count {count}, expected an index from 0 to below the count")
    return records.repeat().shard(count, index).take(-(-examples // count) if examples else 0)


def ray_schema():
    """The `tf_schema` for Ray, which without one takes a list of one value for a number, unlike longer lists:

        ray.data.read_tfrecords(paths, tf_schema=ray_schema())

    Needs tensorflow-metadata. Samples are bytes, stored as the manifest's `encoding` says.
    """
    from tensorflow_metadata.proto.v0 import schema_pb2

    keys = {
        schema_pb2.BYTES: ("a_in", "a_out", "group", "name"),
        schema_pb2.INT: ("b_ind", "b_off", "b_on", "id", "sample_rate"),
        schema_pb2.FLOAT: ("b_val",),
    }
    return schema_pb2.Schema(feature=[{"name": key, "type": kind} for kind, names in keys.items() for key in names])


def _spec(kind, dense):
    spec = {"a_in": tf.io.FixedLenFeature([], tf.string)}
    if kind == "pairs":
        spec["a_out"] = tf.io.FixedLenFeature([], tf.string)
    else:
        spec["b_val"] = tf.io.RaggedFeature(tf.float32)
    if kind == "classes":
        spec["b_ind"] = tf.io.RaggedFeature(tf.int64)
    if kind == "frames" and not dense:
        for key in ("b_on", "b_off", "b_ind"):
            spec[key] = tf.io.RaggedFeature(tf.int64)
    return spec


def _samples(data, manifest):
    """Stored bytes as `[samples, channels]`."""
    stored, full = STORED[manifest["encoding"]]
    flac = manifest["encoding"] == "flac"
    raw = tf.numpy_function(_decode_flac, [data], stored) if flac else tf.io.decode_raw(data, stored)
    return tf.reshape(tf.cast(raw, tf.float32) / full, [-1, manifest["channels"]])


def _soundfile():
    try:
        import soundfile
    except ImportError as error:
        raise ImportError("soundfile: not found, expected it for records of FLAC; pip install soundfile") from error
    return soundfile


def _decode_flac(data):
    return _soundfile().read(io.BytesIO(data), dtype="int16")[0]


def _frames(samples, input_size):
    return -(-samples // input_size) if input_size else samples


def _cut(samples, frames, input_size, channels):
    """Samples in frames, padded to `frames` of them; unchanged without `input_size`."""
    one = [] if channels == 1 else [channels]
    if not input_size:
        return tf.reshape(samples, [-1, *one])
    missing = frames * input_size - tf.shape(samples)[0]
    return tf.reshape(tf.pad(samples, [[0, missing], [0, 0]]), [-1, input_size, *one])


def _rows(example, frames, width, unit):
    """Events, which have a value from `b_on` to `b_off`, as rows of labels; the later of two events counts."""
    frames = tf.cast(frames, tf.int64)
    start = _nearest(example["b_on"], unit)
    end = tf.minimum(tf.maximum(_nearest(example["b_off"], unit), start + 1), frames)
    lengths = tf.maximum(end - start, 0)
    event = tf.repeat(tf.range(tf.size(lengths)), lengths)
    place = tf.range(tf.size(event, tf.int64)) - tf.gather(tf.cumsum(lengths, exclusive=True), event)
    cells = tf.stack([tf.gather(start, event) + place, tf.gather(example["b_ind"], event)], 1)
    last = tf.tensor_scatter_nd_max(tf.zeros(tf.stack([frames, tf.constant(width, tf.int64)]), tf.int32), cells, event + 1)
    # Number 0 is no event.
    return tf.ensure_shape(tf.gather(tf.concat([[0.0], example["b_val"]], 0), last), [None, width])


def _nearest(times, unit):
    return tf.cast(tf.floor(tf.cast(times, tf.float64) / unit + 0.5), tf.int64)
