// Builds, checks and audits on a real cluster of Ray give what one machine gives, whatever happens to the cluster's processes.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { delimiter, dirname, join } from "node:path";
import type { Tensor } from "@tensorflow/tfjs-node-gpu";
import { saveModel } from "../../dist/train/checkpoint.js";
import { loadTensorFlow } from "../../dist/tensorflow/load.js";
import { packageFolders } from "../../dist/setup/paths.js";
import { after, before, describe, it, type TestContext } from "node:test";
import {
  AudioDataset,
  DatasetError,
  encodeWav,
  type Progress,
  random,
  type RayOptions,
  SimpleAudioClassificationDataset,
} from "../../dist/index.js";
import { progressLine } from "../../dist/notebook/progress.js";
import { ended, start } from "../support/processes.js";
import { python, pythonPath, root } from "../support/python.js";
import { folder, quiet, shardHashes } from "../support/records.js";
import { type Cluster, nodesOf, startCluster } from "./cluster.js";

const tf = loadTensorFlow();
const COUNT = 12;
const one = { ...quiet, examplesPerFile: 1 } as const;

/** A set of twelve sounds of noise in two classes. */
function newSet(t: TestContext): SimpleAudioClassificationDataset {
  const directory = folder(t);
  mkdirSync(join(directory, "in"));
  const noise = random("noise");
  const lines = Array.from({ length: COUNT }, (_, i) => {
    const samples = Int16Array.from({ length: 8000 }, () => 3000 * noise.gaussian());
    writeFileSync(join(directory, "in", `${i}.wav`), encodeWav({ sampleRate: 8000, channels: 1, samples }));
    return `${i}.wav,${i % 2},${1 - (i % 2)}\n`;
  });
  writeFileSync(join(directory, "set"), lines.join(""));
  return new SimpleAudioClassificationDataset(directory, "set");
}

/** What one machine builds of the same set. */
async function expectedHashes(t: TestContext): Promise<Record<string, string>> {
  const set = newSet(t);
  await set.generateRecords(one);
  return shardHashes(set.directory);
}

/** Waits for what a process outside does: asked ten times a second, for as long as the test runner allows. */
async function until<T>(found: () => T | undefined | false): Promise<T> {
  for (;;) {
    const value = found();
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const isThere = (pid: number): boolean => {
  try {
    // A zombie has no command any more.
    return readFileSync(`/proc/${pid}/cmdline`, "utf8") !== "";
  } catch {
    return false;
  }
};

/** The finished shards in the staging folder. */
function staged({ directory, name }: SimpleAudioClassificationDataset): string[] {
  const path = join(directory, `.${name}.build`);
  try {
    return readdirSync(path).flatMap((file) => (file.endsWith(".tfrecord.json") ? [file.slice(0, -5)] : []));
  } catch {
    return [];
  }
}

describe("Ray", () => {
  let cluster: Cluster;
  let ray: RayOptions;
  before(async () => {
    cluster = await startCluster();
    ray = cluster.ray;
  });
  after(() => cluster?.close());

  /** Finds a raylet's next Node process, that of a job which begins now, and stops it, so that it stands still. */
  const nextFreezer = (): ((raylet: number) => Promise<number>) => {
    const earlier = cluster.raylets.flatMap(nodesOf);
    return (raylet) =>
      until(() => {
        const pid = nodesOf(raylet).find((found) => !earlier.includes(found));
        if (pid !== undefined) process.kill(pid, "SIGSTOP");
        return pid;
      });
  };

  it("builds the same shards, past a task that stands still, and tells how far it is", async (t) => {
    const set = newSet(t);
    const freezeOne = nextFreezer();
    const seen: Progress[] = [];
    const building = set.generateRecords({ ...one, ray, onProgress: (progress) => void seen.push(progress) });
    const frozen = await freezeOne(cluster.raylets[0]!);
    await building;
    assert.deepEqual(shardHashes(set.directory), await expectedHashes(t));
    const last = seen.at(-1)!;
    assert.deepEqual(
      [last.stage, last.done, last.total, last.unit, last.retries],
      ["records", COUNT, COUNT, "examples", 0],
    );
    assert.ok(last.rate > 0 && seen.some(({ done }) => done > 0 && done < COUNT));
    await until(() => !isThere(frozen));
  });

  it("replaces shards without a manifest by overwrite alone", async (t) => {
    const set = newSet(t);
    const foreign = join(set.directory, "set3.tfrecord");
    writeFileSync(foreign, "of another program");
    await assert.rejects(set.generateRecords({ ...one, ray }), { code: "RECORD", message: /set3.*overwrite: true/ });
    assert.equal(readFileSync(foreign, "utf8"), "of another program");
    await set.generateRecords({ ...one, ray, overwrite: true });
    assert.deepEqual(shardHashes(set.directory), await expectedHashes(t));
  });

  it("builds sounds that lie on a web server, each fetched by the task of its shard", async (t) => {
    const from = newSet(t).directory;
    const requests: string[] = [];
    const server = createServer(({ url, method }, response) => {
      if (method === "GET") requests.push(url!);
      const sound = readFileSync(join(from, "in", url!));
      response.writeHead(200, { "content-length": sound.length }).end(method === "HEAD" ? undefined : sound);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => server.close().closeAllConnections());
    const { port } = server.address() as AddressInfo;
    const build = async (options: { ray?: RayOptions }): Promise<Record<string, string>> => {
      const directory = folder(t);
      const lines = Array.from(
        { length: COUNT },
        (_, i) => `http://127.0.0.1:${port}/${i}.wav,${i % 2},${1 - (i % 2)}\n`,
      );
      writeFileSync(join(directory, "set"), lines.join(""));
      await new SimpleAudioClassificationDataset(directory, "set").generateRecords({ ...one, ...options });
      return shardHashes(directory);
    };
    const expected = await build({});
    const alone = requests.splice(0).sort();
    assert.deepEqual(await build({ ray }), expected);
    assert.deepEqual(requests.sort(), alone);
  });

  it("fails at once where a file is damaged, and names it", async (t) => {
    const set = newSet(t);
    const file = join(set.directory, "in/7.flac");
    python(
      `
import numpy as np, soundfile as sf
sf.write(input, np.random.default_rng(2).uniform(-0.5, 0.5, 8000), 8000, subtype="PCM_16")
print("null")`,
      file,
    );
    const bytes = readFileSync(file);
    bytes[9000]! ^= 255;
    writeFileSync(file, bytes);
    writeFileSync(join(set.directory, "set"), "1.wav,1,0\n7.flac,0,1\n");
    const { code, message } = await set.generateRecords(one).catch((error) => error);
    assert.match(message, /7\.flac/);
    const retries = new Set<number | undefined>();
    const onProgress = (progress: Progress): void => void retries.add(progress.retries ?? 0);
    await assert.rejects(set.generateRecords({ ...one, ray, onProgress }), { code, message });
    assert.deepEqual([...retries], [0]);
  });

  it("checks and audits as one machine does", async (t) => {
    const set = newSet(t);
    writeFileSync(join(set.directory, "in/3.wav"), readFileSync(join(set.directory, "in/2.wav")));
    await set.generateRecords(one);
    writeFileSync(join(set.directory, "in/5.wav"), "no sound");
    const [here, there] = [await set.check(quiet), await set.check({ ...quiet, ray })];
    assert.ok(!there.ok);
    assert.equal(String(there), String(here));
    assert.deepEqual(JSON.parse(JSON.stringify(there)), JSON.parse(JSON.stringify(here)));
    const side = (...examples: number[]): Uint32Array => Uint32Array.from(examples);
    const split = { train: side(0, 1, 2, 6, 7, 8), validate: side(3, 4), test: side(5, 9, 10, 11) };
    await set.load({ split, allowStale: true });
    const found = await set.audit({ ...quiet, ray });
    assert.ok(found.findings.length > 0);
    assert.deepEqual(found, await set.audit(quiet));
  });

  it("ray.data reads windows, without TensorFlow, to what load gives", async (t) => {
    const set = newSet(t);
    await set.generateRecords({ ...quiet, examplesPerFile: 5 });
    const window = { length: 3000, step: 2500 };
    const replica = { index: 1, count: 2 };
    await set.load({ trainSplit: 0.5, valSplit: 0.25, testSplit: 0.25, window, replica, shuffle: false, batchSize: 1 });
    const split = join(set.directory, "split.json");
    await set.saveSplit(split);
    const expected: { x: unknown; y: unknown }[] = [];
    await set.train.forEachAsync(({ xs, ys }) => {
      expected.push({ x: (xs.arraySync() as unknown[])[0], y: (ys.arraySync() as unknown[])[0] });
      xs.dispose();
      (ys as Tensor).dispose();
    });
    const script = `
import json, sys
import ray
sys.path.append(sys.argv[1])
from deep_audio_dataset import ray_dataset
ray.init(log_to_driver=False, logging_level="error")
ray.data.DataContext.get_current().enable_progress_bars = False
rows = ray_dataset(sys.argv[2], "set", blocks=4, split=sys.argv[3], replica=(1, 2), window=3000, step=2500).take_all()
assert "tensorflow" not in sys.modules
rows.sort(key=lambda row: row["number"])
print(json.dumps([{"x": row["x"].tolist(), "y": row["y"].tolist()} for row in rows]))`;
    const args = ["-c", script, join(root, "python"), set.directory, split];
    const { status, stdout, stderr } = await ended(start(cluster.ray.python, args, { env: cluster.driver }));
    assert.equal(status, 0, stderr);
    assert.deepEqual(JSON.parse(stdout.trim().split("\n").at(-1)!), expected);
  });

  it("Ray Train goes on with a model of TensorFlow.js as the page says, in two processes that end with the same", async (t) => {
    const directory = folder(t);
    const notes = new AudioDataset(join(directory, "notes"), "notes", { seed: 1 });
    const recipe = { waves: ["sin"], duration: 0.1, sampleRate: 8000, ...quiet } as const;
    await notes.generate(100, 800, 300, { ...recipe, waves: [...recipe.waves] });
    await notes.load({ trainSplit: 0.8, valSplit: 0.2, testSplit: 0, inputSize: 256 });
    await notes.saveSplit(join(directory, "notes/split.json"));
    const model = tf.sequential({ layers: [tf.layers.dense({ inputShape: [null, 256], units: 256 })] });
    await saveModel(model, join(directory, "model"));
    const converter = join(root, "python/tfjs_to_keras.py");
    execFileSync(pythonPath, [converter, join(directory, "model"), join(directory, "notes.keras")]);
    const [, block] = /### Ray Train\n[\s\S]*?```python\n([\s\S]*?)```/.exec(
      readFileSync(join(root, "docs/scale.md"), "utf8"),
    )!;
    // What each process has at the end of an epoch, for the comparison.
    const seen = `with open(f"{config['folder']}/rank{replica[0]}.json", "w") as file:
            weights = [hashlib.sha256(w.tobytes()).hexdigest() for w in model.get_weights()]
            json.dump({"losses": losses, "weights": weights}, file)`;
    const code = block!
      .replaceAll("/data/", `${directory}/`)
      .replace(/^ {8}ray\.train\.report.*$/m, `$&\n        ${seen}`);
    assert.ok(code.includes(seen));
    // With the project's TensorFlow, for the driver and its workers alone.
    const paths = [join(root, "python"), ...packageFolders(dirname(dirname(pythonPath)))];
    const script = `
import hashlib, json, os, ray
ray.init(runtime_env={"env_vars": {name: os.environ[name] for name in ("PYTHONPATH", "CUDA_VISIBLE_DEVICES")}})
${code}`;
    const env = { ...cluster.driver, PYTHONPATH: paths.join(delimiter), CUDA_VISIBLE_DEVICES: "-1" };
    const { status, stdout, stderr } = await ended(start(cluster.ray.python, ["-c", script], { env }));
    assert.equal(status, 0, stdout + stderr);
    const [one, two] = [0, 1].map((rank) =>
      JSON.parse(readFileSync(join(directory, `notes/rank${rank}.json`), "utf8")),
    );
    assert.deepEqual(one, two);
    const { losses } = one as { losses: number[] };
    assert.ok(losses.length > 2 && losses.at(-1)! < losses[0]!, String(losses));
  });

  it("goes on without the process that submitted it, is found again, and stops when told", async (t) => {
    const set = newSet(t);
    const freezeOne = nextFreezer();
    const script = `
const { SimpleAudioClassificationDataset } = require(${JSON.stringify(join(root, "dist/index.js"))});
const { directory, ray } = JSON.parse(process.env.INPUT);
new SimpleAudioClassificationDataset(directory, "set").generateRecords({ onProgress: false, examplesPerFile: 1, ray });`;
    const env = { ...process.env, INPUT: JSON.stringify({ directory: set.directory, ray }) };
    const notebook = start(process.execPath, ["-e", script], { env });
    const frozen = await Promise.all(cluster.raylets.map(freezeOne));
    notebook.kill("SIGKILL");
    await once(notebook, "close");
    const id = readdirSync(set.directory).filter((file) => file.startsWith(".set.ray"));
    assert.deepEqual(id, [".set.ray-records"]);
    await assert.rejects(set.generateRecords({ ...quiet, examplesPerFile: 2, ray }), {
      code: "LOCKED",
      message: /set-records-/,
    });
    const controller = new AbortController();
    const stopped = set.generateRecords({
      ...one,
      ray,
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    await assert.rejects(stopped, { code: "ABORTED" });
    await until(() => !frozen.some(isThere));
    await set.generateRecords({ ...one, ray });
    assert.deepEqual(shardHashes(set.directory), await expectedHashes(t));
  });

  it("does again what a killed process and a lost machine had begun, and nothing else", async (t) => {
    const set = newSet(t);
    const freezeOne = nextFreezer();
    const retries = new Set<number | undefined>();
    const lines = new Set<string>();
    const onProgress = (progress: Progress): void => {
      retries.add(progress.retries);
      lines.add(progressLine(progress));
    };
    const building = set.generateRecords({ ...one, ray, onProgress });
    const [lost, kept] = cluster.raylets;
    const [frozen, killed] = await Promise.all([freezeOne(lost!), freezeOne(kept!)]);
    process.kill(killed, "SIGKILL");
    await until(() => staged(set).length >= COUNT / 2);
    const built = staged(set);
    const inode = (path: string, file: string): number => statSync(join(set.directory, path, file)).ino;
    const before = built.map((file) => inode(".set.build", file));
    process.kill(lost!, "SIGKILL");
    await building;
    assert.deepEqual(shardHashes(set.directory), await expectedHashes(t));
    assert.deepEqual(
      built.map((file) => inode("", file)),
      before,
    );
    // The lost machine's task may have been started elsewhere as a straggler's before Ray knew that the machine is gone; both may be
    // told at once.
    assert.ok((retries.has(1) || retries.has(2)) && !retries.has(3), String([...retries]));
    assert.ok([...lines].some((line) => /, (1 retry|2 retries)$/.test(line)));
    await until(() => !isThere(frozen));
  });

  it("refuses a wrong token and options, and writes the token nowhere", async (t) => {
    const set = newSet(t);
    const refused = async (options: object, expected: object): Promise<void> => {
      const error = await set.generateRecords({ ...one, ray: { ...ray, ...options } }).catch((thrown) => thrown);
      assert.ok(error instanceof DatasetError);
      assert.doesNotMatch(`${error.message} ${error.stack} ${error.cause}`, /secret/);
      for (const [key, value] of Object.entries(expected)) assert.match(String(error[key as "code"]), value as RegExp);
    };
    await refused({ token: "secret" }, { code: /ENVIRONMENT/, message: /answered 40[13].*token/ });
    await refused({ token: "secret\n" }, { code: /OPTION/, message: /ray\.token/ });
    await refused({ address: "http://me:secret@head:8265" }, { code: /OPTION/, message: /ray\.address/ });
    await refused({ address: "http://127.0.0.1:1" }, { code: /ENVIRONMENT/, message: /is the cluster up/ });
    await refused({ python: "no-such-python" }, { code: /ENVIRONMENT/, message: /no-such-python: not found/ });
    assert.ok(!cluster.logs().includes(ray.token!));
    for (const file of readdirSync(set.directory, { recursive: true, withFileTypes: true }).filter((f) => f.isFile()))
      assert.ok(!readFileSync(join(file.parentPath, file.name), "latin1").includes(ray.token!), file.name);
  });
});
