// Makes a small dataset of tones, trains a net that turns one wave into another, and saves it with all it needs.
import { AudioDataset, createPipeline, fit, loadTensorFlow } from "deep-audio-dataset";

const tf = loadTensorFlow();

export async function train(steps = 200, epochs = 10) {
  const dataset = new AudioDataset("./data", "tones", { seed: 1 });
  await dataset.generate(100, 1000, steps, { waves: ["sin", "saw"], removeWav: true });
  await dataset.load({ inputSize: 256, batchSize: 16 });
  const model = tf.sequential();
  model.add(tf.layers.dense({ inputShape: [null, 256], units: 256, activation: "tanh" }));
  model.add(tf.layers.dense({ units: 256 }));
  model.compile({ optimizer: "adam", loss: "meanSquaredError" });
  const result = await fit(model, dataset, { epochs });
  await createPipeline(model, dataset).save("./models/tones");
  return result;
}

if (import.meta.url === `file://${process.argv[1]}`) console.log(await train());
