import assert from "node:assert/strict";
import { test } from "node:test";
import { mixChannels, resample } from "../../dist/signal/resample.js";
import { python } from "../support/python.js";

const RATES: [number, number][] = [
  [44100, 16000],
  [48000, 16000],
  [16000, 44100],
  [44100, 48000],
  [22050, 16000],
  [8000, 16000],
  [11025, 8000],
  [48000, 8000],
  [44100, 8001],
  [96000, 11025],
];

function sine(frequency: number, rate: number, samples: number): Float32Array {
  return Float32Array.from({ length: samples }, (_, i) => Math.sin((2 * Math.PI * frequency * i) / rate));
}

const decibels = (power: number): number => 10 * Math.log10(power);

/** Mean power of the middle of a signal, away from where it begins and ends. */
function middlePower(x: Float32Array): number {
  const edge = Math.floor(x.length / 4);
  let sum = 0;
  for (let i = edge; i < x.length - edge; i++) sum += x[i]! ** 2;
  return sum / (x.length - 2 * edge);
}

test("the pass band is flat within 0.1 dB, what would alias lies below -90 dB", () => {
  for (const [from, to] of RATES) {
    const half = Math.min(from, to) / 2;
    for (const share of [0.01, 0.2, 0.5, 0.8, 0.9]) {
      const gain = decibels(middlePower(resample(sine(share * half, from, from), from, to)) / 0.5);
      assert.ok(Math.abs(gain) < 0.1, `${from} to ${to}: ${gain} dB at ${share} of the band`);
    }
    if (from <= to) continue;
    for (const share of [1.0005, 1.01, 1.1, 1.3, 1.7, 2.1, 2.6]) {
      if (share * half >= from / 2) continue;
      const alias = decibels(middlePower(resample(sine(share * half, from, from), from, to)) / 0.5);
      assert.ok(alias < -90, `${from} to ${to}: alias ${alias} dB of ${share} of the band`);
    }
  }
});

test("raising the rate leaves no image above -90 dB (spectrum by scipy)", () => {
  for (const [from, to] of RATES.filter(([a, b]) => b > a)) {
    const out = resample(sine(from * 0.4, from, from), from, to);
    const worst: number = python(
      `
import numpy as np, scipy.signal as s
x = np.array(input["x"])[len(input["x"]) // 4: -len(input["x"]) // 4]
X = np.abs(np.fft.rfft(x * s.windows.kaiser(len(x), 20)))
f = np.fft.rfftfreq(len(x), 1 / input["to"])
print(20 * np.log10(X[f >= input["from"] / 2].max() / X.max()))`,
      { x: [...out], from, to },
    );
    assert.ok(worst < -90, `${from} to ${to}: image ${worst} dB`);
  }
});

test("agrees with soxr in length, in time and in value, within the band of both", () => {
  for (const [from, to] of RATES) {
    const half = Math.min(from, to) / 2;
    const partials = [0.03, 0.17, 0.41, 0.66, 0.85].map((share) => share * half);
    const samples = from + 17;
    const x = Float32Array.from({ length: samples }, (_, i) =>
      partials.reduce((sum, f, k) => sum + 0.15 * Math.sin((2 * Math.PI * f * i) / from + k), 0),
    );
    const expected: number[] = python(
      "import numpy as np, soxr\nprint(json.dumps(soxr.resample(np.array(input['x'], dtype=np.float64), input['from'], input['to'], quality='VHQ').tolist()))",
      { x: [...x], from, to },
    );
    const ours = resample(x, from, to);
    assert.ok(
      Math.abs(ours.length - expected.length) <= 1,
      `${from} to ${to}: ${ours.length}, soxr ${expected.length}`,
    );
    let worst = 0;
    const edge = Math.floor(ours.length / 8);
    for (let i = edge; i < ours.length - edge; i++) worst = Math.max(worst, Math.abs(ours[i]! - expected[i]!));
    assert.ok(worst < 2e-4, `${from} to ${to}: differs by ${worst}`);
  }
});

test("a sound that comes later comes out the same to the last bit, wherever it falls in a block", () => {
  for (const [from, to] of [...RATES, [8000, 44101] as const]) {
    const divisor = gcd(from, to);
    const x = Float32Array.from({ length: 30_011 }, (_, i) => Math.sin(i * i * 1e-4) * 0.7);
    const expected = resample(x, from, to);
    for (const periods of [2, 6, 20]) {
      const later = (periods * from) / divisor;
      const delayed = new Float32Array(later + x.length);
      delayed.set(x, later);
      const out = resample(delayed, from, to).subarray((periods * to) / divisor);
      const same = Math.min(out.length, expected.length);
      assert.ok(same > 1000);
      assert.deepEqual(out.subarray(0, same), expected.subarray(0, same), `${from} to ${to}, ${later} later`);
    }
  }
});

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

test("a constant stays, the same rate is the same array, a bad rate is refused", () => {
  const ones = new Float32Array(4000).fill(1);
  const out = resample(ones, 48000, 44100);
  assert.equal(out.length, 3675);
  for (let i = 500; i < out.length - 500; i++) assert.ok(Math.abs(out[i]! - 1) < 1e-5);
  assert.equal(resample(ones, 8000, 8000), ones);
  assert.equal(resample(new Float32Array(0), 8000, 16000).length, 0);
  // As librosa and scipy.
  const few = [1, 2, 3, 10];
  const lengths = python(
    `import numpy as np, scipy.signal
print(json.dumps([len(scipy.signal.resample_poly(np.ones(n), 160, 441)) for n in input]))`,
    few,
  );
  few.forEach((n, i) => {
    const { length } = resample(ones.subarray(0, n), 44100, 16000);
    assert.ok(length >= 1 && Math.abs(length - lengths[i]) <= 1, `${n} to ${length}, scipy ${lengths[i]}`);
  });
  assert.equal(resample(ones.subarray(0, 1), 44100, 16000).length, lengths[0]);
  assert.throws(() => resample(ones, 8000.5, 16000), {
    code: "OPTION",
    message: /sampleRate: 8000\.5, expected a whole number/,
  });
  assert.throws(() => resample(ones, 8000, 0), { code: "OPTION" });
});

test("channels are averaged to one and copied from one", () => {
  assert.deepEqual(mixChannels(new Float32Array([1, 0, 0.5, 0.25]), 2, 1), new Float32Array([0.5, 0.375]));
  assert.deepEqual(mixChannels(new Float32Array([1, -1]), 1, 3), new Float32Array([1, 1, 1, -1, -1, -1]));
  assert.throws(() => mixChannels(new Float32Array(6), 6, 3), { code: "OPTION", message: /channels: 6 to 3/ });
});
