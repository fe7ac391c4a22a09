// An exported page in Chromium, served as any static host serves it, in a folder below the root: it hears what Node hears.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type * as tfjs from "@tensorflow/tfjs-node-gpu";
import { type Browser, chromium, type Page } from "playwright-core";
import {
  createPipeline,
  encodeWav,
  exportPage,
  loadPipeline,
  type Pipeline,
  type PipelineDescription,
  type PredictedPiece,
  type Prediction,
  random,
  readAudio,
  showPage,
} from "../../dist/index.js";
import { hearRows } from "../../dist/pipeline/hear.js";
import { chromiumPath, noBrowser } from "../support/lab.js";
import { net } from "../support/nets.js";
import { find, missing } from "../support/programs.js";
import { quiet } from "../support/records.js";
import { serve } from "../support/serve.js";
import { execFileSync } from "node:child_process";

const RATE = 16000;
const logMel = { kind: "logMel", frameLength: 512, frameStep: 256, melBins: 32 } as const;

/** What an exported page's script leaves to the browser's tools. */
interface Tools {
  deepAudio: {
    hearRows(task: object): Float32Array;
    pipeline: { description: object };
    decodeAudio(
      bytes: ArrayBuffer,
    ): Promise<{ samples: Float32Array | Int16Array; sampleRate: number; channels: number }>;
  };
  prediction: Prediction;
  /** Pieces that the microphone gave while it ran. */
  live: PredictedPiece[];
}

/** As much of an audio element as is used. */
interface Player {
  src: string;
  currentTime: number;
  onseeked: unknown;
}

/** A sound with tones and noise, as a wav of another rate and two channels. */
function wav(): Uint8Array {
  const noise = random(1);
  const samples = Float32Array.from({ length: 2 * 44100 }, (_, i) => {
    const t = Math.floor(i / 2) / 44100;
    return (
      0.3 * Math.sin(2 * Math.PI * 440 * t + (i % 2)) + 0.2 * Math.sin(2 * Math.PI * 1320 * t) + 0.02 * noise.gaussian()
    );
  });
  return encodeWav({ sampleRate: 44100, channels: 2, samples });
}

const window8 = { length: 4096 };
const PIPELINES: Record<string, () => [tfjs.LayersModel, Omit<PipelineDescription, "format">]> = {
  classes: () => [
    net([17, 32], 3, false, "softmax", 8),
    {
      kind: "classes",
      sampleRate: RATE,
      window: window8,
      features: logMel,
      labels: ["dog", "<b>cat</b>", "owl"],
      exclusive: true,
      encoding: "pcm16",
    },
  ],
  frames: () => [
    net([null, 32], 2, true, "sigmoid", 8),
    { kind: "frames", sampleRate: RATE, inputSize: 256, features: logMel, labels: ["C4", "E4"], thresholds: 0.45 },
  ],
  live: () => [
    net([16, 32], 2, true, "sigmoid", 8),
    {
      ...{ kind: "frames", sampleRate: RATE, inputSize: 256, window: window8, features: logMel },
      labels: ["C4", "E4"],
    },
  ],
  values: () => [
    net([16, 256], 2, false, "linear", 8),
    { kind: "values", sampleRate: RATE, inputSize: 256, window: window8 },
  ],
  pairs: () => [
    net([16, 256], 256, true, "linear", 8),
    { kind: "pairs", sampleRate: RATE, inputSize: 256, window: window8 },
  ],
};

const numbersOf = (prediction: Prediction): Float32Array =>
  prediction.kind === "classes"
    ? prediction.scores
    : prediction.kind === "pairs"
      ? prediction.samples
      : prediction.values;

describe("an exported page", { skip: noBrowser }, () => {
  let browser: Browser;
  let server: Awaited<ReturnType<typeof serve>>;
  let site: string;
  let address: string;
  const pipelines: Record<string, Pipeline> = {};

  before(async () => {
    site = mkdtempSync(join(tmpdir(), "site-"));
    for (const [kind, make] of Object.entries(PIPELINES)) {
      pipelines[kind] = createPipeline(...make());
      await exportPage(pipelines[kind]!, join(site, "below", kind), { title: `Hear <${kind}> ${"o".repeat(60)}` });
    }
    server = await serve(site);
    address = `${server.address}/below`;
    writeFileSync(join(site, "voice.wav"), wav());
    browser = await chromium.launch({
      executablePath: chromiumPath!,
      args: [
        ...["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-sync"],
        ...["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
        `--use-file-for-fake-audio-capture=${join(site, "voice.wav")}`,
      ],
    });
  });
  after(async () => {
    await browser?.close();
    server?.close();
    rmSync(site, { recursive: true, force: true });
  });

  /** A page, ready, with what went wrong on it. */
  async function open(kind: string, backend = "cpu"): Promise<{ page: Page; errors: string[] }> {
    const page = await browser.newPage({ viewport: { width: 390, height: 800 } });
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
    page.on(
      "request",
      (request) =>
        request.url().startsWith(address) || /^(blob|data):/.test(request.url()) || errors.push(request.url()),
    );
    await page.goto(`${address}/${kind}/?backend=${backend}`);
    await page.getByText(/^ready, by/).waitFor();
    return { page, errors };
  }

  const predicted = (page: Page): Promise<number[]> =>
    page.evaluate(() => {
      const { prediction: p } = globalThis as unknown as Tools;
      return [...(p.kind === "classes" ? p.scores : p.kind === "pairs" ? p.samples : p.values)];
    });

  for (const kind of Object.keys(PIPELINES)) {
    it(`hears what Node hears: ${kind}`, async () => {
      const { page, errors } = await open(kind);
      const file = join(site, "voice.wav");
      const expected = numbersOf(await pipelines[kind]!.predict(file, quiet));
      await page.locator("#file").setInputFiles(file);
      await page.getByText(/^voice\.wav: 1\.0 s of sound in/).waitFor();
      const found = await predicted(page);
      assert.equal(found.length, expected.length);
      const worst = found.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]!)), 0);
      assert.ok(worst <= 2e-5, `${worst}, expected at most 2e-5`);
      assert.equal(await page.locator("#result b").count(), 0, "a label was taken for html");
      if (process.env.PICTURES)
        await page.screenshot({ path: join(process.env.PICTURES, `${kind}.png`), fullPage: true });
      const wide = await page.evaluate("document.documentElement.scrollWidth");
      assert.ok(Number(wide) <= 390, `${wide} px wide on a phone of 390`);
      assert.deepEqual(errors, []);
      await page.close();
    });
  }

  it("before and after are compared at one place of the sound, by keys too", async () => {
    const { page, errors } = await open("pairs");
    await page.locator("#file").setInputFiles(join(site, "voice.wav"));
    await page.getByText(/^voice\.wav: 1\.0 s of sound in/).waitFor();
    const player = page.locator("#result audio");
    const source = (): Promise<string> => player.evaluate((audio: Player) => audio.src);
    const before = await source();
    await player.evaluate((audio: Player) => {
      audio.currentTime = 0.5;
      return new Promise((resolve) => (audio.onseeked = resolve));
    });
    await page.getByLabel("before", { exact: true }).first().focus();
    await page.keyboard.press("ArrowRight");
    assert.ok(await page.getByLabel("after", { exact: true }).first().isChecked());
    assert.notEqual(await source(), before);
    assert.equal(await player.evaluate((audio: Player) => audio.currentTime), 0.5);
    assert.deepEqual(errors, []);
    await page.close();
  });

  it("features are Node's to the bit, or a float32 ulp where logarithms come in", async () => {
    const { page } = await open("classes");
    const { samples } = await readAudio(join(site, "voice.wav"), { sampleRate: RATE, channels: 1 });
    for (const [features, most] of [
      [{ ...logMel, kind: "mel" }, 0],
      [{ ...logMel, kind: "stft" }, 0],
      [logMel, 1],
    ] as const) {
      const shape = features.kind === "stft" ? [1, 17, 257, 2] : [1, 17, 32];
      const task = {
        rows: samples.slice(0, 4096),
        count: 1,
        shape,
        description: { sampleRate: RATE, channels: 1, features },
      };
      const expected = hearRows(task);
      const found = Float32Array.from(
        await page.evaluate(
          (given) => [
            ...(globalThis as unknown as Tools).deepAudio.hearRows({ ...given, rows: Float32Array.from(given.rows) }),
          ],
          { ...task, rows: [...task.rows] },
        ),
      );
      const bits = (x: Float32Array): Int32Array => new Int32Array(x.buffer, x.byteOffset, x.length);
      const [a, b] = [bits(found), bits(expected)];
      const worst = a.reduce((far, value, i) => Math.max(far, Math.abs(value - b[i]!)), 0);
      assert.ok(worst <= most, `${features.kind}: ${worst} ulp, expected at most ${most}`);
    }
    await page.close();
  });

  for (const [backend, most] of [
    ["webgl", 1e-3],
    ["wasm", 2e-5],
  ] as const) {
    it(`another backend gives the same to float32 rounding: ${backend}`, async () => {
      for (const kind of Object.keys(PIPELINES)) {
        const { page, errors } = await open(kind, backend);
        const file = join(site, "voice.wav");
        const expected = numbersOf(await pipelines[kind]!.predict(file, quiet));
        await page.locator("#file").setInputFiles(file);
        await page.getByText(new RegExp(`of sound in .*, by ${backend}$`)).waitFor();
        const found = await predicted(page);
        const worst = found.reduce((far, value, i) => Math.max(far, Math.abs(value - expected[i]!)), 0);
        assert.ok(worst <= most, `${kind}: ${worst}, expected at most ${most}`);
        assert.deepEqual(errors, []);
        await page.close();
      }
    });
  }

  it("takes WebAssembly where there is no graphics processor, and says which backend isn't there", async () => {
    const { page } = await open("classes", "");
    assert.equal(await page.locator("#status").textContent(), "ready, by wasm");
    await page.goto(`${address}/classes/?backend=abacus`);
    await page.getByText("backend: abacus, expected one of webgpu, webgl, wasm, cpu").waitFor();
    await page.close();
  });

  it("FLAC, MP3 and Ogg as the browser decodes them", { skip: missing("ffmpeg") }, async () => {
    const { page } = await open("classes");
    for (const [ending, most] of [
      ["flac", 1e-4],
      ["mp3", 1e-4],
      ["ogg", 1e-4],
    ] as const) {
      const file = join(site, `voice.${ending}`);
      execFileSync(find("ffmpeg")!, ["-v", "error", "-y", "-i", join(site, "voice.wav"), file]);
      const { samples } = await readAudio(file);
      const bytes = readFileSync(file).toString("base64");
      const found: number[] = await page.evaluate(async (data) => {
        const raw = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
        return [...(await (globalThis as unknown as Tools).deepAudio.decodeAudio(raw.buffer)).samples];
      }, bytes);
      const length = Math.min(found.length, samples.length);
      assert.ok(length >= 0.95 * samples.length, `${ending}: ${found.length} samples, expected ${samples.length}`);
      let worst = 0;
      for (let i = 0; i < length; i++) worst = Math.max(worst, Math.abs(found[i]! - samples[i]!));
      assert.ok(worst <= most, `${ending}: ${worst}, expected at most ${most}`);
    }
    await page.close();
  });

  it("a wav of more than 4 GB's form, BW64, as Node reads it", { skip: missing("ffmpeg") }, async () => {
    const { page } = await open("classes");
    const file = join(site, "long.wav");
    execFileSync(find("ffmpeg")!, ["-v", "error", "-y", "-i", join(site, "voice.wav"), "-rf64", "always", file]);
    const bytes = readFileSync(file);
    bytes.write("BW64");
    writeFileSync(file, bytes);
    const found: number[] = await page.evaluate(async (data) => {
      const raw = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
      return [...(await (globalThis as unknown as Tools).deepAudio.decodeAudio(raw.buffer)).samples];
    }, bytes.toString("base64"));
    const { samples } = await readAudio(file);
    assert.deepEqual(
      Float32Array.from(found, (value) => value / 32768),
      samples,
    );
    await page.close();
  });

  for (const kind of ["classes", "frames"]) {
    it(`the microphone is heard while it runs, and as the recording is: ${kind}`, async () => {
      const { page, errors } = await open(kind === "frames" ? "live" : kind);
      await page.locator("#microphone").click();
      await page.getByText(/^recording [1-9]\.\d s, peak -?\d+ dBFS, latency \d\.\d\d s$/).waitFor();
      if (process.env.PICTURES) await page.screenshot({ path: join(process.env.PICTURES, `live-${kind}.png`) });
      await page.locator("#microphone").click();
      await page.getByText(/^recording: .* of sound in/).waitFor();
      const { live, whole } = await page.evaluate(() => {
        const { prediction, live: pieces } = globalThis as unknown as Tools;
        const all = prediction.kind === "classes" ? prediction.pieces : [prediction as { values: Float32Array }];
        return {
          live: pieces.flatMap(({ values }) => [...values]),
          whole: all.flatMap(({ values }) => [...values]),
        };
      });
      assert.ok(whole.length > 6);
      // Of the last piece, what lies behind the recording's end isn't part of the whole.
      assert.ok(live.length >= whole.length, `${live.length} numbers, expected those of the whole, ${whole.length}`);
      const worst = whole.reduce((most, value, i) => Math.max(most, Math.abs(value - live[i]!)), 0);
      assert.ok(worst <= 1e-5, `${worst}, expected at most 1e-5`);
      assert.deepEqual(errors, []);
      await page.close();
    });
  }

  it("what is begun last is shown: of two files the second, nothing of a file while the microphone runs", async () => {
    const { page, errors } = await open("live");
    writeFileSync(join(site, "below/voice.wav"), wav());
    const drop = (names: readonly string[]): Promise<void> =>
      page.evaluate(`(async () => {
        const bytes = await (await fetch("../voice.wav")).arrayBuffer();
        for (const name of ${JSON.stringify(names)}) {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([bytes], name));
          document.dispatchEvent(new DragEvent("drop", { dataTransfer, cancelable: true, bubbles: true }));
        }
      })()`);
    const said: string[] = [];
    await page.exposeFunction("heard", (text: string) => said.push(text));
    await page.evaluate(`
      const status = document.getElementById("status");
      new MutationObserver(() => heard(status.textContent)).observe(status, { childList: true });`);
    await drop(["first.wav", "second.wav"]);
    await page.getByText(/^second\.wav: 1\.0 s of sound in/).waitFor();
    // Twice as a double click does: one microphone.
    await page.evaluate(`
      const devices = navigator.mediaDevices;
      const ask = devices.getUserMedia.bind(devices);
      var asked = 0;
      devices.getUserMedia = (form) => (asked++, ask(form));`);
    await page.locator("#microphone").dblclick();
    await page.getByText(/^recording [1-9]\.\d s/).waitFor();
    assert.equal(await page.evaluate("asked"), 1);
    assert.ok(await page.locator("#file").isDisabled());
    await drop(["third.wav"]);
    await page.locator("#microphone").click();
    await page.getByText(/^recording: .* of sound in/).waitFor();
    assert.equal(await page.locator("#microphone").textContent(), "Microphone");
    await drop(["fourth.wav"]);
    await page.getByText(/^fourth\.wav: 1\.0 s of sound in/).waitFor();
    const results = said.filter((text) => text.includes("of sound in")).map((text) => text.replace(/:.*/, ""));
    assert.deepEqual(results, ["second.wav", "recording", "fourth.wav"]);
    assert.deepEqual(errors, []);
    await page.close();
  });

  it("a microphone that isn't allowed, and a browser without SIMD, are named", async () => {
    const { page } = await open("classes");
    await page.evaluate(`navigator.mediaDevices.getUserMedia = () =>
      Promise.reject(new DOMException("Permission denied", "NotAllowedError"))`);
    await page.locator("#microphone").click();
    await page
      .getByText("microphone: Permission denied, expected one to record from; allow it for this page in the browser")
      .waitFor();
    assert.ok(await page.locator("#microphone").isEnabled());
    await page.addInitScript("WebAssembly.validate = () => false");
    await page.reload();
    await page.getByText("WebAssembly SIMD: missing, expected a browser that has it, of 2023 or newer").waitFor();
    await page.close();
  });

  it("a model of the whole sound records first", async () => {
    const { page, errors } = await open("frames");
    await page.locator("#microphone").click();
    await page.getByText(/^recording [1-9]\.\d s, peak -?\d+ dBFS$/).waitFor();
    await page.locator("#microphone").click();
    await page.getByText(/^recording: .* of sound in/).waitFor();
    assert.ok((await predicted(page)).length > 100);
    assert.deepEqual(errors, []);
    await page.close();
  });

  it("as one document in a sandbox, it hears files and says why it has no microphone", async () => {
    const made: string[] = [];
    const host = globalThis as unknown as { Deno?: object };
    host.Deno = {
      jupyter: { broadcast: async (_: string, content: { data: object }) => made.push(JSON.stringify(content.data)) },
    };
    try {
      await showPage(pipelines.classes!, { title: "</script><b>Hear" });
    } finally {
      delete host.Deno;
    }
    const bundle = JSON.parse(made[0]!) as Record<string, string>;
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
    writeFileSync(join(site, "below/inline.html"), `<link rel="icon" href="data:,">${bundle["text/html"]}`);
    await page.goto(`${address}/inline.html`);
    const frame = page.frameLocator("iframe");
    await frame.getByText("ready, by wasm").waitFor();
    await frame.getByText("no microphone inside a notebook: export the page and serve it").waitFor();
    await frame.locator("#file").setInputFiles(join(site, "voice.wav"));
    await frame.getByText(/^voice\.wav: 1\.0 s of sound in/).waitFor();
    const expected = numbersOf(await pipelines.classes!.predict(join(site, "voice.wav"), quiet));
    const shown = await frame.locator("td").allTextContents();
    assert.deepEqual(
      shown,
      [...expected].sort((a, b) => b - a).map((value) => value.toFixed(3)),
    );
    assert.equal(await frame.locator("h1").textContent(), "</script><b>Hear");
    if (process.env.PICTURES) await page.screenshot({ path: join(process.env.PICTURES, "inline.png") });
    assert.deepEqual(errors, []);
    await page.close();
  });

  it("float16 weights are half as large and round to 11 bits", async () => {
    const folder = join(site, "below/half");
    await exportPage(pipelines.classes!, folder, { weights: "float16" });
    const bytes = (of: string): number =>
      readdirSync(join(of, "model"))
        .filter((name) => name.endsWith(".bin"))
        .reduce((sum, name) => sum + statSync(join(of, "model", name)).size, 0);
    assert.equal(2 * bytes(folder), bytes(join(site, "below/classes")));
    const loaded = await loadPipeline(join(folder, "model"));
    const weights = ({ model }: Pipeline): Float32Array[] =>
      (model as tfjs.LayersModel).getWeights().map((tensor) => tensor.dataSync() as Float32Array);
    const exact = weights(pipelines.classes!);
    for (const [k, rounded] of weights(loaded).entries()) {
      for (const [i, value] of rounded.entries()) {
        const error = Math.abs(value - exact[k]![i]!);
        assert.ok(error <= Math.max(2 ** -25, Math.abs(exact[k]![i]!) * 2 ** -11), `${value} for ${exact[k]![i]}`);
      }
    }
    const expected = numbersOf(await loaded.predict(join(site, "voice.wav"), quiet));
    const { page, errors } = await open("half");
    await page.locator("#file").setInputFiles(join(site, "voice.wav"));
    await page.getByText(/of sound in/).waitFor();
    const worst = (await predicted(page)).reduce((far, value, i) => Math.max(far, Math.abs(value - expected[i]!)), 0);
    assert.ok(worst <= 2e-5, `${worst}, expected at most 2e-5`);
    assert.deepEqual(errors, []);
    await assert.rejects(exportPage(pipelines.classes!, folder, { weights: "float8" as never }), { code: "OPTION" });
  });

  it("what is damaged is said on the page", async () => {
    const { page } = await open("classes");
    await page
      .locator("#file")
      .setInputFiles({ name: "text.wav", mimeType: "audio/wav", buffer: Buffer.from("no sound") });
    await page.getByText("text.wav: not decoded by this browser, expected a sound file").waitFor();
    await page.close();
    const broken = join(site, "below/frames/model/pipeline.json");
    const text = readFileSync(broken, "utf8");
    writeFileSync(broken, text.replace('"E4"', '"E4", "G4"'));
    const other = await browser.newPage();
    await other.goto(`${address}/frames/`);
    await other.getByText(/^labels: 3, expected 2, one for each output of the model/).waitFor();
    writeFileSync(broken, text);
    await other.close();
  });

  it("the script's size is what the documents say", () => {
    const megabytes = statSync(join(site, "below/classes/page.js")).size / 1e6;
    assert.ok(megabytes > 1.6 && megabytes < 1.8, `${megabytes} MB`);
  });
});
