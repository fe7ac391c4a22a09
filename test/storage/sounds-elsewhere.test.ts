import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import {
  AudioClassificationDataset,
  AudioDataset,
  buildOneShard,
  type Dataset,
  type DatasetError,
  encodeWav,
  finishPlan,
  fromCsv,
  fromEvents,
  RegressionDataset,
  SimpleAudioClassificationDataset,
} from "../../dist/index.js";
import { folderInfo } from "../../dist/check/folder-info.js";
import { staleShards } from "../../dist/records/staleness.js";
import { startS3 } from "../support/moto.js";
import { python } from "../support/python.js";
import { folder, quiet, sha256 } from "../support/records.js";

// Before the first thread starts: what is fetched lies here.
const temporary = mkdtempSync(join(tmpdir(), "elsewhere-"));
process.env.TMPDIR = temporary;
after(() => rmSync(temporary, { recursive: true, force: true }));

const fetched = (): string[] => readdirSync(temporary).filter((name) => name.startsWith("deep-audio-"));

/** Sounds in every format, of which soundfile wrote all but the last; ten seconds each. */
const sounds = join(temporary, "sounds");
const NAMES = ["a.wav", "b.flac", "c.mp3", "d.ogg", "e.wav"];

let s3: { close: () => void };
before(async () => {
  mkdirSync(sounds);
  python(
    `
import numpy as np, soundfile as sf
random = np.random.default_rng(5)
for name in ["a.wav", "b.flac", "c.mp3", "d.ogg"]:
    sf.write(f"{input}/{name}", 0.2 * random.standard_normal(160000).clip(-3, 3), 16000)
print("null")
`,
    sounds,
  );
  writeFileSync(join(sounds, "e.wav"), withCue(encodeWav({ sampleRate: 16000, channels: 1, samples: noise(160000) })));
  s3 = await startS3();
  const CreateBucketConfiguration = { LocationConstraint: "eu-central-1" } as const;
  await s3Client().send(new CreateBucketCommand({ Bucket: "sounds", CreateBucketConfiguration }));
});
after(() => s3.close());

const s3Client = (): S3Client => new S3Client({ forcePathStyle: true });

function noise(length: number, seed = 1): Int16Array {
  let state = seed;
  return Int16Array.from({ length }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 18) - 8192;
  });
}

/** A wav with a cue point behind its samples. */
function withCue(wav: Uint8Array): Uint8Array {
  const chunk = Buffer.alloc(36);
  chunk.write("cue ");
  chunk.writeUInt32LE(28, 4);
  chunk.writeUInt32LE(1, 8);
  chunk.writeUInt32LE(1, 12);
  chunk.write("data", 20);
  const all = Buffer.concat([wav, chunk]);
  all.writeUInt32LE(all.length - 8, 4);
  return all;
}

/** What was asked of a server, and how many bytes it gave. */
interface Request {
  name: string;
  range: string | undefined;
  bytes: number;
}

type Answer = (request: IncomingMessage, response: ServerResponse, file: Buffer) => boolean;

interface Server {
  address: string;
  asked: Request[];
  /** How often a file was given whole. */
  whole: (name: string) => number;
}

/** Serves a folder with ranges, or without; `answer` may answer in its place. */
async function serve(
  t: TestContext,
  directory: string,
  { ranges = true, answer = () => false }: { ranges?: boolean; answer?: Answer } = {},
): Promise<Server> {
  const asked: Request[] = [];
  const server = createServer((request, response) => {
    const name = basename(decodeURIComponent(request.url!));
    const { range } = request.headers;
    if (!readdirSync(directory).includes(name)) return void response.writeHead(404).end();
    const file = readFileSync(join(directory, name));
    if (answer(request, response, file)) return;
    const etag = `"${sha256(file).slice(0, 8)}"`;
    const [, from = "0", to = ""] = ranges ? (/^bytes=(\d+)-(\d+)$/.exec(range ?? "") ?? []) : [];
    const part = file.subarray(Number(from), to === "" ? file.length : Number(to) + 1);
    asked.push({ name, range, bytes: part.length });
    const size = { etag, "content-length": part.length };
    if (to === "") return void response.writeHead(200, size).end(part);
    const place = `bytes ${from}-${Number(from) + part.length - 1}/${file.length}`;
    response.writeHead(206, { ...size, "content-range": place }).end(part);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/sounds`,
    asked,
    whole: (name) =>
      asked.filter((one) => one.name === name && one.bytes === statSync(join(directory, name)).size).length,
  };
}

/** A dataset that lists files with a number each; those of `local` are in its folder. */
function listed(t: TestContext, lines: readonly string[], local: readonly string[] = []): RegressionDataset {
  const directory = folder(t);
  mkdirSync(join(directory, "in"));
  for (const name of local) writeFileSync(join(directory, "in", name), readFileSync(join(sounds, name)));
  writeFileSync(join(directory, "set"), lines.map((line) => `${line}\n`).join(""));
  return new RegressionDataset(directory, "set");
}

const WHOLE = { trainSplit: 1, valSplit: 0, testSplit: 0 };

/** Hash of every example's samples. */
async function samplesOf(dataset: Dataset): Promise<string[]> {
  await dataset.load({ ...WHOLE, inputSize: 256 } as object);
  const hashes: string[] = [];
  for (let i = 0; i < dataset.records.count; i++) {
    const { input, target } = await dataset.example(i);
    hashes.push(...[input, ...(target ? [target] : [])].map((samples) => sha256(samples)));
  }
  return hashes;
}

const numbered = (names: readonly string[]): string[] => names.map((name, i) => `${name},${i}`);

for (const ranges of [true, false]) {
  test(`sounds of a web server ${ranges ? "with" : "without"} ranges give the records of local ones`, async (t) => {
    const { address, asked, whole } = await serve(t, sounds, { ranges });
    const away = listed(t, numbered(NAMES.map((name) => `${address}/${name}`)));
    const { file, shards } = await away.plan({ examplesPerFile: 2 });
    assert.equal(shards, 3);
    // Frames of an MP3 and pages of an Ogg file are followed to their ends.
    for (const name of ranges ? ["a.wav", "b.flac", "e.wav"] : []) {
      const bytes = asked.filter((one) => one.name === name).reduce((sum, one) => sum + one.bytes, 0);
      assert.ok(bytes <= 2 ** 17 && statSync(join(sounds, name)).size > 2 * bytes, `${bytes} of ${name}`);
    }
    const most = ranges ? 2 : 1;
    for (const name of NAMES) assert.ok(whole(name) <= 1, `${name} is fetched once at most`);
    assert.ok(asked.filter(({ name }) => name === "e.wav").length <= most);
    asked.length = 0;
    for (let k = 0; k < shards; k++) await buildOneShard(file, k);
    assert.deepEqual(asked.map(({ name }) => name).sort(), NAMES, "each task fetches its files once");
    const manifest = await finishPlan(file);
    assert.equal(asked.length, NAMES.length, "to publish needs no source");
    const here = listed(t, numbered(NAMES), NAMES);
    await here.generateRecords({ ...quiet, examplesPerFile: 2 });
    assert.deepEqual(await samplesOf(away), await samplesOf(here));
    assert.equal(away.records.names[0], `${address}/a.wav`);
    asked.length = 0;
    await away.generateRecords({ ...quiet, examplesPerFile: 2, workers: 2 });
    if (ranges) assert.equal(NAMES.filter((name) => !/mp3|ogg/.test(name) && whole(name) > 0).length, 0);
    await away.load(WHOLE as object);
    assert.equal(away.records.manifest.fingerprint, manifest.fingerprint);
    assert.deepEqual(fetched(), []);
  });
}

test("inputs in a bucket and targets in the folder, by any number of workers", async (t) => {
  const client = s3Client();
  for (const name of ["a.wav", "e.wav"]) {
    const Body = readFileSync(join(sounds, name));
    await client.send(new PutObjectCommand({ Bucket: "sounds", Key: `pairs/${name} 1%.wav`, Body }));
  }
  const made = async (inputs: readonly string[], workers: number): Promise<AudioDataset> => {
    const directory = folder(t);
    mkdirSync(join(directory, "in"));
    mkdirSync(join(directory, "out"));
    for (const name of ["a.wav", "e.wav"]) {
      for (const side of ["in", "out"]) writeFileSync(join(directory, side, name), readFileSync(join(sounds, name)));
    }
    writeFileSync(join(directory, "set"), `${inputs[0]},e.wav\n${inputs[1]},a.wav\na.wav,a.wav\n`);
    const dataset = new AudioDataset(directory, "set");
    await dataset.generateRecords({ ...quiet, examplesPerFile: 1, workers });
    return dataset;
  };
  const away = ["a.wav", "e.wav"].map((name) => `s3://sounds/pairs/${name} 1%25.wav`);
  const [one, two, here] = [await made(away, 1), await made(away, 2), await made(["a.wav", "e.wav"], 2)];
  assert.deepEqual(await samplesOf(one), await samplesOf(here));
  await two.load({ ...WHOLE, inputSize: 256 });
  assert.equal(one.records.manifest.fingerprint, two.records.manifest.fingerprint);
  assert.deepEqual(fetched(), []);
});

test("rows that are parts of one sound fetch it once", async (t) => {
  const { address, whole } = await serve(t, sounds);
  const directory = folder(t);
  const parts = [0, 2, 4].map((start) => `${address}/a.wav,${start},${start + 2},x`).join("\n");
  writeFileSync(
    join(directory, "t.csv"),
    `url,from,to,label\n${parts}\n${address}/e.wav,0,1,y\n${address}/a.wav,8,9,x\n`,
  );
  const index = await fromCsv(directory, "t.csv", { file: "url", start: "from", end: "to", label: "label" });
  const dataset = new SimpleAudioClassificationDataset(directory, "set");
  await dataset.generateRecords({ ...quiet, index });
  assert.equal(whole("a.wav") + whole("e.wav"), 2);
  await dataset.load(WHOLE as object);
  assert.equal(dataset.records.names[1], `${address}/a.wav#t=2,4`);
  const { input } = await dataset.example(1);
  const part = python(
    `
import soundfile as sf
print(json.dumps(sf.read(input, dtype="float32", start=32000, stop=64000)[0].tolist()))
`,
    join(sounds, "a.wav"),
  );
  assert.deepEqual(Array.from(input), part);
});

test("a table of events labels sounds at addresses", async (t) => {
  const { address } = await serve(t, sounds);
  const directory = folder(t);
  writeFileSync(
    join(directory, "events.csv"),
    `file,onset,offset,label\n${address}/a.wav,1,2,bird\n${address}/e.wav,0.5,1,dog\n`,
  );
  const index = await fromEvents(directory, "events.csv");
  const dataset = new AudioClassificationDataset(directory, "set");
  await dataset.generateRecords({ ...quiet, index });
  await dataset.load({ ...WHOLE, inputSize: 1000 });
  assert.deepEqual(
    dataset.records.names,
    ["a.wav", "e.wav"].map((name) => `${address}/${name}`),
  );
});

test("a folder with a table of addresses is recognised, and metadata finds them by their names", async (t) => {
  const { address } = await serve(t, sounds);
  const directory = folder(t);
  const urls = ["a.wav", "b.flac", "e.wav"].map((name) => `${address}/${name}`);
  const table = urls.map((url, i) => `${url},${i % 2 === 0 ? "cat" : "dog"}\n`).join("");
  writeFileSync(join(directory, "clips.csv"), `url,label\n${table}`);
  const info = await folderInfo(directory);
  assert.deepEqual([info.listed, info.errors, info.sampleRates], [3, 0, [16000]]);
  assert.match(info.code.join(), /fromCsv\(D, "clips\.csv", \{ file: "url", label: "label" \}\)/);
  const dataset = listed(t, numbered(urls));
  const groups = urls.map((url, i) => `${url},${i === 1 ? "y" : "x"}\n`).join("");
  writeFileSync(join(dataset.directory, "about.csv"), `file,singer\n${groups}`);
  const { rows } = await dataset.readIndex({ metadata: "about.csv", groupBy: "singer" });
  assert.deepEqual(
    rows.map(({ group }) => group),
    ["x", "y", "x"],
  );
});

test("what isn't there, refused or cut is told with its address, or asked for again", async (t) => {
  let cut = 0;
  const answer: Answer = ({ url, headers }, response, file) => {
    if (url!.endsWith("b.flac")) response.writeHead(403).end();
    else if (url!.endsWith("a.wav") && headers.range === undefined && cut++ < 2) {
      response.writeHead(200, { "content-length": file.length }).write(file.subarray(0, 9e4), () => response.destroy());
    } else return false;
    return true;
  };
  const { address, whole } = await serve(t, sounds, { answer });
  const names = ["absent.wav", "b.flac", "a.wav"].map((name) => `${address}/${name}`);
  const dataset = listed(t, numbered(names));
  const report = await dataset.check({ ...quiet, deep: false });
  const [missing, refused] = report.errors;
  assert.deepEqual([missing!.kind, refused!.kind, report.errors.length], ["missing", "unreadable", 2]);
  assert.match(missing!.message, /not found, expected it at its address \(http.*absent\.wav, set:1\)/);
  assert.match(refused!.message, /b\.flac: access refused \(403/);
  const deep = await dataset.check(quiet);
  assert.equal(deep.errors.length, 2);
  assert.equal(cut, 3, "a connection that was cut is made again");
  assert.equal(whole("a.wav"), 1);
  await dataset.generateRecords({ ...quiet, onProblem: "skip" });
  assert.deepEqual(fetched(), []);
});

test("servers that don't say how long a file is, and a file of no bytes", async (t) => {
  const answer: Answer = ({ url, headers }, response, file) => {
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "") ?? [];
    if (url!.endsWith("a.wav") && from !== undefined) {
      const part = file.subarray(Number(from), Number(to) + 1);
      response.writeHead(206, { "content-range": `bytes ${from}-${Number(from) + part.length - 1}/*` }).end(part);
    } else response.writeHead(200).end(file);
    return true;
  };
  const { address } = await serve(t, sounds, { answer });
  const dataset = listed(t, numbered(["a.wav", "e.wav"].map((name) => `${address}/${name}`)));
  await dataset.generateRecords(quiet);
  assert.deepEqual(await staleShards(dataset.directory, "set", 0, 1), { changed: [], removed: [] });
  const here = listed(t, numbered(["a.wav", "e.wav"]), ["a.wav", "e.wav"]);
  await here.generateRecords(quiet);
  assert.deepEqual(await samplesOf(dataset), await samplesOf(here));
  await s3Client().send(new PutObjectCommand({ Bucket: "sounds", Key: "empty.wav", Body: "" }));
  for (const deep of [false, true]) {
    const { errors } = await listed(t, ["s3://sounds/empty.wav,1"]).check({ ...quiet, deep });
    assert.deepEqual(
      errors.map(({ kind, message }) => [kind, message]),
      [["empty", "file: empty, expected audio (s3://sounds/empty.wav)"]],
    );
  }
});

test("a sound that is replaced between plan and build is an error, and after it stale", async (t) => {
  const directory = folder(t);
  for (const name of ["a.wav", "e.wav"]) writeFileSync(join(directory, name), readFileSync(join(sounds, name)));
  let changes = "";
  const answer: Answer = (_, response, file) => {
    // A server may call the same bytes another version.
    if (changes === "") return false;
    response.writeHead(200, { etag: changes, "content-length": file.length }).end(file);
    return true;
  };
  const { address, asked } = await serve(t, directory, { answer });
  const dataset = listed(t, numbered(["a.wav", "e.wav"].map((name) => `${address}/${name}`)));
  const { file } = await dataset.plan({ examplesPerFile: 1 });
  await buildOneShard(file, 0);
  const wav = (seed: number): Uint8Array =>
    encodeWav({ sampleRate: 16000, channels: 1, samples: noise(160000 + 18, seed) });
  writeFileSync(join(directory, "e.wav"), wav(2));
  await assert.rejects(buildOneShard(file, 1), (error: DatasetError) => {
    assert.equal(error.code, "FILE");
    assert.match(error.message, /sounds\/e\.wav: \d+ bytes of version "\w+", expected .*replaced since/);
    return true;
  });
  assert.deepEqual(fetched(), []);
  await dataset.generateRecords({ ...quiet, examplesPerFile: 1 });
  assert.deepEqual(await staleShards(dataset.directory, "set", 0, 2), { changed: [], removed: [] });
  changes = '"other"';
  assert.deepEqual(await staleShards(dataset.directory, "set", 0, 2), { changed: [], removed: [] });
  changes = "";
  writeFileSync(join(directory, "e.wav"), wav(3));
  rmSync(join(directory, "a.wav"));
  const [a, e] = ["a.wav", "e.wav"].map((name) => `${address}/${name}`);
  assert.deepEqual(await staleShards(dataset.directory, "set", 0, 2), { changed: [e], removed: [a] });
  // Loading asks no server.
  const before = asked.length;
  await dataset.load(WHOLE as object);
  assert.equal(asked.length, before);
});

test("an aborted build leaves no file that was fetched", async (t) => {
  const begun = new EventEmitter();
  const answer: Answer = ({ headers }, response, file) => {
    if (headers.range !== undefined) return false;
    response.writeHead(200, { "content-length": file.length }).write(file.subarray(0, 1e5), () => begun.emit("half"));
    return true;
  };
  const { address } = await serve(t, sounds, { answer });
  const dataset = listed(t, [`${address}/a.wav,1`]);
  const stopped = new AbortController();
  let during: string[] = [];
  begun.once("half", () => {
    during = fetched();
    stopped.abort();
  });
  await assert.rejects(dataset.generateRecords({ ...quiet, signal: stopped.signal }), { code: "ABORTED" });
  assert.equal(during.length, 1);
  assert.deepEqual(fetched(), []);
});

test("addresses of other schemes, with passwords or queries are refused with their line, and shown without what is secret", async (t) => {
  const bad = [
    ["file:///etc/x.wav", /begins with file:\/\//],
    ["ftp://host/x.wav", /begins with ftp:\/\//],
    ["https://me:s3cr3t@host/x.wav", /user name or password/],
    ["https://me:s3c/r3t@host/x.wav", /can't be read/],
    ["https://host/x.wav?token=s3cr3t", /query/],
    ["s3://bucket/100%.wav", /%25/],
    ["s3://bucket", /names no file/],
  ] as const;
  const dataset = listed(t, numbered(bad.map(([address]) => address)));
  const told = (file: string, first: number) => (error: DatasetError) => {
    assert.equal(error.code, "INDEX");
    assert.doesNotMatch(error.message + error.stack, /s3c\/?r3t/);
    assert.deepEqual(
      error.problems.map(({ line, kind }) => [line, kind]),
      bad.map((_, i) => [i + first, "address"]),
    );
    for (const [i, [, expected]] of bad.entries()) assert.match(error.problems[i]!.message, expected);
    assert.ok(error.problems.every(({ message }) => message.includes(file)));
    return true;
  };
  await assert.rejects(dataset.readIndex(), told("set", 1));
  const table = bad.map(([address]) => `${address},x\n`).join("");
  writeFileSync(join(dataset.directory, "t.csv"), `file,label\n${table}`);
  await assert.rejects(fromCsv(dataset.directory, "t.csv", { file: "file", label: "label" }), told("t.csv", 2));
  writeFileSync(join(dataset.directory, "keys"), "https://host/a.wav,https://host/a.csv\nhttps://host/b.wav\n");
  const frames = new AudioClassificationDataset(dataset.directory, "keys");
  await assert.rejects(frames.readIndex(), (error: DatasetError) => {
    const messages = error.problems.map(({ message }) => message).sort();
    assert.match(messages[0]!, /key file of "https:\/\/host\/b\.wav": none in the line.*keys:2/);
    assert.match(messages[1]!, /keys "https:\/\/host\/a\.csv" is an address, expected a key file.*keys:1/);
    return true;
  });
});
