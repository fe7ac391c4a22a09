import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { AuditReport } from "../../dist/audit/report.js";
import { type CheckReport, makeReport } from "../../dist/check/report.js";
import { decodeWav, encodeWav } from "../../dist/format/wav.js";
import { chiSquare } from "../../dist/statistics/chi-square.js";
import { confusionBundle } from "../../dist/show/confusion.js";
import { exampleBundles } from "../../dist/show/example.js";
import { exploreBundle } from "../../dist/show/explore.js";
import { bestEpoch, history, historyFigure, smooth } from "../../dist/show/history.js";
import { leaksBundle } from "../../dist/show/leaks.js";
import { difference, pairBundles } from "../../dist/show/pair.js";
import { pianoRollBundle, toNotes } from "../../dist/show/piano-roll.js";
import { playerBundle } from "../../dist/show/player.js";
import { predictionsBundle } from "../../dist/show/predictions.js";
import { problemsBundle } from "../../dist/show/problems.js";
import { thumbnailHtml } from "../../dist/show/thumbnail.js";
import { toSound } from "../../dist/show/sound.js";
import { spectrogramBundle, spectrogramValues } from "../../dist/show/spectrogram.js";
import { splitsBundle } from "../../dist/show/splits.js";
import { tableBundle } from "../../dist/show/table.js";
import { levelOf, summaryBundle } from "../../dist/show/summary.js";
import { waveformBundle } from "../../dist/show/waveform.js";
import { worstBundle } from "../../dist/show/worst.js";
import { close } from "../support/close.js";
import { python, root } from "../support/python.js";
import { classScores } from "../../dist/statistics/class-scores.js";

const sampleRate = 16000;
const HOSTILE = `<img src=x onerror="alert('1')">&.wav`;

/** A sweep under a reproducible hiss: nothing in it compresses well. */
function noisy(seconds: number): Float32Array {
  let state = 1;
  return Float32Array.from({ length: Math.round(seconds * sampleRate) }, (_, i) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return 0.3 * Math.sin(i * (0.02 + i * 2e-7)) + 0.3 * (state / 2 ** 32 - 0.5);
  });
}

const short = noisy(1.5);
const shown = { input: short, target: short.map((v) => -v), sampleRate, name: HOSTILE };
const notes = [
  { onset: 0.1, offset: 0.5, row: 60 },
  { onset: 0.4, offset: 1.2, row: 64 },
];

const found = new AuditReport(
  (["identical", "nearDuplicate", "nearDuplicate"] as const).map((kind, i) => ({
    kind,
    score: 1 - i / 50,
    a: { split: "train", example: i, name: HOSTILE, side: "input" },
    b: { split: i ? "test" : "validate", example: 10 + i, name: HOSTILE, side: i ? "target" : "input" },
    message: `${HOSTILE} is a near-duplicate of ${HOSTILE}`,
  })),
  { train: 10, validate: 2, test: 2 },
);

/** A report of `count` files missing and one silent. */
const report = (count: number): CheckReport =>
  makeReport(
    { kind: "pairs", file: HOSTILE, rows: [] },
    [],
    [
      { kind: "silent", file: "in/b.wav", message: `samples: silent throughout, expected sound (${HOSTILE})` },
      ...Array.from({ length: count }, (_, i) => ({
        kind: "missing",
        file: `in/${i}.wav`,
        message: `${i}: not found (${HOSTILE})`,
      })),
    ],
  );

type Bundle = Record<string, unknown>;

/** Every display with a hostile name, at its default budget or at `maxBytes`. */
function everything(maxBytes?: number): Record<string, Bundle[]> {
  const budget = maxBytes === undefined ? {} : { maxBytes };
  const options = { sampleRate, title: HOSTILE, ...budget };
  const judged = [0.1, 0.7, 0.3].map((loss) => ({
    example: shown,
    loss,
    label: HOSTILE,
    predicted: HOSTILE,
    split: "train",
  }));
  return {
    waveform: [waveformBundle(noisy(20), options)],
    spectrogram: [spectrogramBundle(noisy(20), options)],
    player: [playerBundle(noisy(20), options)],
    pair: pairBundles(shown, budget),
    pianoRoll: [pianoRollBundle(notes, { ...options, prediction: notes.slice(1), names: Array(65).fill(HOSTILE) })],
    predictions: [predictionsBundle(noisy(20), { ...options, label: notes, prediction: notes, names: "pitch" })],
    classes: [
      predictionsBundle(short, {
        ...options,
        classes: { labels: [HOSTILE, "b"], truth: [1, 0], predicted: [0.2, 0.8] },
      }),
    ],
    example: exampleBundles(
      { input: short, sampleRate, name: HOSTILE, values: [0, 1], id: 7 },
      { ...budget, labels: ["a", HOSTILE] },
    ),
    problems: [problemsBundle(report(50), options)],
    splits: [
      splitsBundle(
        {
          splits: [
            { name: HOSTILE, examples: 3, classes: [1, 2] },
            { name: "test", examples: 2, classes: [1, 1] },
          ],
          labels: [HOSTILE, "b"],
        },
        { ...options, audit: { matrix: { [HOSTILE]: { "train/test": 2 } } } },
      ),
    ],
    summary: [
      summaryBundle(
        { name: HOSTILE, kind: "pairs", examples: 3, labels: [HOSTILE], state: HOSTILE, first: [shown, shown] },
        budget,
      ),
    ],
    explore: [exploreBundle(Array(150).fill(judged).flat(), options)],
    worst: [worstBundle(judged, 2, options)],
    table: [
      tableBundle(
        Array.from({ length: 3000 }, (_, i) => ({ [HOSTILE]: i, text: HOSTILE.repeat(9), more: { inside: HOSTILE } })),
        { title: HOSTILE, rows: 2000, ...budget },
      ),
    ],
    leaks: [
      leaksBundle(
        found,
        found.findings.map((finding) => ({ finding, a: shown, b: shown })),
        options,
      ),
    ],
    confusion: [
      confusionBundle(
        {
          matrix: [
            [3, 1],
            [0, 2],
          ],
          labels: [HOSTILE, "b"],
        },
        options,
      ),
    ],
  };
}

test("every display carries words and a picture, table or player that need no script, within its budget", () => {
  for (const maxBytes of [undefined, 120_000]) {
    for (const [name, bundles] of Object.entries(everything(maxBytes))) {
      const bytes = bundles.reduce((sum, bundle) => sum + Buffer.byteLength(JSON.stringify(bundle)), 0);
      assert.ok(bytes <= (maxBytes ?? 300_000), `${name}: ${bytes} bytes of ${maxBytes}`);
      for (const bundle of bundles) {
        assert.ok((bundle["text/plain"] as string).length > 20, `${name}: words`);
        const html = (bundle["text/html"] as string).replace(/<script>.*?<\/script>/gs, "");
        assert.match(html, /<img alt="[^"]{8,}|<table|<audio controls/, name);
      }
    }
  }
});

test("a hostile name shows as that name: no tag or attribute comes from it", () => {
  for (const [name, bundles] of Object.entries(everything())) {
    for (const bundle of bundles) {
      const html = bundle["text/html"] as string;
      const pictures = [...html.matchAll(/data:image\/svg\+xml;base64,([^"]*)/g)].map((m) =>
        Buffer.from(m[1]!, "base64").toString(),
      );
      for (const markup of [html, ...pictures]) {
        assert.doesNotMatch(markup, /<img src=x|onerror="/, name);
        assert.equal(/onerror/.test(markup), /onerror=&quot;alert\(&#39;1&#39;\)&quot;&gt;&amp;/.test(markup), name);
      }
      // plotly reads tags such as <b> and <a> in texts, so those are escaped too.
      assert.doesNotMatch(JSON.stringify(bundle["application/vnd.plotly.v1+json"] ?? {}), /<img/, name);
    }
  }
});

test("what was thinned or cut is said in words and in the picture", () => {
  const all = everything(120_000);
  const words = (name: string): string => all[name]!.map((bundle) => bundle["text/plain"]).join("\n");
  assert.match(words("waveform"), /Zooming in shows the extremes of every [\d.]+ ms/);
  assert.match(words("spectrogram"), /Each column of the picture spans [\d.]+ frames/);
  assert.match(words("player"), /preview: 8 bits per sample, the first [\d.]+ s of 20\.0 s/);
  assert.match(words("explore"), /the first \d+ of 450/);
  assert.match(JSON.stringify(all.spectrogram), /Each column of the picture/);
});

test("table: all keys, numbers to the right, rows and columns that were left out", () => {
  const rows = [
    { file: "a.wav", seconds: 1.5 },
    { seconds: 1 / 3, label: ["dog"], none: undefined },
    { file: "c.wav" },
  ];
  const bundle = tableBundle(rows, { rows: 2 });
  const [head, first, second, more] = (bundle["text/plain"] as string).split("\n");
  assert.deepEqual(
    [head, first, second, more].map((line) => line!.split(/ {2,}/)),
    [["file", "seconds", "label", "none"], ["a.wav", "1.5"], ["", "0.333333", "[ 'dog' ]"], ["… 1 more row"]],
  );
  const cells = [...(bundle["text/html"] as string).matchAll(/<td style="text-align:(\w+);[^>]*>([^<]*)</g)];
  assert.deepEqual(
    cells.map(([, side, text]) => `${side} ${text}`),
    ["left a.wav", "right 1.5", "left ", "left ", "left ", "right 0.333333", "left [ &#39;dog&#39; ]", "left "],
  );
  const wide = Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`column ${i}`, "x".repeat(300)]));
  const cut = tableBundle(Array(9).fill(wide), { maxBytes: 20_000 });
  assert.ok(Buffer.byteLength(JSON.stringify(cut)) <= 20_000);
  assert.match(cut["text/plain"] as string, /… \d+ more rows, \d+ more columns$/);
  assert.deepEqual(tableBundle(rows, { columns: ["seconds"] })["text/plain"], "seconds\n1.5\n0.333333\n");
  assert.throws(() => tableBundle([1] as never), { code: "OPTION", message: /row 1 is no object, expected an array/ });
  assert.throws(() => tableBundle({} as never), { code: "OPTION", message: /^show\.table: object, expected an array/ });
  assert.throws(() => tableBundle([], { most: 3 } as never), { code: "OPTION", message: /option "most"/ });
  assert.throws(() => tableBundle([], { rows: 0 }), { code: "OPTION" });
  // Nothing is asked of a value that could run for long or fail.
  const circle: Record<string, unknown> = { samples: new Float32Array(1e7) };
  circle.self = circle;
  assert.ok((tableBundle([circle, { big: { deep: circle } }])["text/plain"] as string).length < 2000);
});

test("leaks: the matrix, and either side of each of the worst to hear", () => {
  const one = { input: short, target: short.subarray(0, 8000), sampleRate, name: "x" };
  const heard = found.findings.slice(0, 2).map((finding) => ({ finding, a: one, b: one }));
  const bundle = leaksBundle(found, heard);
  const html = bundle["text/html"] as string;
  const sounds = [...html.matchAll(/src="data:audio\/wav;base64,([^"]*)"/g)].map(([, data]) =>
    decodeWav(Buffer.from(data!, "base64"), "player"),
  );
  // The later split's side first; the second finding's is a target.
  assert.deepEqual(
    sounds.map(({ samples }) => samples.length),
    [24000, 24000, 8000, 24000],
  );
  const text = bundle["text/plain"] as string;
  assert.match(text, /10 train, 2 validate, 2 test examples, 3 findings/);
  assert.match(text, /identical +1 +0 +0\n[\s\S]*near-duplicate +0 +2 +0\n/);
  assert.match(text, /The 2 worst of 3\n1\. /);
  const clean = leaksBundle(new AuditReport([], { train: 1, validate: 1, test: 1 }), []);
  assert.match(clean["text/plain"] as string, /nothing shared/);
});

test("problems are a table, errors first, with as many of each kind as a person reads", () => {
  const bundle = problemsBundle(report(50));
  const html = bundle["text/html"] as string;
  const rows = [...html.matchAll(/<tr><td[^>]*>(.*?)<\/td><td[^>]*>(.*?)<\/td><td[^>]*>(.*?)<\/td><\/tr>/g)];
  assert.equal(rows.length, 22);
  assert.deepEqual(rows[0]!.slice(1, 3), ["error", "missing"]);
  assert.match(rows[20]![3]!, /and 30 more/);
  assert.deepEqual(rows[21]!.slice(1, 3), ["warning", "silent"]);
  assert.match(html, /0 rows, 0 files, 0\.0 min of sound; 50 errors, 1 warning</);
  assert.equal(bundle["text/plain"], String(report(50)));
  const fine = makeReport({ kind: "pairs", file: "dataset", rows: [] }, [], []);
  assert.doesNotMatch(problemsBundle(fine)["text/html"] as string, /<table/);
});

test("spectrogram values equal librosa's, on a linear and on a mel axis", () => {
  const sound = toSound(short, { sampleRate });
  const options = { frameLength: 512, frameStep: 128 };
  const theirs = python(
    `import librosa, numpy as np
y = np.array(input, np.float32)
p = np.abs(librosa.stft(y, n_fft=512, hop_length=128)) ** 2
m = librosa.feature.melspectrogram(y=y, sr=16000, n_fft=512, hop_length=128, n_mels=64)
db = lambda a: librosa.power_to_db(a, ref=np.max, top_db=80).T.ravel().tolist()
print(json.dumps({"linear": db(p[:256]), "all": db(p), "mel": db(m)}))`,
    Array.from(short),
  );
  const mel = spectrogramValues(sound, { ...options, scale: "mel", melBins: 64 });
  close(mel.decibels, theirs.mel, 5e-3, 0);
  const linear = spectrogramValues(sound, { ...options, upperEdge: 7900 });
  assert.deepEqual([linear.columns, linear.rows], [188, 254]);
  const wanted = Array.from({ length: 188 * 254 }, (_, i) => theirs.all[Math.floor(i / 254) * 257 + (i % 254)]);
  close(linear.decibels, wanted, 5e-3, 0);
});

test("a tone is bright at its own frequency and time on every axis", () => {
  const tone = Float32Array.from({ length: 16000 }, (_, i) =>
    i >= 8000 ? Math.sin((2 * Math.PI * 2000 * i) / sampleRate) : 0,
  );
  for (const scale of ["linear", "log", "mel"] as const) {
    const v = spectrogramValues(toSound(tone, { sampleRate }), { scale });
    const loudest = v.decibels.indexOf(Math.max(...v.decibels));
    const middle = ((loudest % v.rows) + 0.5) / v.rows;
    const inside = v.frequency.position(2000);
    assert.ok(Math.abs(middle - inside) < 0.02, `${scale}: ${middle} for ${inside}`);
    assert.ok((Math.floor(loudest / v.rows) / v.columns) * (v.to - v.from) >= 0.45, scale);
    assert.match(String(spectrogramBundle(tone, { sampleRate, scale })["text/plain"]), /loudest near (19|20)\d\d Hz/);
  }
});

test("the player's sound is the file's, 16 bits when it fits, 8 when not", () => {
  const decode = (bundle: Bundle): { values: number[]; rate: number; subtype: string } =>
    python(
      `import base64, io, soundfile
data, rate = soundfile.read(io.BytesIO(base64.b64decode(input)), dtype="float32")
info = soundfile.info(io.BytesIO(base64.b64decode(input)))
print(json.dumps({"values": data.ravel().tolist(), "rate": rate, "subtype": info.subtype}))`,
      (bundle["text/html"] as string).match(/data:audio\/wav;base64,([^"]*)/)![1],
    );
  const whole = decode(playerBundle(short, { sampleRate }));
  assert.deepEqual([whole.rate, whole.subtype], [16000, "PCM_16"]);
  close(whole.values, short, 0.5 / 32768 + 1e-6, 0);
  const preview = decode(playerBundle(short, { sampleRate, maxBytes: 40_000 }));
  assert.equal(preview.subtype, "PCM_U8");
  close(preview.values, short, 0.5 / 128 + 1e-6, 0);
});

test("a wav file, decoded audio, a tensor and an example give the same sound", () => {
  const folder = mkdtempSync(join(tmpdir(), "show-"));
  const file = join(folder, "a.wav");
  writeFileSync(file, encodeWav({ sampleRate, channels: 1, samples: short }));
  const tensor = { shape: [short.length / 100, 100], dataSync: () => short };
  const audio = { sampleRate, channels: 1, samples: short };
  for (const source of [file, audio, tensor, { input: short, sampleRate }]) {
    const sound = toSound(source, { sampleRate });
    assert.deepEqual([sound.sampleRate, sound.channels.length, sound.channels[0]], [sampleRate, 1, short]);
  }
  rmSync(folder, { recursive: true });
  const stereo = toSound({ sampleRate, channels: 2, samples: Int16Array.of(0, 16384, -32768, 8192) });
  assert.deepEqual(
    stereo.channels.map((c) => Array.from(c)),
    [
      [0, -1],
      [0.5, 0.25],
    ],
  );
});

test("bad sources and options are named with what to do", () => {
  const bad = (run: () => unknown, code: string, message: RegExp): void => {
    assert.throws(run, (error: Error & { code?: string }) => error.code === code && message.test(error.message));
  };
  bad(() => waveformBundle(short), "OPTION", /sampleRate: undefined, expected .* pass \{ sampleRate: 16000 \}/);
  bad(() => waveformBundle("no/such.wav"), "FILE", /cannot read no\/such\.wav; check the path/);
  bad(() => waveformBundle(join(root, "package.json")), "FORMAT", /begins with "\{.*expected a wav file/);
  bad(
    () => waveformBundle(short, { sampleRate, start: 9 }),
    "OPTION",
    /start and end: 9 s to the end, expected a part of the sound's 1.5 s/,
  );
  bad(
    () => spectrogramBundle(short, { sampleRate, upperEdge: 9000 }),
    "OPTION",
    /lowerEdge and upperEdge: 0 to 9000 Hz/,
  );
  bad(
    () => confusionBundle({ matrix: [[1]], labels: ["a", "b"] }),
    "OPTION",
    /confusion matrix: 1 × 1, expected 2 × 2/,
  );
  bad(
    () => pianoRollBundle(notes, { prediction: new Float32Array(8) }),
    "OPTION",
    /prediction: plain numbers, expected \{ values, features, secondsPerFrame \}/,
  );
  bad(
    () => toNotes({ values: [1, 0, 1], features: 2, secondsPerFrame: 1 }, 0.5),
    "OPTION",
    /labels: 3 values, expected a multiple of 2/,
  );
});

test("frames become notes where they reach the threshold", () => {
  const frames = { values: [0, 1, 0.6, 1, 1, 0.4], features: 2, secondsPerFrame: 0.5 };
  assert.deepEqual(toNotes(frames, 0.5), [
    { onset: 0.5, offset: 1.5, row: 0 },
    { onset: 0, offset: 1, row: 1 },
  ]);
  assert.deepEqual(toNotes(frames, [0.7, 0.5]), [
    { onset: 1, offset: 1.5, row: 0 },
    { onset: 0, offset: 1, row: 1 },
  ]);
});

test("an example's labels become notes that end with its sound", () => {
  const events = {
    on: [0, 8000, 4000],
    off: [4000, Number.MAX_SAFE_INTEGER, 6000],
    feature: [2, 0, 1],
    value: [1, 0.5, 0],
  };
  assert.deepEqual(
    toNotes({ input: new Float32Array(16000), sampleRate, events }, 0.5).map(({ onset, offset, row }) => [
      onset,
      offset,
      row,
    ]),
    [
      [0, 0.25, 2],
      [0.5, 1, 0],
    ],
  );
});

test("the leak matrix of an audit is in the table and the words, each number once", () => {
  const view = { splits: [{ name: "train", examples: 3 }] };
  const leaky = { matrix: { identical: { "train/test": 2, "train/validate": 0 }, group: { "train/test": 1 } } };
  const shown = splitsBundle(view, { audit: leaky });
  assert.match(
    String(shown["text/plain"]),
    /Leaks: 3 leaked examples\nshared +train\/test.*\nidentical +2 +0\ngroup +1 +0$/,
  );
  const leaky3 = String(shown["text/html"]).split("Leaks: ")[1]!;
  assert.match(leaky3, /^3 leaked examples.*<table.*identical.*>2</);
  assert.doesNotMatch(leaky3, /<img/);
  const clean = splitsBundle(view, { audit: { matrix: { identical: { "train/test": 0 } } } });
  assert.match(String(clean["text/plain"]), /Leaks: none between splits/);
});

test("notes lie over a spectrogram at their frequencies, on every axis", () => {
  const [onset, offset, row] = [0.2, 0.9, 81]; // A5, 880 Hz
  for (const scale of ["linear", "log", "mel"] as const) {
    const bundle = spectrogramBundle(short, { sampleRate, scale, overlay: [{ onset, offset, row }] });
    const { data, layout } = bundle["application/vnd.plotly.v1+json"] as {
      data: { x: number[]; y: number[]; customdata: number[] }[];
      layout: { yaxis: { tickvals?: number[]; ticktext?: string[] } };
    };
    assert.deepEqual(data[0]!.x, [onset, offset, offset]);
    close(data[0]!.customdata.slice(0, 2), [880, 880], 1e-9, 0);
    if (scale !== "mel") close(data[0]!.y.slice(0, 2), [880, 880], 1e-9, 0);
    else {
      const tick = (text: string): number => layout.yaxis.tickvals![layout.yaxis.ticktext!.indexOf(text)]!;
      assert.ok(data[0]!.y[0]! > tick("400") && data[0]!.y[0]! < tick("1,000"));
    }
    assert.equal(data[0]!.y[2], null, "notes are not joined");
  }
});

test("a long sound in a pair keeps its 16 bits while the pictures still have room", () => {
  const words = (seconds: number): string => {
    const bundles = pairBundles({ input: noisy(seconds), target: noisy(seconds), sampleRate });
    assert.ok(bundles.reduce((sum, bundle) => sum + JSON.stringify(bundle).length, 0) <= 300_000);
    return String(bundles[0]!["text/plain"]);
  };
  assert.doesNotMatch(words(2.5), /preview/);
  assert.match(words(4), /preview: 8 bits per sample/);
});

test("small players keep a sound's length at a lower rate before they cut it", () => {
  const items = Array.from({ length: 12 }, () => ({ example: { input: noisy(1), sampleRate, name: "a.wav" } }));
  const shown = exploreBundle(items);
  assert.match(String(shown["text/plain"]), /12 examples, sound as preview: 8,000 Hz, 8 bits per sample\n/);
  const wav = (shown["text/html"] as string).match(/data:audio\/wav;base64,([^"]*)/)![1];
  const { rate, frames } = python(
    `import base64, io, soundfile
info = soundfile.info(io.BytesIO(base64.b64decode(input)))
print(json.dumps({"rate": info.samplerate, "frames": info.frames}))`,
    wav,
  );
  assert.deepEqual([rate, frames], [8000, 8000]);
});

test("chi-square equals scipy's", () => {
  const tables = [
    [
      [50, 50],
      [10, 20],
    ],
    [
      [700, 400, 3],
      [150, 80, 2],
      [140, 90, 1],
    ],
    [
      [5, 5],
      [5, 5],
    ],
    [
      [1000, 1],
      [1, 1000],
    ],
  ];
  const theirs = python(
    `from scipy.stats import chi2_contingency
r = [chi2_contingency(t, correction=False) for t in input]
print(json.dumps([[float(x.statistic), int(x.dof), float(x.pvalue)] for x in r]))`,
    tables,
  );
  tables.forEach((table, i) => {
    const { statistic, degrees, p } = chiSquare(table);
    close([statistic, degrees, p], theirs[i], 1e-12, 1e-9);
  });
});

test("precision, recall and F1 equal those counted from the examples", () => {
  const matrix = [
    [48, 2, 0],
    [5, 45, 3],
    [0, 1, 0],
  ];
  const scores = classScores({ matrix, labels: ["a", "b", "c"] });
  const theirs = python(
    `import numpy as np
m = np.array(input)
t = np.repeat(np.arange(3), m.sum(1)); p = np.concatenate([np.repeat(np.arange(3), r) for r in m])
rows = []
for k in range(3):
    hit = int(((t == k) & (p == k)).sum()); precision = hit / max(1, int((p == k).sum())); recall = hit / max(1, int((t == k).sum()))
    rows.append([precision, recall, 2 * precision * recall / (precision + recall) if precision + recall else 0.0, int((t == k).sum())])
a = np.array(rows)
rows.append(a.mean(0)[:3].tolist() + [int(m.sum())])
rows.append(np.average(a[:, :3], axis=0, weights=a[:, 3]).tolist() + [int(m.sum())])
print(json.dumps(rows))`,
    matrix,
  );
  scores.forEach((s, i) => {
    close([s.precision, s.recall, s.f1, s.support], theirs[i], 1e-12, 0);
  });
});

test("the best epoch is the lowest validation loss, or the highest of a metric", () => {
  const values = { loss: [3, 2, 1], val_loss: [3, 1.5, 2], acc: [0.1, 0.9, 0.8] };
  assert.deepEqual(bestEpoch(values), { name: "val_loss", epoch: 2, value: 1.5 });
  assert.deepEqual(bestEpoch({ loss: [3, Number.NaN, 1] }), { name: "loss", epoch: 3, value: 1 });
  assert.equal(bestEpoch(values, "acc")?.epoch, 2);
  // Down for whatever is no accuracy or score, as Keras does; or as asked for.
  for (const name of ["val_mape", "siSnrLoss", "categoricalCrossentropy", "kullbackLeiblerDivergence", "hinge"]) {
    assert.equal(bestEpoch({ [name]: [3, 1, 2] }, name)?.epoch, 2, name);
  }
  for (const name of ["val_categoricalAccuracy", "precision", "recall", "r2Score"]) {
    assert.equal(bestEpoch({ [name]: [3, 1, 2] }, name)?.epoch, 1, name);
  }
  assert.equal(bestEpoch({ mine: [3, 1, 2] }, "mine", "max")?.epoch, 1);
  assert.match(
    historyFigure(values, {}, "").alt,
    /over 3 epochs: loss 1 \(validation 2\), acc 0.8; best epoch 2 with val_loss 1.5/,
  );
});

test("smoothed curves equal pandas' exponentially weighted means", () => {
  const values = [3, 1, 2, 0.5, 4, 1.5];
  const theirs = python(
    `import pandas
print(json.dumps([pandas.Series(input).ewm(alpha=1 - w, adjust=True).mean().tolist() for w in (0.3, 0.6, 0.95)]))`,
    values,
  );
  for (const [i, weight] of [0.3, 0.6, 0.95].entries()) close(smooth(values, weight), theirs[i], 1e-12, 0);
});

test("a history of several runs: loss on a logarithmic axis, earlier runs behind it, the learning rate where it changes", () => {
  const values = { loss: [1, 0.1, 0.01], val_loss: [1, 0.2, 0.1], learningRate: [0.1, 0.1, 0.01] };
  const { plotly } = historyFigure(values, { log: true, before: [{ loss: [2, 1, 0.5, 0.25] }] }, "");
  const layout = plotly.layout as Record<string, { type?: string; title?: { text: string }; range?: number[] }>;
  assert.deepEqual([layout.yaxis!.type, layout.yaxis2!.type], ["log", "log"]);
  assert.equal(layout.yaxis2!.title?.text, "learning rate");
  const earlier = plotly.data.find(({ name }) => name === "earlier")!;
  assert.deepEqual(earlier.y, [2, 1, 0.5, 0.25]);
  const [low, high] = layout.yaxis!.range!;
  assert.ok(low! < -2 && low! > -2.1 && high! > Math.log10(2) && high! < 0.4, `${low} to ${high}`);
  const still = historyFigure({ loss: [1, 0.5], learningRate: [0.1, 0.1] }, {}, "");
  assert.equal((still.plotly.layout as typeof layout).yaxis2, undefined, "a rate that stays is no panel");
  assert.throws(() => history({ loss: [1] }, { smooth: 1 }), {
    code: "OPTION",
    message: /^smooth: 1, expected 0 to below 1/,
  });
  assert.throws(() => history({ loss: [1] }, { smoth: 1 } as never), {
    code: "OPTION",
    message: /did you mean smooth/,
  });
});

test("what training came to is said once, beside its picture", () => {
  const { note, svg, alt } = historyFigure({ loss: [1, 1 / 3] }, {}, "2 epochs in 0.500 s");
  assert.equal(note, "2 epochs in 0.500 s");
  assert.match(svg, />best: 0\.3333</);
  assert.equal(alt.split("best epoch").length, 2);
});

test("a pair's difference and its signal-to-noise ratio equal numpy's", () => {
  const sounds = [noisy(0.5), noisy(0.5).map((v, i) => 0.9 * v + 0.01 * Math.cos(i))];
  const { sound, snr } = difference(toSound(sounds[0]!, { sampleRate }), toSound(sounds[1]!, { sampleRate }));
  const theirs = python(
    `import numpy as np
a, b = [np.array(x, np.float32) for x in input]
d = b - a
print(json.dumps({"difference": d.tolist(), "snr": float(10 * np.log10((b.astype(float) ** 2).sum() / (d.astype(float) ** 2).sum()))}))`,
    sounds.map((each) => Array.from(each)),
  );
  close(sound.channels[0]!, theirs.difference, 1e-6, 0);
  close([snr], [theirs.snr], 1e-5, 0);
  const bundles = pairBundles([sounds[0]!, sounds[1]!], { sampleRate, difference: true });
  assert.match(String(bundles[0]!["text/plain"]), new RegExp(`difference, SNR ${theirs.snr.toFixed(1)} dB: 0.500 s`));
  assert.equal(String(bundles[0]!["text/html"]).split("<audio").length - 1, 3);
  assert.throws(() => pairBundles([short, short.subarray(1)], { sampleRate, difference: true }), {
    code: "OPTION",
    message:
      "difference: 1 × 23999 samples at 16000 Hz minus 1 × 24000 samples at 16000 Hz, expected sides of one form",
  });
});

test("levels in dBFS equal numpy's, and the card tells lengths and levels", () => {
  const samples = noisy(0.2);
  const theirs = python(
    `import numpy as np
x = np.array(input, float)
print(json.dumps([20 * np.log10(np.abs(x).max()), 20 * np.log10(np.sqrt((x ** 2).mean()))]))`,
    Array.from(samples),
  );
  const { peak, rms } = levelOf(samples);
  close([peak, rms], theirs, 1e-9, 0);
  assert.deepEqual(levelOf(new Float32Array(9)), { peak: -Infinity, rms: -Infinity });
  const view = {
    name: "x",
    kind: "pairs",
    examples: 3,
    lengths: [1, 2, 2.5],
    levels: [levelOf(samples), levelOf([0])],
  };
  const shown = summaryBundle(view);
  assert.match(
    String(shown["text/plain"]),
    new RegExp(`lengths 1.000 s to 2.500 s; levels of 2 examples, 1 silent: peak ${peak.toFixed(1)} to`),
  );
  assert.match(String(shown["text/html"]), /<img alt="Histograms: /);
  assert.doesNotMatch(String(summaryBundle({ ...view, lengths: [1, 1], levels: [] })["text/html"]), /Histograms/);
});

test("words say a title once", () => {
  const text = String(predictionsBundle(short, { sampleRate, title: "heard.flac" })["text/plain"]);
  assert.equal(text.split("heard.flac").length, 2, text);
});

test("a tone's small waveform shows a few of its periods, a sound with a shape its whole", () => {
  const picture = (input: Float32Array): string => {
    const [, data] = thumbnailHtml({ input, sampleRate, name: "x" }).match(/base64,([^"]*)/)!;
    return Buffer.from(data!, "base64").toString();
  };
  const tone = Float32Array.from({ length: 16000 }, (_, i) => Math.sin((2 * Math.PI * 400 * i) / sampleRate));
  const periods = picture(tone);
  assert.match(periods, />15 ms</, "six periods of 400 Hz");
  const heights = [...periods.matchAll(/[ML][\d.]+ ([\d.]+)/g)].map(([, y]) => Number(y) - 12);
  const rises = heights.filter((y, i) => i > 0 && heights[i - 1]! > 0 && y <= 0).length;
  assert.ok(rises >= 5 && rises <= 7, `${rises} periods`);
  const faded = tone.map((v, i) => v * Math.exp(-i / 2000));
  assert.doesNotMatch(picture(faded), / ms</);
});

test("a plain Node script writes one self-contained html file and prints where, once", () => {
  const folder = mkdtempSync(join(tmpdir(), "page-"));
  const script = join(folder, "report.cjs");
  writeFileSync(
    script,
    `const { waveform, liveHistory, splits } = require(${JSON.stringify(join(root, "dist/show/index.js"))});
     const { LiveDisplay } = require(${JSON.stringify(join(root, "dist/notebook/display.js"))});
     const x = Float32Array.from({ length: 800 }, (_, i) => Math.sin(i));
     waveform(x, { sampleRate: 800, title: "</script><b>bold</b>" });
     waveform(x, { sampleRate: 800 });
     splits({ splits: [{ name: "train", examples: 2 }] });
     const live = new LiveDisplay();
     live.update({ "text/html": "<p>first state" });
     live.update({ "text/html": "<p>last state" });
     live.flush();`,
  );
  const out = execFileSync(process.execPath, [script], { cwd: folder, encoding: "utf8" });
  assert.equal(out, `displays: ${join(folder, "report.displays.html")}\n`);
  const html = readFileSync(join(folder, "report.displays.html"), "utf8");
  rmSync(folder, { recursive: true });
  assert.equal(html.match(/<section>/g)?.length, 4);
  assert.equal(html.match(/plotly\.js v\d/g)?.length, 1);
  const visible = html.replace(/<script>.*?<\/script>/gs, "");
  assert.ok(visible.length < 60_000 && visible.includes("last state"));
  assert.ok(!/first state|<b>|https?:/.test(visible));
  assert.equal(
    visible.match(/<noscript><div><img alt="Waveform/g)?.length,
    2,
    "a still picture where scripts don't run",
  );
});
