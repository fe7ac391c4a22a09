/**
 * `deep-audio-dataset/web`: pipelines in the browser. The code between the samples and the model is that of Node; what is
 * Node's alone, files and threads, is not in it. TensorFlow.js is the page's own and passed in.
 */
import type * as tfjs from "@tensorflow/tfjs-node-gpu";
import { DatasetError } from "../core/error.js";
import { isWav } from "../format/audio.js";
import { checkKnown } from "../core/known-options.js";
import { bytesSource } from "../format/byte-source.js";
import { readCompressedInfo } from "../format/compressed-info.js";
import { Verdict } from "../format/verdict.js";
import { type Audio, decodeWav } from "../format/wav.js";
import { readerOf } from "../pipeline/cut.js";
import { describedFrom, type PipelineDescription } from "../pipeline/description.js";
import { hear, hearRows } from "../pipeline/hear.js";
import type { Prediction } from "../pipeline/predictions.js";
import { checkModel, type PipelineModel, predictSamples, type Tensors } from "../pipeline/run.js";
import { PipelineStream } from "../pipeline/stream.js";

export { DatasetError } from "../core/error.js";
export { featuresOf as computeFeatures } from "../features/features.js";
export { type Audio, encodeWav } from "../format/wav.js";
export type { PipelineDescription } from "../pipeline/description.js";
export { hearRows } from "../pipeline/hear.js";
export { hearLive } from "./live.js";
export { Microphone } from "./microphone.js";
export type {
  ClassPrediction,
  FramePrediction,
  PredictedEvent,
  PredictedPiece,
  Prediction,
  SoundPrediction,
  ValuePrediction,
} from "../pipeline/predictions.js";

/** What is used of TensorFlow.js: `import * as tf from "@tensorflow/tfjs"`. */
export type WebTensorFlow = Tensors & Pick<typeof tfjs, "loadLayersModel" | "loadGraphModel">;

/** Options of `WebPipeline.predict`. */
export interface WebPredictOptions {
  /** Pieces that the model takes at once. Default 8. */
  batchSize?: number;
  signal?: AbortSignal;
  /** Called with the number of pieces that were predicted. */
  onPieces?: (pieces: number) => void;
}

/** A pipeline in the browser. */
export class WebPipeline {
  /** @throws DatasetError "OPTION" where the model doesn't take what the description gives it */
  constructor(
    private readonly tf: Tensors,
    readonly model: PipelineModel,
    readonly description: Readonly<PipelineDescription>,
  ) {
    checkModel(model, description);
  }

  /** As `Pipeline.predict` in Node, of samples: `decodeAudio` gives those of a file. */
  async predict(audio: Audio, options: WebPredictOptions = {}): Promise<Prediction> {
    checkKnown("predict", options, { batchSize: true, signal: true, onPieces: true });
    const samples = hear(audio, this.description, "sound");
    const { batchSize = 8, signal, onPieces } = options;
    return await predictSamples(this.tf, this.model, this.description, readerOf(samples, this.description.channels), {
      batchSize,
      signal,
      onPieces,
      hearing: hearRows,
    });
  }

  /**
   * As `Pipeline.stream` in Node; `hearLive` feeds one from a microphone.
   * @throws DatasetError "OPTION" where the model needs all of the sound
   */
  stream(): PipelineStream {
    return new PipelineStream(this.tf, this.model, this.description);
  }

  /** Frees the model's memory. */
  dispose(): void {
    this.model.dispose();
  }
}

/** The files of a saved pipeline. */
export interface PipelineFiles {
  /** `pipeline.json`. */
  description: string;
  /** `model.json`. */
  model: string;
  weights: ArrayBuffer;
}

/**
 * Loads a pipeline that `pipeline.save` wrote, from the address of its folder or from its files.
 * @throws DatasetError "FILE" where a file is missing or damaged, "OPTION" where the parts don't fit each other
 */
export async function loadPipeline(tf: WebTensorFlow, source: string | PipelineFiles): Promise<WebPipeline> {
  if (typeof source !== "string") return await fromFiles(tf, source);
  const base = source.replace(/\/$/, "");
  const text = async (name: string): Promise<string> => {
    const response = await fetch(`${base}/${name}`).catch(() => undefined);
    if (response?.ok) return await response.text();
    throw new DatasetError(
      "FILE",
      `${base}/${name}: ${response ? `status ${response.status}` : "no answer"}, expected a saved pipeline`,
    );
  };
  const description = describedFrom(await text("pipeline.json"), `${base}/pipeline.json`);
  const model = await loadModel(tf, await text("model.json"), `${base}/model.json`, `${base}/model.json`);
  return new WebPipeline(tf, model, description);
}

async function fromFiles(tf: WebTensorFlow, { description, model, weights }: PipelineFiles): Promise<WebPipeline> {
  const { weightsManifest, ...rest } = JSON.parse(model) as { weightsManifest: { weights: [] }[] };
  const artifacts = { ...rest, weightSpecs: weightsManifest[0]!.weights, weightData: weights };
  const handler = { load: () => Promise.resolve(artifacts) } as Exclude<
    Parameters<typeof tf.loadLayersModel>[0],
    string
  >;
  const described = describedFrom(description, "pipeline.json");
  return new WebPipeline(tf, await loadModel(tf, model, handler, "model.json"), described);
}

async function loadModel(
  tf: WebTensorFlow,
  json: string,
  from: Parameters<WebTensorFlow["loadLayersModel"]>[0],
  where: string,
): Promise<PipelineModel> {
  try {
    const graph = (JSON.parse(json) as { format?: string }).format === "graph-model";
    return await (graph ? tf.loadGraphModel(from) : tf.loadLayersModel(from));
  } catch (cause) {
    throw new DatasetError("FILE", `model: ${(cause as Error).message} (${where})`, [], { cause });
  }
}

/**
 * The samples of a sound file: wav of any depth by the library itself, other formats by the browser, at the file's own
 * sample rate where the library can read it.
 * @throws DatasetError "FORMAT" where it is no sound that can be read
 */
export async function decodeAudio(bytes: ArrayBuffer, name = "sound"): Promise<Audio> {
  const data = new Uint8Array(bytes);
  if (isWav(data)) return decodeWav(data, name);
  try {
    const [info] = readCompressedInfo(bytesSource(data), new Verdict(name, "warn"));
    const context = new OfflineAudioContext(1, 1, info?.sampleRate ?? 48000);
    const buffer = await context.decodeAudioData(bytes.slice(0));
    const channels = buffer.numberOfChannels;
    const samples = new Float32Array(buffer.length * channels);
    for (let c = 0; c < channels; c++) {
      const one = buffer.getChannelData(c);
      for (let i = 0; i < one.length; i++) samples[i * channels + c] = one[i]!;
    }
    return { sampleRate: buffer.sampleRate, channels, samples };
  } catch (cause) {
    if (cause instanceof DatasetError) throw cause;
    throw new DatasetError("FORMAT", `${name}: not decoded by this browser, expected a sound file`, [], { cause });
  }
}
