import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import fc from "fast-check";
import { DatasetError } from "../../dist/core/error.js";
import { decodeWav } from "../../dist/format/wav.js";
import {
  planRecipe,
  type Recipe,
  type RecipeOptions,
  recipeRows,
  removeWavs,
  renderRow,
  writeWavs,
} from "../../dist/generate/write-wavs.js";
import { readIndex } from "../../dist/sources/index-csv.js";
import { CHORDS, type Chord } from "../../dist/signal/oscillator.js";
import { missing } from "../support/programs.js";
import { python } from "../support/python.js";

const base = mkdtempSync(join(tmpdir(), "generate-"));
after(() => rmSync(base, { recursive: true, force: true }));
const quiet = { onProgress: false } as const;

function folder(name: string): string {
  const path = join(base, name);
  mkdirSync(path);
  return path;
}

/** Path and SHA-256 of every file below a folder. */
function contents(directory: string): Record<string, string> {
  const files = readdirSync(directory, { recursive: true, encoding: "utf8" }).filter((f) =>
    statSync(join(directory, f)).isFile(),
  );
  return Object.fromEntries(
    files.sort().map((f) => [
      f,
      createHash("sha256")
        .update(readFileSync(join(directory, f)))
        .digest("hex"),
    ]),
  );
}

describe("recipe", () => {
  const original = join(__dirname, "..", "fixtures", "original");

  test("the file names and the order of the Python original", () => {
    for (const [set, recipe] of [
      ["pairs", planRecipe(100, 400, 2, { chords: ["pure", "maj", "min7"], sampleRate: 4000 })],
      ["exact16k", planRecipe(200, 800, 2, { waves: ["sin"] })],
    ] as const) {
      const lines = recipeRows(recipe).map((row) => `${row.input},${row.target}`);
      assert.deepEqual(
        lines.sort(),
        readFileSync(join(original, set, "dataset"), "utf8")
          .trim()
          .split("\n")
          .sort(),
        set,
      );
    }
  });

  test("frequencies fall geometrically from the upper to the lower end, as numpy's geomspace", () => {
    const expected: number[] = python("import numpy as np\nprint(json.dumps(np.geomspace(1000, 100, 1000).tolist()))");
    const rows = recipeRows(planRecipe(100, 1000, 1000, { waves: ["saw"], dilation: 1.5 }));
    assert.equal(rows.length, 1000);
    for (const [i, row] of rows.entries()) {
      assert.ok(Math.abs(row.frequency / expected[i]! - 1) < 1e-12);
      assert.equal(row.targetFrequency, row.frequency * 1.5);
      assert.deepEqual([row.id, row.line], [i, i + 1]);
    }
    assert.equal(rows[0]!.frequency, 1000);
    assert.equal(rows[999]!.frequency, 100);
  });

  test("one step is the upper frequency; a range of rows is that part of all", () => {
    assert.deepEqual(
      recipeRows(planRecipe(100, 300, 1, { waves: ["sin"] })).map((r) => r.input),
      ["sin_pure_300_00.wav"],
    );
    assert.equal(recipeRows(planRecipe(300, 300, 1)).length, 4);
    const recipe = planRecipe(100, 300, 5, { chords: ["pure", "maj7", "maj7th"] });
    assert.deepEqual(recipeRows(recipe, 13, 31), recipeRows(recipe).slice(13, 31));
  });

  test("maj7 is the chord, maj7th the interval", () => {
    assert.deepEqual(CHORDS.maj7, [1, 5 / 4, 3 / 2, 15 / 8]);
    assert.deepEqual(CHORDS.maj7th, [1, 15 / 8]);
  });

  test("no two files have one name, however close the frequencies and whatever the dilation", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.5, max: 200, noNaN: true }),
        fc.double({ min: 1e-3, max: 30, noNaN: true }),
        fc.integer({ min: 2, max: 400 }),
        fc.double({ min: 0.01, max: 4, noNaN: true }),
        (lower, width, steps, dilation) => {
          const rows = recipeRows(planRecipe(lower, lower + width, steps, { dilation, chords: ["pure", "oct"] }));
          assert.equal(new Set(rows.map((r) => r.input)).size, rows.length);
          assert.equal(new Set(rows.map((r) => r.target)).size, rows.length);
        },
      ),
    );
    const rows = recipeRows(planRecipe(100, 100.01, 4, { waves: ["sin"] }));
    assert.deepEqual(
      rows.map((r) => r.input),
      ["sin_pure_100_010.wav", "sin_pure_100_007.wav", "sin_pure_100_003.wav", "sin_pure_100_000.wav"],
    );
  });

  const plan = (
    options: RecipeOptions | Record<string, unknown>,
    lower = 100,
    upper = 1000,
    steps = 10,
  ): (() => Recipe) => {
    return () => planRecipe(lower, upper, steps, options as RecipeOptions);
  };
  const bad: [string, () => Recipe, string][] = [
    ["inputLower 0", plan({}, 0), "inputLower: 0, expected a number above 0"],
    ["inputUpper NaN", plan({}, 100, Number.NaN), "inputUpper: NaN, expected a number above 0"],
    ["ends swapped", plan({}, 1000, 100), "inputLower: 1000, expected at most inputUpper, 100"],
    ["equal ends", plan({}, 100, 100), "steps: 10, expected 1 where inputLower and inputUpper are the same, 100"],
    ["half a step", plan({}, 100, 1000, 2.5), "steps: 2.5, expected a whole number of at least 1"],
    ["no step", plan({}, 100, 1000, 0), "steps: 0, expected a whole number of at least 1"],
    ["no wave", plan({ waves: [] }), "waves: [], expected a list of sin, square, saw, triangle"],
    ["a wave of sox", plan({ waves: ["sine"] }), 'waves: "sine", expected only sin, square, saw, triangle'],
    [
      "a chord twice",
      plan({ chords: ["maj7", "maj7"] }),
      'chords: "maj7" twice, expected each once, since equal pairs would leak between the splits',
    ],
    ["duration 0", plan({ duration: 0 }), "duration: 0, expected a number above 0"],
    ["duration of no sample", plan({ duration: 1e-5 }), "duration: 0.00001, expected at least one sample, 0.0000625 s"],
    ["sampleRate as text", plan({ sampleRate: "16000" }), "sampleRate: 16000, expected a whole number of at least 1"],
    ["volume 2", plan({ volume: 2 }), "volume: 2, expected at most 1, full scale; more would clip"],
    [
      "antialias, volume 1",
      plan({ antialias: true, volume: 1 }),
      "volume: 1, expected at most 0.785 for antialiased square and saw waves, whose peaks are up to 4/π as high; more would clip",
    ],
    ["antialias 1", plan({ antialias: 1 }), "antialias: 1, expected true or false"],
    ["seed 1.5", plan({ seed: 1.5 }), "seed: 1.5, expected a whole number or a text"],
    ["a name of the original", plan({ vol: 0.5 }), "option vol: unknown, expected volume, its name here"],
    [
      "a tone above half the sample rate",
      plan({ chords: ["pure", "maj7"] }, 100, 3000),
      "highest tone: 11250.0 Hz, expected below 8000 Hz, half of sampleRate (out/sin_maj7_6000_00.wav); lower inputUpper below 2133.33 or lower dilation, or raise sampleRate, or pass antialias: true to leave such tones out",
    ],
    [
      "antialias with nothing left",
      plan({ antialias: true, dilation: 0.5 }, 100, 9000),
      "highest tone: 9000.00 Hz, expected below 8000 Hz, half of sampleRate (in/sin_pure_9000_00.wav); lower inputUpper below 8000.00, or raise sampleRate",
    ],
  ];
  for (const [name, make, message] of bad) {
    test(`refused: ${name}`, () => assert.throws(make, { name: "DatasetError", code: "OPTION", message }));
  }
  test("antialias leaves out the higher tones of a chord rather than refuse it", () => {
    assert.equal(plan({ chords: ["maj7"], antialias: true }, 100, 3000)().antialias, true);
  });
});

describe("writeWavs", () => {
  test("the wavs are sox's, within its dither, for every wave and chord", { skip: missing("sox") }, async () => {
    const directory = folder("sox");
    const recipe = planRecipe(150, 990, 2, { chords: Object.keys(CHORDS) as Chord[], duration: 0.3 });
    await writeWavs(directory, "set", recipe, quiet);
    const index = await readIndex(directory, "set", "pairs");
    const rows = recipeRows(recipe);
    assert.deepEqual(
      index.rows,
      rows.map(({ id, line, input, target }) => ({ id, line, input, target })),
    );
    for (const row of rows) {
      for (const [file, hz] of [
        [`in/${row.input}`, row.frequency],
        [`out/${row.target}`, row.targetFrequency],
      ] as const) {
        const bytes = readFileSync(join(directory, file));
        const wave = row.wave === "saw" ? "sawtooth" : row.wave;
        const tones = CHORDS[row.chord].flatMap((ratio) => [wave, String(ratio * hz)]);
        const args = [
          "-n",
          "-b",
          "16",
          "-t",
          "wav",
          "-",
          "rate",
          "16000",
          "synth",
          "0.3",
          ...tones,
          "vol",
          "0.1",
          "remix",
          "-",
        ];
        const peer = execFileSync("sox", args, { stdio: ["ignore", "pipe", "ignore"] });
        assert.equal(bytes.length, peer.length, file);
        const [ours, theirs] = [decodeWav(bytes, file), decodeWav(peer, "sox")];
        assert.equal(ours.sampleRate, 16000);
        for (let i = 0; i < ours.samples.length; i++) {
          const off = Math.abs(ours.samples[i]! - theirs.samples[i]!);
          if (off > 2) assert.fail(`${file}: sample ${i} is ${ours.samples[i]}, sox's ${theirs.samples[i]}`);
        }
      }
    }
  });

  test("the same bytes for 1 and 3 workers, and as renderRow gives them, dithered too", async () => {
    const recipe = planRecipe(100, 500, 30, { chords: ["pure", "dim"], duration: 2.5, dither: true, seed: "set A" });
    const one = folder("one");
    const three = folder("three");
    await writeWavs(one, "set", recipe, { ...quiet, workers: 1 });
    await writeWavs(three, "set", recipe, { ...quiet, workers: 3 });
    assert.deepEqual(contents(three), contents(one));
    assert.equal(Object.keys(contents(one)).length, 2 * 240 + 2);
    const row = recipeRows(recipe)[77]!;
    const { input, target } = renderRow(recipe, row);
    assert.deepEqual(decodeWav(readFileSync(join(one, "in", row.input)), "in").samples, input);
    assert.deepEqual(decodeWav(readFileSync(join(one, "out", row.target)), "out").samples, target);
    const other = renderRow({ ...recipe, seed: "set B" }, row);
    assert.notDeepEqual(other.input, input);
    // Triangular noise of the width of two steps, rounded, changes a sample by one step at most.
    const plain = renderRow({ ...recipe, dither: false }, row);
    assert.ok(plain.input.every((value, i) => Math.abs(value - input[i]!) <= 1));
  });

  test("resumes after an interrupt, and fixes a file that was cut short", async () => {
    const recipe = planRecipe(100, 500, 100, { duration: 2 });
    const whole = folder("whole");
    await writeWavs(whole, "set", recipe, quiet);

    const broken = folder("broken");
    const abort = new AbortController();
    const onProgress = ({ done }: { done: number }): void => {
      if (done > 0) abort.abort();
    };
    await assert.rejects(
      writeWavs(broken, "set", recipe, { signal: abort.signal, onProgress, workers: 2 }),
      (error) => {
        assert.ok(error instanceof DatasetError);
        assert.equal(error.code, "ABORTED");
        assert.match(error.message, /^wavs: aborted after \d+ of 400 pairs; run the same call again to resume$/);
        return true;
      },
    );
    assert.deepEqual(readdirSync(broken), [".set.wavs"], "nothing appears before all is there");
    const made = readdirSync(join(broken, ".set.wavs", "in"));
    assert.ok(made.length > 0 && made.length < 400, `${made.length} made`);
    const [kept, cut] = recipeRows(recipe).filter((row) =>
      [join("in", row.input), join("out", row.target)].every((f) => existsSync(join(broken, ".set.wavs", f))),
    );
    const before = statSync(join(broken, ".set.wavs", "in", kept!.input)).mtimeMs;
    truncateSync(join(broken, ".set.wavs", "in", cut!.input), 1000);
    await writeWavs(broken, "set", recipe, quiet);
    assert.deepEqual(contents(broken), contents(whole));
    assert.equal(statSync(join(broken, "in", kept!.input)).mtimeMs, before, "what was whole is kept");
  });

  test("what another recipe left half made is not taken over", async () => {
    const directory = folder("changed");
    const loud = planRecipe(100, 500, 100, { duration: 2, volume: 0.5 });
    const abort = new AbortController();
    const onProgress = (): void => abort.abort();
    await assert.rejects(writeWavs(directory, "set", loud, { signal: abort.signal, onProgress, workers: 1 }), {
      code: "ABORTED",
    });
    const soft = { ...loud, volume: 0.05 };
    await writeWavs(directory, "set", soft, quiet);
    const whole = folder("soft");
    await writeWavs(whole, "set", soft, quiet);
    assert.deepEqual(contents(directory), contents(whole));
  });

  test("an interrupt between the moves is fixed", async () => {
    const recipe = planRecipe(100, 200, 3, { duration: 0.1 });
    const directory = folder("moved");
    await writeWavs(directory, "set", recipe, quiet);
    const all = contents(directory);
    // As if the power had failed after the first folder had moved.
    mkdirSync(join(directory, ".set.wavs"));
    execFileSync("mv", ["out", ".set.wavs/out"], { cwd: directory });
    for (const file of ["set", "set.recipe.json"]) rmSync(join(directory, file));
    writeFileSync(join(directory, ".set.wavs", "finished"), `${JSON.stringify(recipe, null, 1)}\n`);
    await writeWavs(directory, "set", recipe, quiet);
    assert.deepEqual(contents(directory), all);
  });

  test("does nothing where all is there, and refuses to touch what isn't its own", async () => {
    const directory = folder("own");
    const recipe = planRecipe(100, 200, 3, { duration: 0.1 });
    await writeWavs(directory, "set", recipe, quiet);
    const file = join(directory, "in", "sin_pure_100_00.wav");
    const before = statSync(file).mtimeMs;
    await writeWavs(directory, "set", recipe, quiet);
    assert.equal(statSync(file).mtimeMs, before);

    const all = contents(directory);
    const louder = { ...recipe, volume: 0.5 };
    await assert.rejects(writeWavs(directory, "set", louder, quiet), {
      code: "FILE",
      message: `set: exists and isn't from this recipe, expected nothing there (${directory}); choose another directory or name, remove it, or pass overwrite: true`,
    });
    await assert.rejects(writeWavs(directory, "other", louder, quiet), {
      code: "FILE",
      message: /^in\/sin_pure_200_00.wav: exists and isn't from this recipe/,
    });
    await assert.rejects(writeWavs(directory, "../set", recipe, quiet), { code: "OPTION" });
    assert.deepEqual(contents(directory), all);

    await writeWavs(directory, "set", louder, { ...quiet, overwrite: true });
    assert.notEqual(contents(directory)["in/sin_pure_100_00.wav"], all["in/sin_pure_100_00.wav"]);
  });

  test("two sets share a folder, and removeWavs takes away one of them alone", async () => {
    const directory = folder("two");
    const first = planRecipe(100, 200, 3, { duration: 0.1 });
    const second = planRecipe(300, 400, 3, { duration: 0.1 });
    await writeWavs(directory, "set", first, quiet);
    const all = contents(directory);
    await writeWavs(directory, "set2", second, quiet);
    await removeWavs(directory, "set2", second);
    assert.deepEqual(contents(directory), all);
    await removeWavs(directory, "set", first);
    assert.deepEqual(readdirSync(directory), []);
  });

  test("makes the folder of the dataset, and leaves the main thread free meanwhile", async () => {
    const directory = join(base, "new", "deep");
    let ticks = 0;
    const timer = setInterval(() => {
      ticks++;
    }, 1);
    await writeWavs(directory, "set", planRecipe(100, 1000, 100), quiet);
    clearInterval(timer);
    assert.ok(existsSync(join(directory, "in")));
    assert.ok(ticks > 10, `${ticks} ticks of a timer`);
  });
});
