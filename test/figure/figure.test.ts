import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { colourTable, inkOn, NEUTRAL, PALETTE, VERDICT } from "../../dist/figure/colour.js";
import { curvesPanel } from "../../dist/figure/curves.js";
import { figure } from "../../dist/figure/figure.js";
import { histogram } from "../../dist/figure/histogram.js";
import { matrixPanel } from "../../dist/figure/matrix.js";
import { escapeText } from "../../dist/figure/panel.js";
import { placePanels, textWidth, tickName, wrapText } from "../../dist/figure/place.js";
import { palettePng } from "../../dist/figure/png.js";
import { joinNotes, type RollNote, verdicts } from "../../dist/figure/roll.js";
import { pitchName } from "../../dist/core/pitch.js";
import { linearScale, logScale, warpedScale } from "../../dist/figure/scale.js";
import { spectrogramPng } from "../../dist/figure/spectrogram.js";
import { envelope, timeScale, waveformPanel } from "../../dist/figure/waveform.js";
import { close } from "../support/close.js";
import { python } from "../support/python.js";

test("envelope equals numpy's minima and maxima of the same stretches", () => {
  const cases = [
    { n: 1000, bins: 7, from: 0, to: 1000 },
    { n: 1000, bins: 333, from: 100, to: 990 },
    { n: 50, bins: 80, from: 10, to: 40 },
  ].map((c) => ({ ...c, y: Array.from({ length: c.n }, (_, i) => Math.fround(Math.sin(i * i * 0.37))) }));
  const theirs = python(
    `import numpy as np
def one(c):
    y = np.array(c["y"], np.float32)[c["from"]:c["to"]]
    bins = min(c["bins"], len(y))
    edges = [(b * len(y)) // bins for b in range(bins + 1)]
    parts = [y[a:b] for a, b in zip(edges, edges[1:])]
    return {"low": [float(p.min()) for p in parts], "high": [float(p.max()) for p in parts]}
print(json.dumps([one(c) for c in input]))`,
    cases,
  );
  cases.forEach((c, i) => {
    const ours = envelope(Float32Array.from(c.y), c.bins, c.from, c.to);
    assert.deepEqual(Array.from(ours.low), theirs[i].low);
    assert.deepEqual(Array.from(ours.high), theirs[i].high);
  });
});

test("a histogram's counts equal numpy's", () => {
  const values = Array.from({ length: 500 }, (_, i) => Math.sin(i * i) * 3 + 1);
  const theirs = python(
    `import numpy as np
print(json.dumps([np.histogram(input, bins=b, range=(min(input), max(input)))[0].tolist() for b in (1, 24, 7)]))`,
    values,
  );
  const [min, max] = [Math.min(...values), Math.max(...values)];
  assert.deepEqual(
    [1, 24, 7].map((bins) => histogram(values, min, max, bins)),
    theirs,
  );
});

test("no sample lies outside the envelope, whatever the zoom", () => {
  fc.assert(
    fc.property(
      fc.array(fc.float({ noNaN: true }), { minLength: 1, maxLength: 200 }),
      fc.integer({ min: 1, max: 300 }),
      (values, bins) => {
        const samples = Float32Array.from(values);
        const { low, high } = envelope(samples, bins);
        assert.equal(Math.min(...low), Math.min(...samples));
        assert.equal(Math.max(...high), Math.max(...samples));
      },
    ),
  );
});

/** Decodes a PNG with Python's zlib and the chunk layout of the format. */
const READ_PNG = `import base64, struct, zlib
def read(data):
    raw = base64.b64decode(data)
    assert raw[:8] == bytes([137, 80, 78, 71, 13, 10, 26, 10])
    at, chunks = 8, {}
    while at < len(raw):
        n, kind = struct.unpack(">I4s", raw[at:at+8])
        body = raw[at+8:at+8+n]
        assert struct.unpack(">I", raw[at+8+n:at+12+n])[0] == zlib.crc32(kind + body)
        chunks[kind.decode()] = body
        at += 12 + n
    w, h, depth, colour = struct.unpack(">IIBB", chunks["IHDR"][:10])
    assert (depth, colour) == (8, 3)
    rows = zlib.decompress(chunks["IDAT"])
    assert len(rows) == h * (w + 1)
    return {"size": [w, h], "pixels": [list(rows[y*(w+1)+1:(y+1)*(w+1)]) for y in range(h)], "palette": list(chunks["PLTE"])}
`;

test("palette PNG is read back by an independent reader", () => {
  const pixels = Uint8Array.from({ length: 12 }, (_, i) => i % 5);
  const png = palettePng(4, 3, pixels, colourTable("magma").subarray(0, 15));
  const read = python(`${READ_PNG}print(json.dumps(read(input)))`, Buffer.from(png).toString("base64"));
  assert.deepEqual(read.size, [4, 3]);
  assert.deepEqual(read.pixels.flat(), Array.from(pixels));
  assert.deepEqual(read.palette, Array.from(colourTable("magma").subarray(0, 15)));
  assert.throws(() => palettePng(4, 4, pixels, new Uint8Array(3)), /png: 12 pixels, expected 4 × 4/);
});

test("a spectrogram's pixels are its decibels, lowest frequency at the bottom", () => {
  const [columns, rows] = [5, 7];
  const decibels = Float32Array.from({ length: columns * rows }, (_, i) => -80 + (i * 80) / (columns * rows - 1));
  const png = spectrogramPng({
    decibels,
    columns,
    rows,
    from: 0,
    to: 1,
    start: 0,
    end: 1,
    frequency: linearScale(0, 8000, "Hz"),
    floor: -80,
    top: 0,
  });
  const { pixels } = python(`${READ_PNG}print(json.dumps(read(input)))`, Buffer.from(png).toString("base64"));
  for (let c = 0; c < columns; c++) {
    for (let r = 0; r < rows; r++) {
      const shown = -80 + (pixels[rows - 1 - r][c] * 80) / 63;
      assert.ok(Math.abs(shown - decibels[c * rows + r]!) <= 80 / 63 / 2 + 1e-4);
    }
  }
});

test("colour maps equal matplotlib's published ends and grow in lightness", () => {
  // First and last colours of viridis and magma as their authors published them (bids.github.io/colormap).
  const ends = { viridis: ["#440154", "#fde725"], magma: ["#000004", "#fcfdbf"], grey: ["#000000", "#ffffff"] };
  for (const [map, [first, last]] of Object.entries(ends)) {
    const table = colourTable(map as "viridis");
    const hex = (i: number): string => `#${Buffer.from(table.subarray(3 * i, 3 * i + 3)).toString("hex")}`;
    assert.deepEqual([hex(0), hex(255)], [first, last]);
    const light = Array.from({ length: 256 }, (_, i) =>
      luminance([table[3 * i]!, table[3 * i + 1]!, table[3 * i + 2]!]),
    );
    for (let i = 8; i < 256; i += 8) assert.ok(light[i]! > light[i - 8]!, `${map} at ${i}`);
  }
});

/** Relative luminance and contrast as defined by WCAG 2.2. */
function luminance(rgb: number[]): number {
  const [r, g, b] = rgb.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}
const channels = (hex: string): number[] => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
const contrast = (a: string, b: string): number => {
  const [low, high] = [luminance(channels(a)), luminance(channels(b))].sort((x, y) => x - y);
  return (high! + 0.05) / (low! + 0.05);
};

test("axis text is readable on JupyterLab's light and dark ground", () => {
  assert.ok(contrast(NEUTRAL, "#ffffff") >= 4);
  assert.ok(contrast(NEUTRAL, "#111111") >= 4);
});

test("text in a cell has a contrast of at least 4.5 to 1, whatever the cell's colour", () => {
  for (const map of ["viridis", "magma", "grey"] as const) {
    const table = colourTable(map);
    for (let i = 0; i < 256; i++) {
      const cell = [table[3 * i]!, table[3 * i + 1]!, table[3 * i + 2]!] as const;
      const ink = inkOn(cell) === "#000" ? [0, 0, 0] : [255, 255, 255];
      const [low, high] = [luminance(ink), luminance([...cell])].sort((x, y) => x - y);
      assert.ok((high! + 0.05) / (low! + 0.05) >= 4.5, `${map} ${i}`);
    }
  }
});

test("colours stay apart for each kind of colour-blindness", () => {
  // Viénot, Brettel and Mollon 1999 for protanopia and deuteranopia, on linear RGB.
  const blind = [
    [0.11238, 0.88762, 0, 0.11238, 0.88762, 0, 0.00401, -0.00401, 1],
    [0.29275, 0.70725, 0, 0.29275, 0.70725, 0, -0.02234, 0.02234, 1],
  ];
  const seen = (hex: string, m: number[]): number[] => {
    const [r, g, b] = channels(hex).map((v) => (v / 255) ** 2.2);
    return [0, 3, 6].map((at) => Math.max(0, m[at]! * r! + m[at + 1]! * g! + m[at + 2]! * b!) ** (1 / 2.2));
  };
  for (const set of [PALETTE.slice(0, 3), Object.values(VERDICT)]) {
    for (const matrix of blind) {
      for (const a of set) {
        for (const b of set.filter((other) => other > a)) {
          const [x, y] = [seen(a, matrix), seen(b, matrix)];
          assert.ok(Math.hypot(x[0]! - y[0]!, x[1]! - y[1]!, x[2]! - y[2]!) > 0.15, `${a} and ${b}`);
        }
      }
    }
  }
});

test("ticks are round, inside the axis, and never fewer than two", () => {
  fc.assert(
    fc.property(
      fc.double({ min: -1e4, max: 1e4, noNaN: true }),
      fc.double({ min: 1e-3, max: 1e5, noNaN: true }),
      (min, span) => {
        const scale = linearScale(min, min + span, "x");
        assert.ok(scale.ticks.length >= 2 && scale.ticks.length <= 13, `${scale.ticks.length} ticks`);
        for (const { at } of scale.ticks) assert.ok(scale.position(at) > -1e-6 && scale.position(at) < 1 + 1e-6);
      },
    ),
  );
  assert.deepEqual(
    logScale(20, 8000, "Hz").ticks.map((t) => t.text),
    ["20", "50", "100", "200", "500", "1,000", "2,000", "5,000", "8,000"],
  );
  const mel = warpedScale(0, 8000, "Hz", (f) => Math.log1p(f / 700));
  close([mel.position(0), mel.position(8000)], [0, 1], 1e-12, 0);
  for (const end of [4100, 8000, 11025, 22050]) {
    for (const scale of [logScale(20, end, "Hz"), warpedScale(0, end, "Hz", (f) => Math.log1p(f / 700))])
      assert.ok(scale.position(scale.ticks.at(-1)!.at) >= 0.94, `${scale.kind} to ${end}`);
  }
});

test("every instant is a hit, a miss or a false alarm as its label and prediction say", () => {
  const note = fc.record({
    onset: fc.integer({ min: 0, max: 40 }),
    length: fc.integer({ min: 1, max: 10 }),
    row: fc.integer({ min: 0, max: 2 }),
  });
  const notes = fc
    .array(note, { maxLength: 8 })
    .map((list): RollNote[] => list.map((n) => ({ onset: n.onset, offset: n.onset + n.length, row: n.row })));
  const active = (list: readonly RollNote[], row: number, at: number): boolean =>
    list.some((n) => n.row === row && n.onset <= at && at < n.offset);
  fc.assert(
    fc.property(notes, notes, (labels, predictions) => {
      const judged = verdicts(labels, predictions);
      for (let row = 0; row < 3; row++) {
        for (let at = 0.5; at < 52; at++) {
          const [label, prediction] = [active(labels, row, at), active(predictions, row, at)];
          const wanted = label ? (prediction ? "hit" : "miss") : prediction ? "false alarm" : undefined;
          const found = judged.filter((n) => n.row === row && n.onset <= at && at < n.offset).map((n) => n.verdict);
          assert.deepEqual(found, wanted ? [wanted] : []);
        }
      }
    }),
  );
});

test("joined notes cover what they join and nothing further than the gap", () => {
  const notes = [0, 1, 2.05, 4].map((onset) => ({ onset, offset: onset + 1, row: 1 }));
  assert.deepEqual(joinNotes(notes, 0.1), [
    { onset: 0, offset: 3.05, row: 1 },
    { onset: 4, offset: 5, row: 1 },
  ]);
});

test("names beside and under a plot stay inside the picture, whatever their length", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ minLength: 1, maxLength: 60 }), { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 300, max: 1000 }),
      (names, width) => {
        const values = names.map((_, r) => names.map((_, c) => (r === c ? 1 : 0)));
        const panel = matrixPanel({
          values,
          rows: names,
          columns: names,
          rowLabel: "true label",
          columnLabel: "predicted label",
          barLabel: "%",
        });
        const { placed, height } = placePanels([panel], width);
        const { left, top, turns } = placed[0]!;
        for (const tick of panel.y.ticks) assert.ok(textWidth(tickName(tick)) + 24 <= left, `${tick.text} beside`);
        const foot = height - top - panel.height;
        for (const tick of panel.x.ticks) {
          const tall = turns ? 0.7 * textWidth(tickName(tick)) + 14 : 15;
          assert.ok(tall + 18 <= foot, `${tick.text} in ${foot} px`);
        }
      },
    ),
  );
});

test("an axis shared with the panel below is written once", () => {
  const panel = (end: number) =>
    waveformPanel({ samples: new Float32Array(100), sampleRate: 100, from: 0, to: end, zoomBins: 10, title: "a" });
  const count = (text: string, svg: string): number => svg.split(text).length - 1;
  const shared = figure([panel(100), panel(100)], { alt: "two" });
  assert.equal(count(">time (s)<", shared.svg), 1);
  const layout = shared.plotly.layout as Record<string, { showticklabels?: boolean; matches?: string }>;
  assert.deepEqual([layout.xaxis!.showticklabels, layout.xaxis2!.showticklabels], [false, undefined]);
  assert.equal(layout.xaxis2!.matches, "x");
  assert.equal(count(">time (s)<", figure([panel(100), panel(50)], { alt: "two" }).svg), 2);
});

test("words longer than a line break inside", () => {
  const lines = wrapText(`file ${"x".repeat(50)} end`, 100);
  assert.equal(lines.join(""), `file${"x".repeat(50)} end`);
  for (const line of lines) assert.ok(textWidth(line) <= 100, line);
});

test("on a longer time axis a waveform ends where it ends", () => {
  const samples = new Float32Array(1000).fill(1);
  const view = { samples, sampleRate: 100, from: 0, to: 1000, zoomBins: 10 };
  const { svg } = figure([waveformPanel({ ...view, time: timeScale(0, 20) })], { alt: "half" });
  const path = svg.match(/viewBox="0 0 [^>]*><path d="M([^"]*)"/)![1];
  const places = path!.split("M").map((line) => Number(line.split(" ")[0]));
  const width = placePanels([waveformPanel(view)], 720).placed[0]!.width;
  assert.ok(
    Math.abs(places.at(-1)! - width / 2) <= 1 && places[0]! < 1,
    `${places[0]} to ${places.at(-1)} of ${width}`,
  );
});

test("a long title takes two lines above its legend, and the mark of the best epoch stays inside the plot", () => {
  const title = "a title that is far too long for this picture of an ordinary width ".repeat(3);
  for (const at of [1, 2, 3]) {
    const panel = curvesPanel({
      x: [1, 2, 3],
      curves: [{ name: "training", values: [1, 2, 3] }],
      xLabel: "epoch",
      yLabel: "loss",
      title,
      mark: { x: at, y: at, text: "best: 0.1346" },
    });
    const { svg, plotly } = figure([panel], { alt: "curves" });
    const heads = [...svg.matchAll(/<text y="(-?\d+)" font-weight="600">([^<]*)</g)];
    assert.deepEqual(
      heads.map(([, y]) => Number(y)),
      [-41, -25],
    );
    assert.match(heads.map(([, , line]) => line).join("|"), /^a title that is [^…|]*\|[^|]*…$/);
    for (const [, , line] of heads) assert.ok(textWidth(line!) <= 286 - 54);
    assert.match(svg, /<svg x="0" y="0"[^>]*><path d="M0 -13h16"[^>]*><text x="20" y="-9">training</);
    const [, percent, top, from, anchor] = svg.match(
      /<svg x="([\d.]+)%" y="([\d.]+)"[^>]*><circle[^>]*><text y="(-?\d+)" text-anchor="(\w+)">best/,
    )!;
    const reach = { end: [-80, 0], start: [0, 80], middle: [-40, 40] }[anchor!]!;
    const width = placePanels([panel], 720).placed[0]!.width;
    const [x, y] = [(Number(percent) * width) / 100, Number(top) + Number(from)];
    assert.ok(x + reach[0]! >= 0 && x + reach[1]! <= width, `${anchor} at ${x} of ${width}`);
    assert.ok(y > 10 && y < panel.height);
    const mark = plotly.data.at(-1) as { textposition: string };
    assert.match(mark.textposition, [/right/, /center/, /left/][at - 1]!);
  }
});

test("pitches have their names", () => {
  assert.deepEqual([21, 60, 61, 69, 108].map(pitchName), ["A0", "C4", "C#4", "A4", "C8"]);
});

test("escaped text is inert in elements and attributes", () => {
  assert.equal(
    escapeText(`<img src=x onerror='a("b")'>&`),
    "&lt;img src=x onerror=&#39;a(&quot;b&quot;)&#39;&gt;&amp;",
  );
});
