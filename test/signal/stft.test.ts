import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { logMel, melMatrix, melSpectrum } from "../../dist/signal/mel.js";
import { pooledSpectrum } from "../../dist/signal/pool-frames.js";
import { planStft, powerToDb, spectrum, stft } from "../../dist/signal/stft.js";
import { close } from "../support/close.js";
import { python } from "../support/python.js";

/** Two partials, a click and a fade: something in every bin, and silence at the end. */
const sampleRate = 16000;
const samples = Float32Array.from({ length: 8123 }, (_, i) =>
  i > 7000 ? 0 : 0.5 * Math.sin(0.07 * i) + 0.2 * Math.sin(0.9 * i + 1) * Math.exp(-i / 3000) + (i === 4000 ? 0.8 : 0),
);
const power = Array.from({ length: 50 }, (_, i) => 10 ** (i / 3 - 14));
const decibels = [
  { ref: 1, topDb: 80 },
  { ref: "max" as const, topDb: 40 },
  { ref: 0.01, topDb: Infinity },
];

const shapes = [
  { frameLength: 1024, frameStep: 256, fftLength: 1024 },
  { frameLength: 400, frameStep: 160, fftLength: 512 },
  { frameLength: 333, frameStep: 77, fftLength: 960 },
  { frameLength: 400, frameStep: 160, fftLength: 400 },
  { frameLength: 250, frameStep: 80, fftLength: 250 },
];

/** Everything librosa and scipy are asked, in one process: importing them takes seconds. */
const peers = python(
  `import librosa, numpy as np
from scipy.signal import get_window
y = np.array(input["y"], np.float32)
flat = lambda a: a.T.ravel().tolist()
def shape(s):
    cut = {"n_fft": s["fftLength"], "hop_length": s["frameStep"], "win_length": s["frameLength"]}
    power = np.abs(librosa.stft(y, **cut)) ** 2
    mel = librosa.feature.melspectrogram(y=y, sr=16000, n_mels=80, **cut)
    return {"size": power.T.shape, "power": flat(power), "mel": flat(mel), "db": flat(librosa.power_to_db(mel)),
        "dbMax": flat(librosa.power_to_db(mel, ref=np.max))}
def bands(htk):
    return librosa.filters.mel(sr=16000, n_fft=1024, n_mels=80, fmin=55, fmax=7600, htk=htk, norm=None if htk else "slaney").ravel().tolist()
def decibels(c):
    p = np.array(input["power"], np.float32)
    return librosa.power_to_db(p, ref=np.max if c["ref"] == "max" else c["ref"], top_db=c["topDb"]).tolist()
print(json.dumps({
    "shapes": [shape(s) for s in input["shapes"]],
    "windows": {w: get_window(w, 333).tolist() for w in ["hann", "hamming"]},
    "bands": {"slaney": bands(False), "htk": bands(True)},
    "decibels": [decibels(c) for c in input["decibels"]]}))`,
  {
    y: Array.from(samples),
    shapes,
    power,
    decibels: decibels.map((c) => ({ ...c, topDb: c.topDb === Infinity ? null : c.topDb })),
  },
);

test("centred power spectrogram equals librosa's", () => {
  shapes.forEach((shape, i) => {
    const ours = spectrum(samples, shape);
    const theirs = peers.shapes[i];
    assert.deepEqual([ours.frames, ours.bins], theirs.size);
    close(ours.data, theirs.power, 2e-6 * Math.max(...theirs.power), 2e-5);
  });
});

test("complex spectra, framing and end padding equal tf.signal's", () => {
  const even = shapes.filter((shape) => shape.frameLength % 2 === 0); // its periodic windows of odd length are symmetric
  const cases = even.flatMap((shape) => [
    { ...shape, center: false, padEnd: false },
    { ...shape, center: false, padEnd: true },
  ]);
  const theirs = python(
    `import tensorflow as tf
def one(s):
    z = tf.signal.stft(tf.constant(input["y"], tf.float32), s["frameLength"], s["frameStep"], s["fftLength"], pad_end=s["padEnd"]).numpy()
    return {"size": z.shape, "re": z.real.ravel().tolist(), "im": z.imag.ravel().tolist()}
print(json.dumps([one(s) for s in input["cases"]]))`,
    { cases, y: Array.from(samples) },
  );
  cases.forEach((options, i) => {
    const ours = stft(samples, options);
    assert.deepEqual([ours.frames, ours.bins], theirs[i].size);
    const part = (odd: number): Float32Array => ours.data.filter((_, at) => at % 2 === odd);
    close(part(0), theirs[i].re, 2e-4, 1e-4);
    close(part(1), theirs[i].im, 2e-4, 1e-4);
  });
});

test("windows equal scipy's periodic ones", () => {
  for (const window of ["hann", "hamming"] as const) {
    const plan = planStft(1000, { frameLength: 333, frameStep: 10, fftLength: 960, window });
    close(plan.window, peers.windows[window], 1e-7, 0);
  }
});

test("mel bands equal librosa's, Slaney's and HTK's", () => {
  for (const scale of ["slaney", "htk"] as const) {
    const options = { sampleRate, melBins: 80, lowerEdge: 55, upperEdge: 7600, scale };
    close(melMatrix(1024, options).data, peers.bands[scale], 1e-7, 1e-5);
  }
});

test("log-mel equals librosa's power_to_db of its melspectrogram", () => {
  shapes.forEach((shape, i) => {
    const theirs = peers.shapes[i];
    const options = { ...shape, sampleRate, melBins: 80 };
    close(melSpectrum(samples, options).data, theirs.mel, 1e-6 * Math.max(...theirs.mel), 1e-4);
    close(logMel(samples, options).data, theirs.db, 5e-3, 0);
    close(logMel(samples, { ...options, ref: "max" }).data, theirs.dbMax, 5e-3, 0);
  });
});

test("decibels equal librosa's for reference, amin and floor", () => {
  decibels.forEach((options, i) => {
    close(powerToDb(Float32Array.from(power), options), peers.decibels[i], 1e-4, 0);
  });
});

test("pooling keeps the largest or the mean of the frames that share a column", () => {
  const plan = planStft(samples.length, { frameLength: 256, frameStep: 64 });
  const all = spectrum(samples, { frameLength: 256, frameStep: 64 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.constantFrom("max", "mean"), (columns, pool) => {
      const pooled = pooledSpectrum(samples, plan, { columns, pool });
      const n = Math.min(columns, all.frames);
      assert.equal(pooled.frames, n);
      for (let c = 0; c < n; c++) {
        const from = Math.floor((c * all.frames) / n);
        const to = Math.floor(((c + 1) * all.frames) / n);
        for (let k = 0; k < all.bins; k += 17) {
          const column = Array.from({ length: to - from }, (_, i) => all.data[(from + i) * all.bins + k]!);
          const wanted = pool === "max" ? Math.max(...column) : column.reduce((a, b) => a + b, 0) / column.length;
          close([pooled.data[c * all.bins + k]!], [wanted], 1e-7, 1e-5);
        }
      }
    }),
    { numRuns: 20 },
  );
});

test("lengths that have no fast transform, and other bad options, are named", () => {
  const bad = (options: object, message: RegExp): void => {
    assert.throws(
      () => spectrum(samples, options),
      (error: Error & { code?: string }) => error.code === "OPTION" && message.test(error.message),
    );
  };
  bad({ fftLength: 1022 }, /fftLength: 1022, expected an even number.*for example 1024/);
  bad({ fftLength: 375 }, /fftLength: 375, expected an even number.*for example 384/);
  bad({ frameLength: 600, fftLength: 512 }, /frameLength: 600, expected at most fftLength, which is 512/);
  bad({ frameStep: 0 }, /frameStep: 0, expected a positive integer/);
  bad({ window: "kaiser" }, /window: "kaiser", expected "hann", "hamming" or "none"/);
  assert.throws(() => melMatrix(512, { sampleRate, upperEdge: 9000 }), /mel edges: 0 to 9000 Hz.*≤ 8000 Hz/);
});

test("mel bands without a bin are counted in a warning, as many as librosa's matrix has", async () => {
  const theirs = python(`
import warnings, librosa
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    few = librosa.filters.mel(sr=16000, n_fft=256, n_mels=128)
    enough = librosa.filters.mel(sr=16000, n_fft=512, n_mels=128)
print(json.dumps([int((few.max(1) == 0).sum()), int((enough.max(1) == 0).sum()), len(said), str(said[0].message)]))`);
  assert.deepEqual([...theirs.slice(1, 3), /Empty filters/.test(theirs[3])], [0, 1, true]);
  const warnings: Error[] = [];
  const note = (warning: Error): void => void warnings.push(warning);
  process.on("warning", note);
  for (let i = 0; i < 2; i++) melMatrix(256, { sampleRate: 16000, melBins: 128 });
  melMatrix(512, { sampleRate: 16000, melBins: 128 });
  await new Promise((resolve) => setImmediate(resolve));
  process.off("warning", note);
  assert.deepEqual(
    warnings.map(({ message }) => message),
    [
      `mel bands: ${theirs[0]} of 128 without a bin of the spectrum at fftLength 256, so they are always 0; pass fftLength: 512 or fewer melBins`,
    ],
  );
  assert.equal((warnings[0] as NodeJS.ErrnoException).code, "EMPTY_MEL_BANDS");
});
