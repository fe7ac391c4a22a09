/** Records of FLAC beside those of plain 16-bit samples: building them, and epochs of whole sounds and of windows. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LoadOptions, loadTensorFlow, RegressionDataset } from "../dist/index.js";
import { SOUND } from "./harness-sounds.js";
import { compare, type Measure, measure, pythonPeer, round, tiny } from "./harness.js";

const FILES = tiny ? 2 : 8;
const SECONDS = tiny ? 2 : 60;
const RATE = 44100;

const MAKER = `
import numpy as np, soundfile
${SOUND}
def run(input):
    x = sound(input["sound"], input["frames"], input["rate"])[:, 0]
    for k in range(input["files"]):
        soundfile.write("%s/in/%d.wav" % (input["folder"], k), np.roll(x, 1000 * k), input["rate"], "PCM_16")
`;

type Encoding = "flac" | "pcm16";

async function main(folder: string): Promise<void> {
  const tf = loadTensorFlow();
  const python = pythonPeer(MAKER);
  for (const sound of ["music", "speech", "noise"]) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(join(folder, "in"), { recursive: true });
    await python.run({ folder, sound, files: FILES, frames: SECONDS * RATE, rate: RATE });
    const datasets = { flac: new RegressionDataset(folder, "flac-"), pcm16: new RegressionDataset(folder, "pcm-") };
    const rows = Array.from({ length: FILES }, (_, k) => `${k}.wav,${k}\n`).join("");
    for (const { name } of Object.values(datasets)) writeFileSync(join(folder, name), rows);
    const build = (encoding: Encoding) => async (): Promise<number> => {
      const { name } = datasets[encoding];
      for (const file of readdirSync(folder)) if (file.startsWith(name) && file !== name) rmSync(join(folder, file));
      await datasets[encoding].generateRecords({ encoding, onProgress: false });
      return FILES;
    };
    const epoch = (encoding: Encoding, options: LoadOptions) => async (): Promise<number> => {
      const dataset = datasets[encoding];
      await dataset.load({ ...options, trainSplit: 1, valSplit: 0, testSplit: 0, checksums: "never" });
      let sum = 0;
      await dataset.train.forEachAsync(({ xs, ys }) => {
        sum += xs.size;
        tf.dispose([xs, ys]);
      });
      return sum;
    };
    const size = (encoding: Encoding): number =>
      readdirSync(folder)
        .filter((file) => file.startsWith(datasets[encoding].name) && file.endsWith(".tfrecord"))
        .reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
    const works: Record<string, (encoding: Encoding) => () => Promise<number>> = {
      build,
      "epoch of whole sounds, batches of 2": (encoding) => epoch(encoding, { batchSize: 2 }),
      "epoch of windows of 1 s, batches of 64": (encoding) =>
        epoch(encoding, { batchSize: 64, window: { length: RATE } }),
    };
    for (const [what, work] of Object.entries(works)) {
      const side = (encoding: Encoding) => (): Promise<Measure> => measure(work(encoding));
      const details: Record<string, unknown> = {};
      const about = {
        name: `records of ${sound} as FLAC, ${what.split(",")[0]}`,
        work: `${FILES} × ${SECONDS} s like ${sound}, 44.1 kHz, as FLAC: ${what}`,
        peer: "this library with pcm16",
        target: 0.2,
        details,
      };
      const flac = side("flac");
      await compare(
        about,
        async () => {
          const measured = await flac();
          details.share = round(size("flac") / (size("pcm16") || Number.NaN));
          return measured;
        },
        side("pcm16"),
      );
    }
  }
  python.close();
}

const folder = mkdtempSync(join(process.env.BENCH_FOLDER ?? tmpdir(), "bench-encodings-"));
main(folder).finally(() => rmSync(folder, { recursive: true, force: true }));
