import assert from "node:assert/strict";
import { test } from "node:test";
import { python } from "../support/python.js";
import { createPool } from "../../dist/system/pool.js";
import { logMel, melSpectrum } from "../../dist/signal/mel.js";
import { spectrum, stft } from "../../dist/signal/stft.js";
import { computeFeatures, spectra } from "../../dist/features/spectra.js";

const sampleRate = 16000;
const sounds = [300_000, 5, 0, 16_000, 1_000].map((n, s) =>
  Float32Array.from({ length: n }, (_, i) => Math.sin(i * (0.01 + s * 0.03)) * Math.cos(i * i * 1e-6)),
);

test("spectra computed on several threads are those computed here, bit for bit", async () => {
  const pool = createPool(3);
  try {
    for (const shape of [
      { frameLength: 400, frameStep: 160, fftLength: 512 },
      { frameLength: 256, frameStep: 64, center: false },
    ]) {
      const mel = { ...shape, sampleRate, melBins: 40 };
      const cases = [
        { ours: await spectra(sounds, { ...shape, kind: "stft" }, { pool }), one: sounds.map((s) => stft(s, shape)) },
        {
          ours: await spectra(sounds, { ...shape, kind: "power" }, { pool }),
          one: sounds.map((s) => spectrum(s, shape)),
        },
        {
          ours: await spectra(sounds, { ...shape, kind: "magnitude" }, { pool }),
          one: sounds.map((s) => spectrum(s, { ...shape, power: 1 })),
        },
        { ours: await spectra(sounds, { ...mel, kind: "mel" }, { pool }), one: sounds.map((s) => melSpectrum(s, mel)) },
        {
          ours: await spectra(sounds, { ...mel, kind: "logMel", topDb: Infinity }, { pool }),
          one: sounds.map((s) => logMel(s, { ...mel, topDb: Infinity })),
        },
      ];
      for (const { ours, one } of cases) {
        sounds.forEach((_, i) => {
          assert.deepEqual([ours[i]!.frames, ours[i]!.bins], [one[i]!.frames, one[i]!.bins]);
          assert.equal(Buffer.compare(Buffer.from(ours[i]!.data.slice().buffer), Buffer.from(one[i]!.data.buffer)), 0);
        });
      }
    }
  } finally {
    await pool.destroy();
  }
});

test("reference and floor are each sound's own, whatever the number of workers", async () => {
  const options = { sampleRate, melBins: 40, ref: "max" as const, topDb: 60 };
  for (const workers of [1, 2]) {
    const ours = await spectra(sounds.slice(3), { ...options, kind: "logMel" }, { workers });
    ours.forEach((result, i) => {
      const one = logMel(sounds[3 + i]!, options);
      assert.ok(result.data.every((value, at) => Math.abs(value - one.data[at]!) < 1e-4));
      assert.equal(Math.max(...result.data), 0);
      assert.ok(Math.min(...result.data) >= -60 - 1e-4);
    });
  }
});

test("mel without a sample rate, and options no transform takes, are refused by name", async () => {
  await assert.rejects(spectra(sounds, { kind: "logMel" }), { code: "OPTION", message: /sampleRate: undefined/ });
  await assert.rejects(spectra(sounds, { kind: "power", fftLength: 1022 }), {
    code: "OPTION",
    message: /fftLength: 1022/,
  });
});

test("features of a new sound are librosa's", async () => {
  const samples = sounds[3]!;
  const mel = { sampleRate, frameLength: 512, frameStep: 128, fftLength: 512, melBins: 64 } as const;
  const expected: { mel: number[]; magnitude: number[] } = python(
    `
import numpy as np, librosa
x = np.array(input, dtype=np.float32)
m = librosa.feature.melspectrogram(y=x, sr=16000, n_fft=512, hop_length=128, n_mels=64, htk=False)
s = np.abs(librosa.stft(x, n_fft=512, hop_length=128))
print(json.dumps({"mel": librosa.power_to_db(m).T.ravel().tolist(), "magnitude": s.T.ravel().tolist()}))`,
    [...samples],
  );
  for (const [kind, tolerance] of [
    ["logMel", 2e-3],
    ["magnitude", 1e-4],
  ] as const) {
    const { data, frames, bins } = await computeFeatures(samples, { kind, ...mel });
    assert.deepEqual([frames, bins], [126, kind === "logMel" ? 64 : 257]);
    const right = kind === "logMel" ? expected.mel : expected.magnitude;
    const worst = data.reduce((most, value, i) => Math.max(most, Math.abs(value - right[i]!)), 0);
    assert.ok(worst <= tolerance, `${kind}: ${worst}, expected at most ${tolerance}`);
  }
  await assert.rejects(computeFeatures(samples, { kind: "cepstrum" as never, sampleRate }), { code: "OPTION" });
});
