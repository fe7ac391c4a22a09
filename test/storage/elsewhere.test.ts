import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { AudioDataset, DatasetError, loadTensorFlow } from "../../dist/index.js";
import { readBytes } from "../../dist/storage/read-source.js";
import { startS3 } from "../support/moto.js";
import { folder, quiet, sha256 } from "../support/records.js";

let s3: { close: () => void };
before(async () => {
  s3 = await startS3();
});
after(() => s3.close());

/** Twelve shards of three pairs. */
async function builtSet(t: TestContext): Promise<string> {
  const directory = folder(t);
  const dataset = new AudioDataset(directory, "tones", { seed: 3 });
  await dataset.generate(200, 2000, 9, { duration: 0.1, removeWav: true, examplesPerFile: 3, ...quiet });
  return directory;
}

const LOADED = { inputSize: 160, batchSize: 5, seed: 7, trainSplit: 0.8, valSplit: 0.2, testSplit: 0 };

/** Hash of every array of two epochs of training and one of validation. */
async function epochs(directory: string, options: object): Promise<string[]> {
  const dataset = new AudioDataset(directory, "tones");
  await dataset.load({ ...LOADED, ...options });
  const hashes: string[] = [];
  for (const side of [dataset.train, dataset.train, dataset.validate]) {
    await side.forEachAsync(({ xs, ys }) => {
      hashes.push(...[xs, ys].map((tensor) => sha256((tensor as { dataSync(): Float32Array }).dataSync())));
    });
  }
  return hashes;
}

type Answer = (request: IncomingMessage, response: ServerResponse, file: Buffer) => void;

/** As web servers answer ranges. */
const ranged: Answer = ({ headers: { range } }, response, file) => {
  const etag = `"${sha256(file).slice(0, 8)}"`;
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(range ?? "") ?? [];
  if (from === undefined) return void response.writeHead(200, { etag, "content-length": file.length }).end(file);
  const part = file.subarray(Number(from), Number(to) + 1);
  const headers = { etag, "content-range": `bytes ${from}-${to}/${file.length}`, "content-length": part.length };
  response.writeHead(206, headers).end(part);
};

async function serve(t: TestContext, directory: string, answer: Answer): Promise<{ address: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const name = basename(request.url!);
    if (!readdirSync(directory).includes(name)) return void response.writeHead(404).end();
    asked.push(name);
    answer(request, response, readFileSync(join(directory, name)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/set`, asked };
}

const shardsOf = (asked: string[]): string[] => asked.filter((name) => name.endsWith(".tfrecord"));

test("records on a web server are those of the disk, and are fetched once", async (t) => {
  loadTensorFlow();
  const directory = await builtSet(t);
  const { address, asked } = await serve(t, directory, ranged);
  const cache = { folder: folder(t) };
  const here = await epochs(directory, {});
  assert.deepEqual(await epochs(address, { cache }), here);
  const fetched = shardsOf(asked).length;
  assert.ok(fetched > 0);
  assert.deepEqual(await epochs(address, { cache }), here);
  assert.equal(shardsOf(asked).length, fetched, "loaded again, nothing is fetched again");
  const kept = readdirSync(cache.folder).filter((name) => /^[0-9a-f]{64}$/.test(name));
  assert.equal(kept.length, 12, "every shard is kept whole, by its hash");
  for (const name of kept) assert.equal(sha256(readFileSync(join(cache.folder, name))), name);
});

test("a server without ranges sends whole shards, each once", async (t) => {
  const directory = await builtSet(t);
  const { address, asked } = await serve(t, directory, (_, response, file) => response.end(file));
  assert.deepEqual(await epochs(address, { cache: { folder: folder(t) } }), await epochs(directory, {}));
  // Each thread that wants a shard at the same time asks for it.
  assert.ok(shardsOf(asked).length >= 12);
});

test("a cache smaller than the set gives the same and keeps its bound", async (t) => {
  const directory = await builtSet(t);
  const { address } = await serve(t, directory, ranged);
  const bytes = 3 * statSync(join(directory, "tones0.tfrecord")).size;
  const cache = { folder: folder(t), bytes };
  assert.deepEqual(await epochs(address, { cache, workers: 1 }), await epochs(directory, {}));
  const used = (at: string): number =>
    readdirSync(at, { withFileTypes: true }).reduce((sum, entry) => {
      if (entry.isDirectory()) return sum + used(join(at, entry.name));
      const { size, blocks, nlink } = statSync(join(at, entry.name));
      return sum + (entry.name.includes(".index") ? 0 : Math.min(size, 512 * blocks) / nlink);
    }, 0);
  // What is being read stays, however little the bound allows.
  assert.ok(used(cache.folder) <= 2.5 * bytes, `${used(cache.folder)} bytes`);
});

test("what the network breaks is asked for again", async (t) => {
  const directory = await builtSet(t);
  const seen = new Map<string, number>();
  const { address } = await serve(t, directory, (request, response, file) => {
    const key = `${request.url} ${request.headers.range}`;
    const time = seen.get(key) ?? 0;
    seen.set(key, time + 1);
    if (time === 0) return void response.writeHead(503).end();
    if (time === 1) {
      response.writeHead(200, { "content-length": file.length }).write(file.subarray(0, 10));
      return void setImmediate(() => response.destroy());
    }
    ranged(request, response, file);
  });
  assert.deepEqual(await epochs(address, { cache: { folder: folder(t) } }), await epochs(directory, {}));
});

test("an answer that stops coming is asked for again, and at last given up", async (t) => {
  const directory = await builtSet(t);
  let answers = 0;
  const { address } = await serve(t, directory, (_, response, file) => {
    response.writeHead(200, { "content-length": file.length }).write(file.subarray(0, 10));
    if (++answers === 3) response.end(file.subarray(10));
  });
  const file = `${address}/tones0.index`;
  assert.deepEqual(await readBytes(file, { stallMs: 20 }), readFileSync(join(directory, "tones0.index")));
  answers = 3;
  await assert.rejects(readBytes(file, { stallMs: 20 }), /tones0\.index: no byte for 0\.02 s/);
  assert.equal(answers, 8);
});

test("wrong bytes, a replaced shard and a missing one are errors that name it", async (t) => {
  const directory = await builtSet(t);
  const failure = async (answer: Answer): Promise<DatasetError> => {
    const { address } = await serve(t, directory, answer);
    return await epochs(address, { cache: { folder: folder(t) } }).then(
      () => assert.fail("no error"),
      (error: unknown) => {
        assert.ok(error instanceof DatasetError, String(error));
        return error;
      },
    );
  };
  const shard = (request: IncomingMessage): boolean => request.url!.endsWith("tones4.tfrecord");
  const flipped = await failure((request, response, file) => {
    const copy = Buffer.from(file);
    if (shard(request)) for (let at = 100; at < copy.length; at += 1000) copy[at]! ^= 1;
    ranged(request, response, copy);
  });
  assert.equal(flipped.code, "RECORD");
  assert.match(flipped.message, /data checksum.*expected.*tones4\.tfrecord, byte \d+/);
  const longer = await failure((request, response, file) => {
    ranged(request, response, shard(request) ? Buffer.concat([file, file]) : file);
  });
  assert.equal(longer.code, "STALE");
  assert.match(longer.message, /tones4\.tfrecord: \d+ bytes, expected \d+/);
  const missing = await failure((request, response, file) => {
    if (shard(request)) response.writeHead(404).end();
    else ranged(request, response, file);
  });
  assert.equal(missing.code, "FILE");
  assert.match(missing.message, /tones4\.tfrecord: not found \(404\)/);
});

test("records in a bucket are those of the disk", async (t) => {
  const directory = await builtSet(t);
  const client = new S3Client({ forcePathStyle: true });
  await client.send(
    new CreateBucketCommand({ Bucket: "sounds", CreateBucketConfiguration: { LocationConstraint: "eu-central-1" } }),
  );
  for (const name of readdirSync(directory)) {
    if (!statSync(join(directory, name)).isFile()) continue;
    const Body = readFileSync(join(directory, name));
    await client.send(new PutObjectCommand({ Bucket: "sounds", Key: `sets/tones/${name}`, Body }));
  }
  const address = "s3://sounds/sets/tones/";
  const cache = { folder: folder(t) };
  assert.deepEqual(await epochs(address, { cache }), await epochs(directory, {}));
  const dataset = new AudioDataset(address, "tones");
  await dataset.load({ ...LOADED, cache: { folder: folder(t) } });
  const local = new AudioDataset(directory, "tones");
  await local.load(LOADED);
  assert.deepEqual(await dataset.example(20), await local.example(20));
  assert.deepEqual((await dataset.audit(quiet)).findings, (await local.audit(quiet)).findings);
});

test("an address that holds no records, and calls that need a folder, are errors", async (t) => {
  const { address } = await serve(t, folder(t), ranged);
  const cache = { folder: folder(t) };
  const code = (code: string, message: RegExp) => (error: unknown) => {
    assert.ok(error instanceof DatasetError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /s3cr3t|AKIATESTKEY/);
    return true;
  };
  await assert.rejects(new AudioDataset(address, "tones").load({ cache }), code("RECORD", /no tones\.manifest\.json/));
  await assert.rejects(new AudioDataset("s3://nobody/here", "tones").load({ cache }), code("RECORD", /no tones/));
  await assert.rejects(new AudioDataset("ftp://host/set", "tones").load({ cache }), code("OPTION", /expected s3:/));
  await assert.rejects(new AudioDataset(address, "tones").generateRecords(), code("OPTION", /folder of this machine/));
  await assert.rejects(new AudioDataset(folder(t), "tones").load({ cache }), code("OPTION", /cache/));
  mkdirSync(join(cache.folder, "x"));
  writeFileSync(join(cache.folder, "x/file"), "");
  const wrong = { folder: join(cache.folder, "x/file") };
  await assert.rejects(new AudioDataset(address, "tones").load({ cache: wrong }), code("FILE", /x\/file/));
});
