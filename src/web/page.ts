// The script of an exported page: a file or the microphone in, what the model says out.
import { getBackend } from "@tensorflow/tfjs-core";
import { concat } from "../core/numbers.js";
import { cutSound } from "../pipeline/cut.js";
import { framePrediction, type PredictedPiece, wholePrediction } from "../pipeline/predictions.js";
import { classesOverTime, roll, spectrogram, waveform } from "./draw.js";
import * as library from "./index.js";
import {
  type Audio,
  decodeAudio,
  encodeWav,
  hearLive,
  loadPipeline,
  Microphone,
  type Prediction,
  type WebPipeline,
} from "./index.js";
import type { InlinePage } from "./inline.js";
import { startPipeline } from "./tensorflow.js";

const find = <T extends HTMLElement = HTMLElement>(id: string): T => document.getElementById(id) as T;

/** Says how it goes, to screen readers too. */
function say(text: string, failed = false): void {
  find("status").textContent = text;
  find("status").classList.toggle("failed", failed);
}

function element(name: string, text = ""): HTMLElement {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

/** Addresses of what is shown now. */
const addresses: string[] = [];

function addressOf(data: Uint8Array | string, type: string): string {
  const address = URL.createObjectURL(new Blob([data as BlobPart], { type }));
  addresses.push(address);
  return address;
}

/** Takes away what is shown, and its memory. */
function clear(): void {
  find("result").replaceChildren();
  for (const address of addresses.splice(0)) URL.revokeObjectURL(address);
}

function download(name: string, data: Uint8Array | string, type: string): HTMLAnchorElement {
  const link = document.createElement("a");
  link.href = addressOf(data, type);
  link.download = name;
  link.textContent = name;
  return link;
}

/** A player of one sound, or of several of one length to compare: switching keeps the place, and goes on playing. */
function player(sounds: Record<string, Audio>): HTMLElement {
  const figure = element("figure");
  const sound = document.createElement("audio");
  sound.controls = true;
  const choice = element("p");
  const names = Object.keys(sounds);
  const urls = Object.values(sounds).map((audio) => addressOf(encodeWav(audio), "audio/wav"));
  const choose = (k: number): void => {
    const { currentTime, paused } = sound;
    sound.src = urls[k]!;
    sound.setAttribute("aria-label", names[k]!);
    sound.currentTime = currentTime;
    if (!paused) void sound.play();
  };
  for (const [k, name] of names.entries()) {
    const button = document.createElement("input");
    Object.assign(button, { type: "radio", name: "compared", checked: k === 0, onchange: () => choose(k) });
    const label = element("label", ` ${name} `);
    label.prepend(button);
    choice.append(label);
  }
  choose(0);
  figure.append(names.length > 1 ? choice : element("figcaption", names[0]), sound);
  return figure;
}

function numbers(labels: readonly string[], values: ArrayLike<number>): HTMLElement {
  const table = element("table");
  const order = labels.map((_, k) => k).sort((a, b) => values[b]! - values[a]!);
  for (const k of order.slice(0, 20)) {
    const row = element("tr");
    row.append(element("th", labels[k]), element("td", values[k]!.toFixed(3)));
    table.append(row);
  }
  return table;
}

/** What a prediction looks like, and what of it can be saved. */
function views(prediction: Prediction, audio: Audio, name: string): { shown: HTMLElement[]; saved: HTMLElement[] } {
  const json = (value: unknown): HTMLElement =>
    download(`${name}.json`, JSON.stringify(value, null, 1), "application/json");
  if (prediction.kind === "classes") {
    const { labels, scores, present } = prediction;
    const head = element("p", present.length > 0 ? present.join(", ") : "none of the labels");
    head.className = "answer";
    return {
      shown: [head, classesOverTime(prediction), numbers(labels, scores)],
      saved: [json({ labels, scores: [...scores], present })],
    };
  }
  if (prediction.kind === "frames") {
    const saved = [
      download(`${name}.mid`, prediction.toMidi(), "audio/midi"),
      download(`${name}.csv`, prediction.toCsv(), "text/csv"),
    ];
    return { shown: [element("p", `${prediction.events.length} events`), roll(prediction)], saved };
  }
  if (prediction.kind === "values") {
    const { labels, values } = prediction;
    return { shown: [numbers(labels, values)], saved: [json({ labels, values: [...values] })] };
  }
  return {
    shown: [player({ before: audio, after: prediction }), waveform(prediction), spectrogram(prediction)],
    saved: [download(`${name}.wav`, encodeWav(prediction), "audio/wav")],
  };
}

/** Runs the model on a sound and shows both, unless something else was begun meanwhile. */
async function hear(pipeline: WebPipeline, audio: Audio, name: string, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const seconds = audio.samples.length / audio.channels / audio.sampleRate;
  say(`${name}: ${seconds.toFixed(1)} s, listening …`);
  const start = performance.now();
  const prediction = await pipeline.predict(audio, { signal });
  if (signal.aborted) return;
  const took = (performance.now() - start) / 1000;
  const { shown, saved } = views(prediction, audio, name.replace(/\.[^.]*$/, ""));
  const sound = prediction.kind === "pairs" ? [] : [player({ [name]: audio })];
  const links = element("p");
  links.append("Save: ", ...saved.flatMap((link) => [link, " "]));
  find("result").replaceChildren(...sound, waveform(audio), spectrogram(audio), ...shown, links);
  Object.assign(window, { prediction });
  say(`${name}: ${seconds.toFixed(1)} s of sound in ${took.toFixed(2)} s, by ${getBackend()}`);
}

/** Seconds of a running microphone's predictions that are shown. */
const SHOWN_S = 10;

/** What the last pieces of a running microphone look like. */
function liveViews({ description }: WebPipeline, pieces: readonly PredictedPiece[]): HTMLElement[] {
  const from = pieces[0]!.start;
  const shown = pieces.map((piece) => ({ ...piece, start: piece.start - from, end: piece.end - from }));
  const last = shown.at(-1)!;
  if (description.kind === "pairs") {
    const { channels = 1, sampleRate } = description;
    const { step } = cutSound(1, description);
    const parts = pieces.map(({ values }) => values.subarray(0, step * channels));
    return [waveform({ samples: concat(parts, Float32Array), channels, sampleRate })];
  }
  if (description.kind === "frames") {
    const values = concat(
      pieces.map((piece) => piece.values),
      Float32Array,
    );
    const frames = cutSound(1, description).step / description.inputSize!;
    return [roll(framePrediction(description, values, last.values.length / frames))];
  }
  const now = wholePrediction(description, [last]);
  if (now.kind === "values") return [numbers(now.labels, now.values)];
  const head = element("p", now.present.length > 0 ? now.present.join(", ") : "none of the labels");
  head.className = "answer";
  return [head, classesOverTime({ ...now, pieces: shown }), numbers(now.labels, now.scores)];
}

/** Shows what the model says while the microphone runs, as far as it takes pieces; a drawing a frame of the screen. */
function watch(pipeline: WebPipeline, microphone: Microphone): Promise<void> {
  const { window: cut, sampleRate } = pipeline.description;
  const level = (): string => `${(20 * Math.log10(microphone.peak || 1e-6)).toFixed(0)} dBFS`;
  const live: PredictedPiece[] = [];
  let lag = "";
  let running = true;
  const draw = (): void => {
    if (!running) return;
    say(`recording ${microphone.seconds.toFixed(1)} s, peak ${level()}${lag}`);
    const last = live.at(-1);
    const shown = last ? live.filter(({ start }) => start >= last.end - SHOWN_S) : [];
    if (shown.length > 0) find("result").replaceChildren(...liveViews(pipeline, shown));
    setTimeout(() => requestAnimationFrame(draw), 100);
  };
  draw();
  Object.assign(window, { live });
  const done = cut
    ? hearLive(pipeline, microphone, (piece, behind) => {
        live.push(piece);
        lag = `, latency ${((cut.length - (cut.context ?? 0)) / sampleRate + behind).toFixed(2)} s`;
      })
    : microphone.ended;
  return done.finally(() => (running = false));
}

async function main(): Promise<void> {
  const inline = (globalThis as { inlinePage?: InlinePage }).inlinePage;
  const wanted = new URLSearchParams(location.search).get("backend");
  const pipeline = await startPipeline(
    (tf) => loadPipeline(tf, inline ?? "model"),
    inline?.wasm ?? "tensorflow.wasm",
    wanted,
  );
  // For whoever looks at the page with the browser's tools.
  Object.assign(window, { deepAudio: { ...library, pipeline } });
  let begun = new AbortController();
  /** Does what was asked for last: what still runs of before ends, and isn't shown. */
  const guarded = (work: (signal: AbortSignal) => Promise<void>) => (): void => {
    begun.abort();
    begun = new AbortController();
    const { signal } = begun;
    clear();
    work(signal).catch((error: Error) => signal.aborted || say(error.message, true));
  };
  let microphone: Microphone | undefined;
  const open = (file: File | undefined): void => {
    if (!file || microphone) return;
    guarded(async (signal) => {
      say(`${file.name}: reading …`);
      await hear(pipeline, await decodeAudio(await file.arrayBuffer(), file.name), file.name, signal);
    })();
  };
  const input = find<HTMLInputElement>("file");
  input.addEventListener("change", () => open(input.files?.[0]));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    open(event.dataTransfer?.files[0]);
  });
  const button = find<HTMLButtonElement>("microphone");
  const noMicrophone = inline
    ? "no microphone inside a notebook: export the page and serve it"
    : navigator.mediaDevices
      ? ""
      : "the browser gives no microphone here: open the page by https or from localhost";
  let watching: Promise<void> | undefined;
  /** Nothing else can be clicked until `work` is done. */
  const alone = async <T>(work: () => Promise<T>): Promise<T> => {
    button.disabled = input.disabled = true;
    try {
      return await work();
    } finally {
      button.disabled = false;
      input.disabled = microphone !== undefined;
      button.textContent = microphone ? "Stop" : "Microphone";
    }
  };
  button.addEventListener(
    "click",
    guarded(async (signal) => {
      if (!microphone) {
        const opened = await alone(async () => (microphone = await Microphone.open()));
        watching = watch(pipeline, opened);
        return await watching;
      }
      const stopped = microphone;
      const audio = await alone(async () => {
        microphone = undefined;
        const recorded = await stopped.stop();
        await watching;
        return recorded;
      });
      await hear(pipeline, audio, "recording", signal);
    }),
  );
  input.disabled = false;
  button.disabled = noMicrophone !== "";
  button.title = noMicrophone;
  find("place").textContent = noMicrophone;
  say(`ready, by ${getBackend()}`);
}

main().catch((error: Error) => say(error.message, true));
