import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, test } from "node:test";
import { CHORDS, type Chord, synthesize, type Tone, WAVES, type Wave } from "../../dist/signal/oscillator.js";
import { missing } from "../support/programs.js";
import { python } from "../support/python.js";

function make(tone: Partial<Tone>, samples: number): Int16Array {
  const out = new Int16Array(samples);
  synthesize({ wave: "sin", frequencies: [440], sampleRate: 16000, volume: 0.5, antialias: false, ...tone }, out);
  return out;
}

/** What sox makes of the same tones, with the command line of the Python original; `-D` switches its dither off. */
function sox(
  flags: string[],
  wave: Wave,
  frequencies: number[],
  sampleRate: number,
  seconds: number,
  volume: number,
): Int16Array {
  const tones = frequencies.flatMap((f) => [
    { sin: "sine", saw: "sawtooth", square: "square", triangle: "triangle" }[wave],
    String(f),
  ]);
  const output = ["-n", "-b", "16", "-t", "raw", "-", "rate", String(sampleRate)];
  const bytes = execFileSync(
    "sox",
    [...flags, ...output, "synth", String(seconds), ...tones, "vol", String(volume), "remix", "-"],
    { stdio: ["ignore", "pipe", "ignore"], maxBuffer: 1 << 28 },
  );
  return new Int16Array(Uint8Array.from(bytes).buffer);
}

function largestDifference(a: Int16Array, b: Int16Array): number {
  assert.equal(a.length, b.length);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}

describe("beside sox", { skip: missing("sox") }, () => {
  const settings: [number, number, number][] = [
    [16000, 1, 0.1],
    [44100, 0.37, 1],
    [8000, 1.2345, 0.5],
  ];
  for (const wave of WAVES) {
    for (const chord of Object.keys(CHORDS) as Chord[]) {
      test(`${wave} ${chord}: within 2 steps of int16, dithered or not`, () => {
        for (const [sampleRate, seconds, volume] of settings) {
          for (const f of [100, 117.2, 719.685673, 1000, 1333.3333333333333]) {
            const frequencies = CHORDS[chord].map((ratio) => ratio * f);
            const ours = make({ wave, frequencies, sampleRate, volume }, Math.round(seconds * sampleRate));
            const where = `${f} Hz, ${sampleRate} Hz, ${seconds} s, volume ${volume}`;
            const plain = largestDifference(ours, sox(["-D"], wave, frequencies, sampleRate, seconds, volume));
            assert.ok(plain <= 1, `without dither: off by ${plain} (${where})`);
            if (sampleRate !== 16000) continue;
            const dithered = largestDifference(ours, sox([], wave, frequencies, sampleRate, seconds, volume));
            assert.ok(dithered <= 2, `with dither: off by ${dithered} (${where})`);
          }
        }
      });
    }
  }
});

describe("against exact values", () => {
  test("a sine of 20 minutes is right to the last step, to its end", () => {
    const ours = make({ frequencies: [987.654321], sampleRate: 22050, volume: 1 }, 22050 * 1200);
    const from = ours.length - 5000;
    const expected: number[] = python(
      `
import numpy as np
n = np.arange(input, input + 5000)
x = np.sin(2 * np.pi * np.mod(987.654321 * n / 22050, 1)) * 32768
print(json.dumps(np.clip(np.floor(x + 0.5), -32768, 32767).astype(int).tolist()))`,
      from,
    );
    assert.ok(largestDifference(ours.subarray(from), Int16Array.from(expected)) <= 1);
    const equal = expected.filter((value, i) => value === ours[from + i]).length;
    assert.ok(equal >= 4990, `${equal} of 5000 equal`);
  });

  test("every sample of a second of each wave equals numpy's, wherever its jumps fall", () => {
    // Mixed; on samples exactly, or but for rounding; slow; above half the sample rate; of no period.
    const cases = [
      [441.3, 1102.7],
      [100],
      [440.5],
      [400 / 3],
      [102.4],
      [1333.3333333333333],
      [0.37],
      [15900.1],
      [466.1637615],
    ];
    const expected: Record<Wave, number[][]> = python(
      `
import numpy as np
def tone(wave, f):
    p = np.mod(f * np.arange(16001) / 16000, 1)
    return {"sin": np.sin(2 * np.pi * p), "square": np.where(p < 0.5, 1.0, -1.0), "saw": 2 * p - 1, "triangle": 1 - 4 * np.abs(p - 0.5)}[wave]
def mix(wave, tones):
    return np.floor(sum(tone(wave, f) for f in tones) / len(tones) * 0.9 * 32768 + 0.5).astype(int).tolist()
print(json.dumps({wave: [mix(wave, tones) for tones in input["cases"]] for wave in input["waves"]}))`,
      { cases, waves: WAVES },
    );
    for (const wave of WAVES) {
      for (const [i, frequencies] of cases.entries()) {
        const ours = make({ wave, frequencies, volume: 0.9 }, 16001);
        assert.deepEqual(Array.from(ours), expected[wave][i], `${wave} of ${frequencies} Hz`);
      }
    }
  });

  test("full volume clips to the range of int16 instead of wrapping", () => {
    const square = make({ wave: "square", volume: 1, frequencies: [100] }, 1000);
    assert.deepEqual([Math.min(...square), Math.max(...square)], [-32768, 32767]);
  });

  test("the noise is added before rounding", () => {
    const out = new Int16Array(4);
    const noise = [0.4, 0.6, -0.6, 0];
    synthesize(
      { wave: "sin", frequencies: [4000], sampleRate: 16000, volume: 1e-9, antialias: false },
      out,
      () => noise.shift()!,
    );
    assert.deepEqual(Array.from(out), [0, 1, -1, 0]);
  });
});

/** Share of a signal's energy that lies away from the harmonics of `frequency`, in dB; numpy's FFT, Kaiser window. */
const ALIAS = `
import numpy as np
def alias(x, f, rate):
    x = np.array(x, float)
    power = np.abs(np.fft.rfft(x * np.kaiser(len(x), 20))) ** 2
    hz = np.fft.rfftfreq(len(x), 1 / rate)
    near = np.minimum(np.mod(hz, f), f - np.mod(hz, f)) < 12 * rate / len(x)
    return float(10 * np.log10(power[~near].sum() / power.sum()))
print(json.dumps([alias(*case) for case in input]))`;

describe("antialias", () => {
  const cases = (["square", "saw", "triangle"] as const).flatMap((wave) => [1234.5, 3127.1].map((f) => ({ wave, f })));

  test("leaves 50 dB less alias energy than plain square and saw, 15 dB less than a plain triangle, and next to none", () => {
    const signals = cases.flatMap(({ wave, f }) =>
      [false, true].map((antialias) => [
        Array.from(make({ wave, frequencies: [f], sampleRate: 44100, volume: 0.7, antialias }, 65536)),
        f,
        44100,
      ]),
    );
    const energies: number[] = python(ALIAS, signals);
    for (const [i, { wave, f }] of cases.entries()) {
      const [plain, limited] = energies.slice(2 * i, 2 * i + 2) as [number, number];
      // Rounding to int16 alone leaves about -95 dB.
      assert.ok(limited < -85, `${wave} ${f} Hz: alias ${limited} dB`);
      assert.ok(
        limited < plain - (wave === "triangle" ? 15 : 50),
        `${wave} ${f} Hz: plain ${plain} dB, limited ${limited} dB`,
      );
    }
  });

  test("keeps the harmonics below half the sample rate as strong and in phase as the wave's series has them", () => {
    // A whole number of cycles: each harmonic is one bin of the FFT. Rounding is off by at most 3e-5.
    for (const { wave, first, second, odd } of [
      { wave: "square" as const, first: -2 / Math.PI, second: -2 / Math.PI / 3, odd: true },
      { wave: "saw" as const, first: 1 / Math.PI, second: 1 / Math.PI / 2, odd: false },
      { wave: "triangle" as const, first: -4 / Math.PI ** 2, second: -4 / Math.PI ** 2 / 9, odd: true },
    ]) {
      const signal = make({ wave, frequencies: [1000], sampleRate: 16000, volume: 0.5, antialias: true }, 16000);
      const bins: [number, number][] = python(
        `
import numpy as np
x = np.fft.rfft(np.array(input) / 16384) / len(input)
print(json.dumps([[float(v.real), float(v.imag)] for v in x[[1000, 2000, 3000, 7000, 8000]]]))`,
        Array.from(signal),
      );
      const part = wave === "triangle" ? 0 : 1;
      const close = (actual: number, expected: number, what: string): void =>
        assert.ok(Math.abs(actual - expected) < 5e-5, `${wave} ${what}: ${actual}, expected ${expected}`);
      close(bins[0]![part], first, "fundamental");
      close(bins[odd ? 2 : 1]![part], second, "next harmonic");
      close(bins[odd ? 1 : 3]![part], odd ? 0 : 1 / Math.PI / 7, odd ? "even harmonic" : "seventh harmonic");
      close(bins[4]![part], 0, "half the sample rate");
    }
  });

  test("leaves out tones above half the sample rate, and changes no sine below it", () => {
    const one = make({ frequencies: [3000], volume: 0.25, antialias: true }, 1000);
    assert.deepEqual(make({ frequencies: [3000, 9000], volume: 0.5, antialias: true }, 1000), one);
    assert.deepEqual(make({ frequencies: [3000], volume: 0.25 }, 1000), one);
  });
});
