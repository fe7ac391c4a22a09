// What the file system and the machine refuse is the library's own error, which names the file and says what to do.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { DatasetError } from "../../dist/core/error.js";
import { readAudio, readAudioInfo } from "../../dist/audio/read-audio.js";
import { AudioClassificationDataset, AudioDataset } from "../../dist/dataset.js";
import { encodeWav } from "../../dist/format/wav.js";
import { fileError } from "../../dist/system/atomic-file.js";
import { root } from "../support/python.js";
import { folder, quiet } from "../support/records.js";

type Context = Parameters<typeof folder>[0];

const wav = (): Uint8Array => encodeWav({ sampleRate: 8000, channels: 1, samples: new Int16Array(800).fill(1000) });

/** A dataset of some pairs. */
function pairs(t: Context, rows = 1): string {
  const directory = folder(t);
  for (const side of ["in", "out"]) {
    mkdirSync(join(directory, side));
    for (let i = 0; i < rows; i++) writeFileSync(join(directory, side, `${i}.wav`), wav());
  }
  writeFileSync(join(directory, "set"), Array.from({ length: rows }, (_, i) => `${i}.wav,${i}.wav\n`).join(""));
  return directory;
}

/** What opening to read would wait for, until somebody writes into it. */
const makePipe = (path: string): void => assert.equal(spawnSync("mkfifo", [path]).status, 0);

const calls = ["check", "generateRecords", "load", "verify", "repair"] as const;

/** What each call says that is refused; those that work say nothing. */
async function refusals(directory: string): Promise<Record<string, string>> {
  const out: Record<string, string> = {};
  for (const call of calls) {
    try {
      await new AudioDataset(directory, "set")[call](call === "load" ? {} : quiet);
    } catch (error) {
      assert.ok(error instanceof DatasetError, `${call} in ${directory}: ${(error as Error).stack}`);
      out[call] = error.message;
    }
  }
  return out;
}

test("rows of names too long, of links that lead to each other and of folders are named", async (t) => {
  const long = `${"x".repeat(300)}.wav`;
  const cases: [row: string, make: (directory: string) => void, expected: RegExp][] = [
    [long, () => undefined, /in\/x{300}\.wav: name too long, expected at most 255 bytes per name/],
    [
      "loop.wav",
      (d) => symlinkSync("loop.wav", join(d, "in/loop.wav")),
      /in\/loop\.wav: symbolic links that lead to each other/,
    ],
    ["fold.wav", (d) => mkdirSync(join(d, "in/fold.wav")), /in\/fold\.wav: a folder stands where a file is expected/],
    ["gone.wav", (d) => symlinkSync("nowhere", join(d, "in/gone.wav")), /not found, .*in\/gone\.wav/],
    ["pipe.wav", (d) => makePipe(join(d, "in/pipe.wav")), /in\/pipe\.wav: a pipe, a socket or a device stands where/],
  ];
  for (const [row, make, expected] of cases) {
    const directory = pairs(t);
    make(directory);
    writeFileSync(join(directory, "set"), `${row},0.wav\n`);
    const { check, generateRecords } = await refusals(directory);
    assert.match(generateRecords!, expected);
    assert.equal(check, undefined, "a file's problem is in the report");
    assert.match(String(await new AudioDataset(directory, "set").check(quiet)), expected);
    // A key file is reported in the same way.
    writeFileSync(join(directory, "set"), `0.wav,in/${row}\n`);
    assert.match(String(await new AudioClassificationDataset(directory, "set").check(quiet)), expected);
    await assert.rejects(readAudio(join(directory, "in", row)), { name: "DatasetError", code: "FILE" });
    await assert.rejects(readAudioInfo(join(directory, "in", row)), { name: "DatasetError", code: "FILE" });
  }
  const far = await refusals(join(folder(t), "x".repeat(300)));
  assert.match(far.generateRecords!, /x{300}: name too long/);
});

test("folders, looping links and pipes in the places of a dataset's files are named, or give way", async (t) => {
  const places = [
    "in",
    "set",
    "set.manifest.json",
    "set.plan.json",
    "set0.tfrecord",
    "set0.index",
    "set.txt",
    ".set.build",
  ];
  for (const place of places) {
    for (const kind of ["folder", "loop", "pipe"]) {
      for (const built of [false, true]) {
        const directory = pairs(t, 20);
        if (built) await new AudioDataset(directory, "set").generateRecords(quiet);
        const path = join(directory, place);
        rmSync(path, { recursive: true, force: true });
        if (kind === "folder") mkdirSync(path);
        else if (kind === "pipe") makePipe(path);
        else symlinkSync(place, path);
        for (const message of Object.values(await refusals(directory))) {
          assert.match(message, /, expected|stands where|lead to each other|; call /, `${place} ${kind}: ${message}`);
          // Of a shard that was built, and of its index, the file is named, not the folder alone.
          assert.ok(
            message.includes(place) || (!(built && place.startsWith("set0")) && message.includes(directory)),
            message,
          );
        }
      }
    }
  }
});

test("every error of the system becomes the library's own, with the name readable", () => {
  const errno = (code: string): Error => Object.assign(new Error(code), { code, syscall: "open", errno: -1 });
  assert.match(
    (fileError(errno("EOWNERDEAD"), "/d/a.wav") as Error).message,
    /^\/d\/a\.wav: the system reports EOWNERDEAD \(open\), expected none; check the file and its disk$/,
  );
  assert.match((fileError(errno("ENAMETOOLONG"), "x".repeat(5000)) as Error).message, /^x{400}…: name too long/);
  assert.match((fileError(errno("ERR_INVALID_ARG_VALUE"), "a\0b") as Error).message, /^a\\0b: a name with a NUL/);
  const other = new Error("ours");
  assert.equal(fileError(other, "x"), other);
});

test("a wav whose chunks are nested 20,000 deep is refused", async (t) => {
  const directory = pairs(t);
  const depth = 20_000;
  const bytes = Buffer.alloc(12 * depth);
  for (let i = 0; i < depth; i++) {
    bytes.write(i ? "LIST" : "RIFF", 12 * i, "latin1");
    bytes.writeUInt32LE(12 * (depth - i) - 8, 12 * i + 4);
    bytes.write("WAVE", 12 * i + 8, "latin1");
  }
  writeFileSync(join(directory, "in/0.wav"), bytes);
  assert.match(
    (await refusals(directory)).generateRecords!,
    /data chunk: none in 240000 bytes, expected one .*in\/0\.wav/,
  );
});

/** Makes the calls and prints what each says. */
const SCRIPT = `
const { AudioDataset } = require(${JSON.stringify(join(root, "dist/dataset.js"))});
(async () => {
  for (const call of ${JSON.stringify(calls)}) {
    const shards = call === "generateRecords" ? { examplesPerFile: 1 } : {};
    await new AudioDataset(process.argv[1], "set")[call](call === "load" ? {} : { onProgress: false, ...shards }).then(
      () => console.log(call, "ok"),
      (error) => console.log(call, error.constructor.name, error.code, error.message),
    );
  }
  process.exit();
})();`;

const inShell = (limit: string, directory: string, env: NodeJS.ProcessEnv = {}): string =>
  spawnSync("bash", ["-c", `${limit}; exec "$0" -e "$1" "$2"`, process.execPath, SCRIPT, directory], {
    encoding: "utf8",
    env: { ...process.env, ...env },
  }).stdout;

test("too few descriptors are said to be too few", async (t) => {
  const directory = pairs(t, 60);
  const few = inShell("ulimit -n 24", directory);
  assert.match(few, /^check DatasetError \w+ .*too many files are open.*ulimit -n 4096/);
  for (const line of few.trim().split("\n")) assert.match(line, /^\w+ (ok|DatasetError )/);
  assert.equal(few.trim().split("\n").length, calls.length);
  // Sixty shards don't need sixty descriptors at once.
  await new AudioDataset(directory, "set").generateRecords({ ...quiet, examplesPerFile: 1 });
  assert.ok(existsSync(join(directory, "set59.tfrecord")));
  const some = inShell("ulimit -n 80", directory);
  assert.equal(some, calls.map((call) => `${call} ok\n`).join(""));
});

test("without a temporary folder everything works that needs none", (t) => {
  const out = inShell(":", pairs(t, 20), { TMPDIR: join(folder(t), "nowhere") });
  assert.equal(out, calls.map((call) => `${call} ok\n`).join(""));
});

test("a limit on addresses that WebAssembly exceeds is named, with what lifts it", () => {
  const load = `require(${JSON.stringify(join(root, "dist/build/build-records.js"))}); console.log("loaded");`;
  const run = (options: string): { stdout: string; stderr: string } =>
    spawnSync("bash", ["-c", `ulimit -v 16000000; exec "$0" ${options} -e "$1"`, process.execPath, load], {
      encoding: "utf8",
    });
  const { stdout, stderr } = run("");
  assert.equal(stdout, "");
  assert.match(
    stderr,
    /DatasetError: WebAssembly memory: refused, expected 10 GB of addresses .*--disable-wasm-trap-handler/,
  );
  assert.equal(run("--disable-wasm-trap-handler").stdout, "loaded\n");
});

test("a worker that dies of memory names the file that it read", async (t) => {
  const directory = pairs(t);
  const rows = Array.from({ length: 1_500_000 }, (_, i) => `${i / 1e6},${i % 2},${i % 3}`);
  writeFileSync(join(directory, "in/0.csv"), rows.join("\n"));
  writeFileSync(join(directory, "set"), "0.wav,in/0.csv\n");
  const script = `require(${JSON.stringify(join(root, "dist/check/check.js"))})
    .checkDataset(process.argv[1], "set", { kind: "frames", onProgress: false, workers: 1 })
    .catch((error) => console.log(error.code, error.message));`;
  const { stdout } = spawnSync(process.execPath, ["--max-old-space-size=60", "-e", script, directory], {
    encoding: "utf8",
  });
  assert.match(stdout, /^FILE in\/0\.csv: not enough memory, expected some for reading it; /);
});
