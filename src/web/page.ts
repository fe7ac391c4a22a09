// The script of an exported page: a file or the microphone in, what the model says out.
import * as tf from "@tensorflow/tfjs";
import { classesOverTime, roll, spectrogram, waveform } from "./draw.js";
import * as library from "./index.js";
import { type Audio, decodeAudio, encodeWav, loadPipeline, type Prediction, type WebPipeline } from "./index.js";
import { record } from "./microphone.js";

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

function download(name: string, data: Uint8Array | string, type: string): HTMLAnchorElement {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([data as BlobPart], { type }));
  link.download = name;
  link.textContent = name;
  return link;
}

function player(label: string, audio: Audio): HTMLElement {
  const figure = element("figure");
  const sound = document.createElement("audio");
  sound.controls = true;
  sound.src = URL.createObjectURL(new Blob([encodeWav(audio) as BlobPart], { type: "audio/wav" }));
  sound.setAttribute("aria-label", label);
  figure.append(element("figcaption", label), sound);
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
    shown: [player("before", audio), player("after", prediction), waveform(prediction), spectrogram(prediction)],
    saved: [download(`${name}.wav`, encodeWav(prediction), "audio/wav")],
  };
}

/** Runs the model on a sound and shows both. */
async function hear(pipeline: WebPipeline, audio: Audio, name: string): Promise<void> {
  const seconds = audio.samples.length / audio.channels / audio.sampleRate;
  say(`${name}: ${seconds.toFixed(1)} s, listening …`);
  find("result").replaceChildren();
  const start = performance.now();
  const prediction = await pipeline.predict(audio);
  const took = (performance.now() - start) / 1000;
  const { shown, saved } = views(prediction, audio, name.replace(/\.[^.]*$/, ""));
  const sound = prediction.kind === "pairs" ? [] : [player(name, audio)];
  const links = element("p");
  links.append("Save: ", ...saved.flatMap((link) => [link, " "]));
  find("result").replaceChildren(...sound, waveform(audio), spectrogram(audio), ...shown, links);
  Object.assign(window, { prediction });
  say(`${name}: ${seconds.toFixed(1)} s of sound in ${took.toFixed(2)} s, by ${tf.getBackend()}`);
}

async function main(): Promise<void> {
  await tf.ready();
  const wanted = new URLSearchParams(location.search).get("backend");
  if (wanted) await tf.setBackend(wanted);
  const pipeline = await loadPipeline(tf, "model");
  // For whoever looks at the page with the browser's tools.
  Object.assign(window, { deepAudio: { ...library, tf, pipeline } });
  const guarded = (work: () => Promise<void>) => (): void => {
    work().catch((error: Error) => say(error.message, true));
  };
  const open = (file: File | undefined): void =>
    guarded(async () => {
      if (file) await hear(pipeline, await decodeAudio(await file.arrayBuffer(), file.name), file.name);
    })();
  const input = find<HTMLInputElement>("file");
  input.addEventListener("change", () => open(input.files?.[0]));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    open(event.dataTransfer?.files[0]);
  });
  const button = find<HTMLButtonElement>("microphone");
  if (!navigator.mediaDevices) {
    button.disabled = true;
    button.title = "the browser gives no microphone here: open the page by https or from localhost";
  }
  let stop: (() => Promise<Audio>) | undefined;
  button.addEventListener(
    "click",
    guarded(async () => {
      if (!stop) {
        stop = await record((seconds, peak) =>
          say(`recording ${seconds.toFixed(1)} s, peak ${(20 * Math.log10(peak || 1e-6)).toFixed(0)} dBFS`),
        );
        button.textContent = "Stop";
        return;
      }
      const audio = await stop();
      stop = undefined;
      button.textContent = "Microphone";
      await hear(pipeline, audio, "recording");
    }),
  );
  for (const control of [input, button]) if (control !== button || navigator.mediaDevices) control.disabled = false;
  say(`ready, by ${tf.getBackend()}`);
}

main().catch((error: Error) => say(error.message, true));
