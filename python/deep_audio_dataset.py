"""Reads the records of deep-audio-dataset in Python, as arrays equal to those that the library itself loads.

    from deep_audio_dataset import read
    for x, y in read("./data", "dataset", input_size=256).padded_batch(64):    # tf.data
        ...
    from deep_audio_dataset import Examples, ray_dataset
    x, y = Examples("./data", "dataset", window=16000)[0]                      # numpy arrays
    rows = ray_dataset("./data", "dataset", window=16000)                      # ray.data

Needs numpy; records of FLAC also soundfile, `read` TensorFlow, `ray_dataset` Ray. The shards of one dataset are listed, in order, in its
manifest `<name>.manifest.json`. A shard has to be as long as the manifest says; its checksums are compared by `dataset.verify()`.

All three take the same options:

split: file that `dataset.saveSplit` wrote; with it the examples of `side`, "train", "validate" or "test".
replica: `(index, count)`: every `count`-th of them from `index` on, as many for each of `count` processes; where they
don't come out even, the first ones come once more, as `load({ replica })` and PyTorch's DistributedSampler do.
window: cuts every example into pieces of so many samples, from one start to the next `step` samples (by default as many; infinity
takes the first piece alone), with `pad_end` one more where samples are left, as `load({ window })` does. Shorter ones are padded with zeros.

x: `[samples]`; with `input_size` `[frames, input_size]`, the last frame padded with zeros. Several channels are
one more dimension, the last.
y: pairs: the target, in the form of x (with `input_size` or `window` both are as long); classes `[classes]`;
values `[values]`; frames `[frames, features]`, for which `input_size` is needed. Both are float32.
"""

import io
import json
import math
import mmap
import os
import struct
import sys

import numpy as np

# How samples are stored, and what full scale is. FLAC is decoded to what pcm16 stores.
STORED = {"pcm16": ("<i2", 32768), "flac": ("<i2", 32768), "float32": ("<f4", 1), "float16": ("<f2", 1)}

MOST_OPEN = 64


def read(directory, name, **options):
    """The examples of a dataset as a `tf.data.Dataset` of pairs (x, y), in order."""
    import tensorflow as tf

    examples = Examples(directory, name, **options)
    signature = tuple(tf.TensorSpec(shape, tf.float32) for shape in examples.form.shapes())
    rows = tf.data.Dataset.from_generator(lambda: iter(examples), output_signature=signature)
    return rows.apply(tf.data.experimental.assert_cardinality(len(examples)))


def ray_dataset(directory, name, blocks=64, **options):
    """The examples of a dataset as a `ray.data.Dataset` of rows `number`, `x` and `y`, read in `blocks` tasks (fewer for few examples).

    Workers need numpy, and see the folder under the same path; they don't need this module.
    """
    import pyarrow
    import ray.data

    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    examples = Examples(directory, name, **options)
    form = examples.form
    columns = {"number": np.arange(len(examples)), **dict(zip(("shard", "at", "bytes", "start"), examples.items.T))}
    table = pyarrow.table(columns)
    share = max(1, -(-len(examples) // blocks))
    tables = [table.slice(at, share) for at in range(0, max(1, len(examples)), share)]

    def load(row):
        x, y = form.load(row["shard"], row["at"], row["bytes"], row["start"])
        return {"number": row["number"], "x": x, "y": y}

    return ray.data.from_arrow(tables).map(load)


class Examples:
    """The examples of a dataset, or their pieces, as a sequence of pairs (x, y) of numpy arrays. Opening it looks through every shard."""

    def __init__(
        self, directory, name, input_size=None, split=None, side="train", replica=None, window=None, step=None, pad_end=False
    ):
        manifest, shards = read_manifest(os.path.join(directory, name + ".manifest.json"))
        chosen = _chosen(manifest, split, side)
        self.form = Form(directory, manifest, [shard["file"] for shard in shards], input_size, window)
        items = []
        for shard, facts in enumerate(shards):
            for at, length in self.form.records(shard, facts["bytes"]):
                record = self.form.record(shard, at, length)
                if chosen is None or int(_ints(record["id"])[0]) in chosen:
                    items += [(shard, at, length, start) for start in _starts(self.form.samples(record), window, step, pad_end)]
        items = np.array(items, np.int64).reshape(-1, 4)
        self.items = items if replica is None else _share(items, *replica)

    def __len__(self):
        return len(self.items)

    def __getitem__(self, number):
        return self.form.load(*self.items[number])

    def __iter__(self):
        return (self[number] for number in range(len(self)))


class Form:
    """How the records of a dataset become arrays. It goes to other processes without its open files."""

    def __init__(self, directory, manifest, files, input_size, window):
        self.paths = [os.path.abspath(os.path.join(directory, file)) for file in files]
        self.kind, self.encoding, self.channels = manifest["kind"], manifest["encoding"], manifest["channels"]
        self.width = manifest.get("width", 0)
        if self.encoding not in STORED:
            raise ValueError(f"encoding: {self.encoding}, expected one of {', '.join(STORED)}")
        if self.encoding == "flac":
            _soundfile()
        if self.kind == "frames":
            fixed = manifest.get("inputSize")
            input_size = input_size or fixed
            if not input_size:
                raise ValueError("input_size: missing, expected the samples that a row of labels covers")
            self.in_samples = manifest["timeUnit"] == "samples"
            if fixed and not self.in_samples and input_size != fixed:
                raise ValueError(f"input_size: {input_size}, expected {fixed}, the frames that the labels were counted in")
        self.input_size, self.window = input_size, window
        self.files = {}

    def __getstate__(self):
        return {**self.__dict__, "files": {}}

    def shapes(self):
        """Shapes of x and y; None for what differs from example to example."""
        unit = self.input_size or 1
        frames = None if self.window is None else -(-self.window // unit)
        x = [frames, *([self.input_size] if self.input_size else []), *([self.channels] if self.channels > 1 else [])]
        return x, x if self.kind == "pairs" else [frames, self.width] if self.kind == "frames" else [self.width]

    def file(self, shard):
        if shard not in self.files:
            if len(self.files) >= MOST_OPEN:
                del self.files[next(iter(self.files))]
            with open(self.paths[shard], "rb") as file:
                self.files[shard] = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return self.files[shard]

    def records(self, shard, size):
        """Places and lengths of a shard's records: a length, its checksum, the record, its checksum."""
        file = self.file(shard)
        at = 0
        while at + 12 <= len(file):
            (length,) = struct.unpack_from("<Q", file, at)
            yield at + 12, length
            at += length + 16
        if not at == len(file) == size:
            raise ValueError(f"{self.paths[shard]}: {len(file)} bytes, expected {size} in whole records; repair it with dataset.repair()")

    def record(self, shard, at, length):
        """The features of a record by name: `Example { Features { map<string, Feature> } }`, each a list in one field."""
        whole = memoryview(self.file(shard))[at : at + length]
        features = {}
        for _, entry in _fields(dict(_fields(whole))[1]):
            parts = dict(_fields(entry))
            features[bytes(parts[1]).decode()] = next((values for _, values in _fields(parts[2])), b"")
        return features

    def samples(self, record):
        """Samples per channel: of the longer side."""
        sides = ("a_in", "a_out") if self.kind == "pairs" else ("a_in",)
        return max(self.length(_list(record[side])) for side in sides)

    def length(self, data):
        if self.encoding == "flac":
            return _soundfile().info(io.BytesIO(data)).frames
        return len(data) // (np.dtype(STORED[self.encoding][0]).itemsize * self.channels)

    def load(self, shard, at, length, start):
        record = self.record(shard, at, length)
        data = _list(record["a_in"])
        x = self.sound(data, start)
        if self.kind == "pairs":
            y = self.sound(_list(record["a_out"]), start)
            frames = max(self.frames(x), self.frames(y))
            return self.framed(x, frames), self.framed(y, frames)
        frames = self.frames(x)
        return self.framed(x, frames), self.labels(record, frames, self.length(data), start)

    def sound(self, data, start):
        """Samples from `start` on, `[samples, channels]`."""
        form, full = STORED[self.encoding]
        most = -1 if self.window is None else self.window
        if self.encoding == "flac":
            raw = _soundfile().read(io.BytesIO(data), start=min(start, self.length(data)), frames=most, dtype="int16", always_2d=True)[0]
        else:
            raw = np.frombuffer(data, form).reshape(-1, self.channels)[start:]
        return raw[: None if most < 0 else most].astype(np.float32) / np.float32(full)

    def frames(self, samples):
        count = len(samples) if self.window is None else self.window
        return -(-count // (self.input_size or 1))

    def framed(self, samples, frames):
        """Padded to `frames`; unchanged where there are neither frames nor windows."""
        if self.input_size or self.window is not None:
            samples = np.pad(samples, [[0, frames * (self.input_size or 1) - len(samples)], [0, 0]])
        return samples.reshape([-1, *self.shapes()[0][1:]])

    def labels(self, record, frames, samples, start):
        if self.kind == "values":
            return _floats(record["b_val"])
        if self.kind == "classes":
            y = np.zeros(self.width, np.float32)
            y[_ints(record["b_ind"])] = _floats(record["b_val"])
            return y
        y = np.zeros((frames, self.width), np.float32)
        # Behind the end of a sound shorter than its window there is no label.
        own = y[: -(-min(samples, self.window or samples) // self.input_size)]
        if "b_on" not in record:
            rows = _floats(record["b_val"]).reshape(-1, self.width)[_nearest(start / self.input_size) :][: len(own)]
            own[: len(rows)] = rows
            return y
        unit, shift = (self.input_size, start) if self.in_samples else (1, start / self.input_size)
        events = [_ints(record[key]) for key in ("b_on", "b_off", "b_ind")]
        for on, off, feature, value in zip(*events, _floats(record["b_val"])):
            first = _nearest((on - shift) / unit)
            end = max(_nearest((off - shift) / unit), first + 1)
            own[max(0, first) : max(0, end), feature] = value
        return y


def read_manifest(path):
    """What a manifest says beside its shards, and its shards, in order.

    It is json as a whole, with a line for each shard, so that one larger than memory is read as well; earlier versions wrote one line.
    """
    shards = []
    with open(path, "rb") as file:
        first = file.readline()
        if not first.endswith(b":[\n"):
            manifest = json.loads(first + file.read())
            return manifest, manifest["shards"]
        listed = first == b'{"shards":[\n'
        for line in file:
            if line.startswith(b"],") and line.endswith(b":[\n"):
                listed = line == b'],"shards":[\n'
            elif line.startswith(b"],"):
                return json.loads(b"{" + line[2:]), shards
            elif listed:
                shards.append(json.loads(line.rstrip(b", \n")))
    raise ValueError(f"manifest: no head, expected one in its last line ({path})")


def _chosen(manifest, split, side):
    """The ids of a split's side; none where all examples are chosen."""
    if split is None:
        return None
    if manifest["encoding"] == "float16":
        raise ValueError("encoding: float16, expected another for a split: its records hold no ids")
    with open(split, encoding="utf-8") as file:
        saved = json.load(file)
    if saved.get("format") != 1 or side not in ("train", "validate", "test"):
        raise ValueError(f"side: {side}, format: {saved.get('format')}, expected train, validate or test, and format 1 ({split})")
    total = sum(len(saved[one]) for one in ("train", "validate", "test"))
    if total != manifest["examples"]:
        raise ValueError(f"split: {total} examples, expected {manifest['examples']}; it was made for another dataset ({split})")
    return set(saved[side])


def _starts(samples, window, step, pad_end):
    """The first samples of an example's pieces."""
    if window is None:
        return [0]
    step = window if step is None else step
    if not (window > 0 and step > 0 and window % 1 == 0 and (step % 1 == 0 or step == math.inf)):
        raise ValueError(f"window: length {window} and step {step}, expected whole numbers of samples above 0")
    whole = math.ceil if pad_end else math.floor
    pieces = max(1, whole((samples - window) / step) + 1)
    return [0] + [k * step for k in range(1, pieces)]


def _share(items, index, count):
    if not 0 <= index < count:
        raise ValueError(f"replica: index {index} of count {count}, expected an index from 0 to below the count")
    mine = index + count * np.arange(-(-len(items) // count))
    return items[mine % max(1, len(items))]


def _fields(data):
    """The numbers and contents of a protobuf message's fields, all of which have a length."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        length, at = _varint(data, at)
        if key & 7 != 2 or at + length > len(data):
            raise ValueError(f"record: field {key >> 3} of type {key & 7}, {length} bytes, expected one with a length within the record")
        yield key >> 3, data[at : at + length]
        at += length


def _varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at += 1
        shift += 7
        if byte < 128:
            return value, at


def _list(values):
    """What a list of one kind holds: packed numbers, or the bytes of its one value."""
    return next((content for _, content in _fields(values)), b"")


def _floats(values):
    return np.frombuffer(_list(values), "<f4").astype(np.float32)


def _ints(values):
    """Packed varints of seven bits a byte, the lowest first."""
    data = np.frombuffer(_list(values), np.uint8)
    ends = np.flatnonzero(data < 128)
    if len(ends) == 0:
        return np.zeros(0, np.int64)
    starts = np.concatenate([[0], ends[:-1] + 1])
    place = np.arange(len(data)) - np.repeat(starts, ends - starts + 1)
    parts = (data & 127).astype(np.uint64) << (7 * place).astype(np.uint64)
    return np.add.reduceat(parts, starts).astype(np.int64)


def _nearest(number):
    return math.floor(number + 0.5)


def _soundfile():
    try:
        import soundfile
    except ImportError as error:
        raise ImportError("soundfile: not found, expected it for records of FLAC; pip install soundfile") from error
    return soundfile


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
