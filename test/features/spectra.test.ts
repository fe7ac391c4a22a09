import assert from "node:assert/strict";
import { test } from "node:test";
import { createPool } from "../../dist/system/pool.js";
import { logMel, melSpectrum } from "../../dist/signal/mel.js";
import { spectrum, stft } from "../../dist/signal/stft.js";
import { spectra } from "../../dist/features/spectra.js";

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
