// Sources that are cut short: refused, or recorded as far as they go with onDamaged: "warn".
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fromFolder, readAudio, SimpleAudioClassificationDataset } from "../../dist/index.js";
import { python } from "../support/python.js";

const directory = mkdtempSync(join(tmpdir(), "damaged-"));
after(() => rmSync(directory, { recursive: true, force: true }));

test("cut sources are errors, or warnings with what is left of them in the records", async () => {
  for (const label of ["a", "b"]) mkdirSync(join(directory, "in", label), { recursive: true });
  python(
    `
import numpy as np, soundfile as sf
rng = np.random.default_rng(2)
for name in ["a/whole.flac", "b/cut.flac", "b/broken.flac", "b/cut.wav", "b/cut.aiff"]:
    sf.write(input + "/in/" + name, rng.uniform(-0.5, 0.5, 16000), 8000, subtype="PCM_16")
print("null")`,
    directory,
  );
  const at = (name: string): string => join(directory, "in", name);
  for (const name of ["b/cut.flac", "b/cut.wav", "b/cut.aiff"]) {
    const bytes = readFileSync(at(name));
    writeFileSync(at(name), bytes.subarray(0, Math.floor(bytes.length / 2)));
  }
  const broken = readFileSync(at("b/broken.flac"));
  broken[9000]! ^= 255;
  writeFileSync(at("b/broken.flac"), broken);

  const dataset = new SimpleAudioClassificationDataset(directory, "set");
  const index = await fromFolder(directory);
  const quiet = { index, onProgress: false, workers: 2 } as const;
  const kinds = async (onDamaged: "error" | "warn"): Promise<string[][]> => {
    const report = await dataset.check({ ...quiet, onDamaged });
    assert.equal(report.ok, false);
    const listed = (list: readonly { kind: string; file: string }[]): string[] =>
      list
        .filter(({ kind }) => kind !== "length")
        .map(({ kind, file }) => `${kind} ${file}`)
        .sort();
    return [listed(report.errors), listed(report.warnings)];
  };
  assert.deepEqual(await kinds("error"), [
    ["truncated in/b/cut.aiff", "truncated in/b/cut.flac", "truncated in/b/cut.wav", "unreadable in/b/broken.flac"],
    [],
  ]);
  assert.deepEqual(await kinds("warn"), [
    ["unreadable in/b/broken.flac"],
    ["damaged in/b/cut.aiff", "damaged in/b/cut.flac", "damaged in/b/cut.wav"],
  ]);

  rmSync(at("b/broken.flac"));
  const rest = { ...quiet, index: await fromFolder(directory) };
  await assert.rejects(dataset.generateRecords(rest), {
    code: "CHECK",
    message: /the file is cut short: copy it again/,
  });
  await dataset.generateRecords({ ...rest, onDamaged: "warn" });
  await dataset.load({ batchSize: 4, trainSplit: 1, valSplit: 0, testSplit: 0 });
  for (const [i, name] of ["a/whole.flac", "b/cut.aiff", "b/cut.flac", "b/cut.wav"].entries()) {
    const example = await dataset.example(i);
    const { samples, warnings } = await readAudio(at(name), { onDamaged: "warn" });
    assert.equal(example.name, name);
    assert.deepEqual(example.input, samples, name);
    assert.equal(warnings.length, name.startsWith("b") ? 1 : 0);
    assert.ok(samples.length > 4000 && samples.length < 9000 === name.startsWith("b"), `${name} ${samples.length}`);
  }
});
