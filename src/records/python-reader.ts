import { join, resolve } from "node:path";
import type { Manifest } from "./manifest.js";

/** Python code that reads a dataset's records with TensorFlow, ready to paste. `inputSize`: samples per frame, where x has frames. */
export function pythonReader(
  directory: string,
  manifest: Manifest,
  options: { inputSize?: number | undefined; batchSize?: number } = {},
): string {
  const { name, kind, encoding, sampleRate, channels, examples, labels, width = 0 } = manifest;
  const { inputSize = kind === "frames" ? manifest.inputSize : undefined, batchSize = 64 } = options;
  const audio = [...(inputSize ? ["frames", inputSize] : ["samples"]), ...(channels > 1 ? [channels] : [])];
  const target = kind === "pairs" ? audio : kind === "frames" ? ["frames", width] : [width];
  // A json string is a Python string.
  const text = JSON.stringify;
  const call = [text(resolve(directory)), text(name), ...(inputSize ? [`input_size=${inputSize}`] : [])].join(", ");
  return [
    `# Dataset ${text(name)}: ${examples} examples of kind ${kind}, ${sampleRate} Hz, stored as ${encoding}`,
    "import sys",
    `sys.path.append(${text(join(__dirname, "..", "..", "python"))})`,
    "from deep_audio_dataset import read",
    "",
    ...(labels ? [`labels = ${text(labels)}`] : []),
    `dataset = read(${call})  # x [${audio.join(", ")}], y [${target.join(", ")}], float32`,
    `batches = dataset.padded_batch(${batchSize}).prefetch(2)`,
    "",
  ].join("\n");
}
