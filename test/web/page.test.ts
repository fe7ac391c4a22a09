// An exported page in Chromium, served as any static host serves it, in a folder below the root: it hears what Node hears.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { after, before, describe, it } from "node:test";
import type * as tfjs from "@tensorflow/tfjs-node-gpu";
import { type Browser, chromium, type Page } from "playwright-core";
import {
  createPipeline,
  encodeWav,
  exportPage,
  type Pipeline,
  type PipelineDescription,
  type Prediction,
  random,
  readAudio,
} from "../../dist/index.js";
import { hearRows } from "../../dist/pipeline/hear.js";
import { chromiumPath, noBrowser } from "../support/lab.js";
import { net } from "../support/nets.js";
import { find, missing } from "../support/programs.js";
import { quiet } from "../support/records.js";
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
  let server: Server;
  let site: string;
  let address: string;
  const pipelines: Record<string, Pipeline> = {};

  before(async () => {
    site = mkdtempSync(join(tmpdir(), "site-"));
    for (const [kind, make] of Object.entries(PIPELINES)) {
      pipelines[kind] = createPipeline(...make());
      await exportPage(pipelines[kind]!, join(site, "below", kind), { title: `Hear <${kind}>` });
    }
    const types: Record<string, string> = {
      ".html": "text/html",
      ".js": "text/javascript",
      ".json": "application/json",
    };
    server = createServer((request, response) => {
      const path = join(site, normalize(new URL(request.url!, "http://x").pathname));
      const file = path.endsWith("/") ? join(path, "index.html") : path;
      try {
        const data = readFileSync(file);
        response.writeHead(200, { "content-type": types[extname(file)] ?? "application/octet-stream" }).end(data);
      } catch {
        response.writeHead(404).end();
      }
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/below`;
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

  it("another backend gives the same to float32 rounding", async () => {
    const { page, errors } = await open("frames", "webgl");
    const file = join(site, "voice.wav");
    const expected = numbersOf(await pipelines.frames!.predict(file, quiet));
    await page.locator("#file").setInputFiles(file);
    await page.getByText(/of sound in .*, by webgl$/).waitFor();
    const found = await predicted(page);
    const worst = found.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]!)), 0);
    assert.ok(worst <= 1e-3, `${worst}, expected at most 1e-3`);
    assert.deepEqual(errors, []);
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

  it("the microphone is recorded and heard", async () => {
    const { page, errors } = await open("classes");
    await page.locator("#microphone").click();
    await page.getByText(/^recording [1-9]\.\d s/).waitFor();
    await page.locator("#microphone").click();
    await page.getByText(/^recording: .* of sound in/).waitFor();
    assert.equal((await predicted(page)).length, 3);
    assert.deepEqual(errors, []);
    await page.close();
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
    assert.ok(megabytes > 1 && megabytes < 1.5, `${megabytes} MB`);
  });
});
