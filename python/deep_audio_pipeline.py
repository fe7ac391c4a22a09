"""Runs a pipeline that deep-audio-dataset saved, on samples at the pipeline's own rate and channels.

    from deep_audio_pipeline import load
    pipeline = load("models/notes")
    scores = pipeline.predict(samples)  # float32 of full scale -1 to 1, [samples] or [samples, channels]

kind classes and values: `[labels]`, the mean over the sound's pieces; frames: `[frames, labels]`; pairs: sound like the input.
Needs numpy and keras; features are librosa's, made with numpy.
"""

import json
import os

import numpy as np

from tfjs_to_keras import load_model

KNOWN = {"stft", "power", "magnitude", "mel", "logMel"}


def load(folder):
    """The pipeline in `folder`: `pipeline.json`, `model.json` and weights, as `pipeline.save` writes them."""
    with open(os.path.join(folder, "pipeline.json"), encoding="utf-8") as file:
        description = json.load(file)
    if description.get("format") != 1:
        raise ValueError(f"format: {description.get('format')}, expected 1 ({folder}/pipeline.json)")
    if "output" in description:
        raise ValueError(f"output: {description['output']}, expected a model of one output ({folder}/pipeline.json)")
    return Pipeline(load_model(folder), description)


class Pipeline:
    """A Keras model with what lies between samples and it."""

    def __init__(self, model, description):
        self.model = model
        self.description = description

    def predict(self, samples, batch_size=32):
        """What the model says of a sound, see above."""
        d = self.description
        channels = d.get("channels", 1)
        x = np.asarray(samples, np.float32).reshape(-1, channels)
        if not len(x) or not np.isfinite(x).all():
            raise ValueError("samples: none, or not all finite, expected at least one, and finite numbers")
        if d.get("encoding") in ("pcm16", "flac"):
            # Rounded as the records were: halves upwards.
            x = np.clip(np.floor(x * np.float32(32768) + np.float32(0.5)), -32768, 32767).astype(np.float32) / np.float32(32768)
        elif d.get("encoding") == "float16":
            x = x.astype(np.float16).astype(np.float32)
        pieces, size, length, step = self._cut(x)
        outputs = []
        for at in range(0, len(pieces), batch_size):
            batch = self._hear(pieces[at : at + batch_size], size)
            outputs.append(np.asarray(self.model.predict_on_batch(batch)))
            self._check(outputs[-1].shape[1:], size)
        return self._join(np.concatenate(outputs), len(x), length, step)

    def _cut(self, x):
        d = self.description
        frame = d.get("inputSize", 1)
        whole = lambda n: max(1, -(-n // frame)) * frame
        window = d.get("window")
        if window is None:
            length = step = whole(len(x))
            size = len(x) if d.get("input") == "samples" else length
            count = 1
        else:
            length = window["length"]
            size = length if d.get("input") == "samples" else whole(length)
            step = window.get("step", length)
            context = window.get("context", 0)
            if d["kind"] == "frames":
                step = max(frame, (length - 2 * context) // frame * frame)
                x = np.concatenate([np.zeros((context, x.shape[1]), np.float32), x])
            elif d["kind"] == "pairs":
                step = max(1, length // 2)
            covered = step + context if d["kind"] == "frames" else length
            count = max(1, -(-(len(x) - covered) // step) + 1)
        pieces = np.zeros((count, size, x.shape[1]), np.float32)
        for k in range(count):
            own = x[k * step : k * step + length]
            pieces[k, : len(own)] = own
        return pieces, size, length, step

    def _hear(self, pieces, size):
        d = self.description
        features, frame = d.get("features"), d.get("inputSize")
        if features:
            rows = size // frame if d["kind"] == "frames" else None
            each = [[compute_features(piece[:, c], features, d["sampleRate"])[:rows] for c in range(piece.shape[1])] for piece in pieces]
            x = np.stack([np.stack(channels, -1) for channels in each])
        elif d.get("input") == "samples":
            return pieces
        else:
            x = pieces.reshape(len(pieces), size // frame, frame, -1) if frame else pieces
        return x[..., 0] if d.get("channels", 1) == 1 else x

    def _check(self, piece, size):
        """Raises ValueError for a model's output that isn't the kind's."""
        d = self.description
        kind, rows = d["kind"], -(-size // d.get("inputSize", 1))
        if kind == "pairs" and np.prod(piece) != size * d.get("channels", 1):
            expected = f"{size * d.get('channels', 1)} values, its input's samples"
        elif kind == "frames" and np.prod(piece[:-1]) != rows:
            expected = f"[{rows}, labels], a row per {d['inputSize']} samples of its input"
        elif kind in ("classes", "values") and np.prod(piece[:-1]) != 1:
            expected = "one number per label"
        else:
            return
        raise ValueError(f"model output: {list(piece)} a piece, expected {expected}")

    def _join(self, y, samples, length, step):
        d = self.description
        if d["kind"] in ("classes", "values"):
            return y.mean(0)
        if d["kind"] == "frames":
            frame = d["inputSize"]
            first = d.get("window", {}).get("context", 0) // frame
            rows = [piece[first : first - (-min(step, samples - k * step) // frame)] for k, piece in enumerate(y)]
            return np.concatenate(rows)
        channels = d.get("channels", 1)
        out = np.zeros((samples, channels), np.float32)
        held = 0
        for k, piece in enumerate(y.reshape(len(y), -1, channels)):
            at = k * step
            own = piece[: min(length, samples - at)]
            # Each piece fades into the next.
            shared = min(max(0, held - at), length)
            share = np.ones(len(own), np.float32)
            share[:shared] = ((np.arange(shared) + 0.5) / max(1, shared))[: len(own)]
            out[at : at + len(own)] += (own - out[at : at + len(own)]) * share[:, None]
            held = max(held, at + len(own))
        return out[:, 0] if channels == 1 else out


def compute_features(x, options, sample_rate):
    """Features of one channel, `[frames, bins]`, or `[frames, bins, 2]` for "stft"; the options are those of `load({ features })`."""
    kind = options["kind"]
    if kind not in KNOWN:
        raise ValueError(f"features: {kind}, expected one of {', '.join(sorted(KNOWN))}")
    frame_length, frame_step, fft_length, offset = stft_plan(options)
    if options.get("center", True):
        frames = 1 + len(x) // frame_step
    elif options.get("padEnd"):
        frames = -(-len(x) // frame_step)
    else:
        frames = max(0, 1 + (len(x) - frame_length) // frame_step)
    padded = np.concatenate([np.zeros(-offset, x.dtype), x, np.zeros(frames * frame_step + fft_length, x.dtype)])
    n = np.arange(frame_length)
    window = window_of(options, frame_length)
    at = np.arange(frames)[:, None] * frame_step + n
    spectrum = np.fft.rfft(padded[at] * window, fft_length)
    if kind == "stft":
        return np.stack([spectrum.real, spectrum.imag], -1).astype(np.float32)
    power = np.abs(spectrum) ** 2
    if kind in ("power", "magnitude"):
        return (power if kind == "power" else np.sqrt(power)).astype(np.float32)
    mel = power @ mel_bank(fft_length, options, sample_rate).T
    if kind == "mel":
        return mel.astype(np.float32)
    amin, top, ref = options.get("amin", 1e-10), float(options.get("topDb", 80)), options.get("ref", 1)
    db = 10 * np.log10(np.maximum(amin, mel))
    largest = db.max() if db.size else 0
    zero = largest if ref == "max" else 10 * np.log10(max(amin, ref))
    return np.maximum(db - zero, largest - zero - top).astype(np.float32)


def stft_plan(options):
    """Samples of a frame, from one to the next and of the transform, and the first sample of the first frame."""
    frame_length = options.get("frameLength", min(1024, options.get("fftLength", 1024)))
    frame_step = options.get("frameStep", max(1, frame_length // 4))
    fft_length = options.get("fftLength", _fft_length(frame_length))
    offset = (fft_length - frame_length) // 2 - fft_length // 2 if options.get("center", True) else 0
    return frame_length, frame_step, fft_length, offset


def window_of(options, frame_length):
    """The weights of a frame's samples."""
    turns = 2 * np.pi * np.arange(frame_length) / frame_length
    return {
        "hann": 0.5 - 0.5 * np.cos(turns),
        "hamming": 0.54 - 0.46 * np.cos(turns),
        "none": np.ones(frame_length),
    }[options.get("window", "hann")]


def _fft_length(samples):
    length = max(32, -(-samples // 32) * 32)
    while True:
        rest = length
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return length
        length += 32


def mel_bank(fft_length, options, sample_rate):
    """What each bin adds to each band, `[bands, bins]`."""
    scale = options.get("scale", "slaney")
    bands = options.get("melBins", 80)
    lower, upper = options.get("lowerEdge", 0), options.get("upperEdge", sample_rate / 2)
    if scale == "htk":
        to_mel = lambda hz: 2595 * np.log10(1 + hz / 700)
        to_hz = lambda mel: 700 * (10 ** (mel / 2595) - 1)
    else:
        to_mel = lambda hz: 3 * hz / 200 if hz < 1000 else 15 + 27 * np.log(hz / 1000) / np.log(6.4)
        to_hz = lambda mel: np.where(mel < 15, 200 * mel / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))
    edges = to_hz(np.linspace(to_mel(lower), to_mel(upper), bands + 2))
    hz = np.arange(fft_length // 2 + 1) * sample_rate / fft_length
    left, middle, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    weights = np.maximum(0, np.minimum((hz - left) / (middle - left), (right - hz) / (right - middle)))
    return weights * (2 / (right - left)) if scale == "slaney" else weights
