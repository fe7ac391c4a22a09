import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { readIndex } from "../../dist/sources/index-csv.js";
import { planRecords } from "../../dist/build/plan-records.js";
import { root } from "./python.js";
import type { Kind } from "../../dist/core/rows.js";
import type { BuildPlan, RecordOptions } from "../../dist/records/plan.js";

export const fixtures: string = join(root, "test/fixtures/original");

/** A folder that is gone after the test. */
export function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "records-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A copy of a fixture, with or without its shards. */
export function copyFixture(t: TestContext, set: string, shards: boolean): string {
  const path = folder(t);
  cpSync(join(fixtures, set), path, { recursive: true });
  if (!shards) for (const file of readdirSync(path)) if (file.endsWith(".tfrecord")) rmSync(join(path, file));
  return path;
}

// biome-ignore lint/suspicious/noExplicitAny: each fixture has facts of its own
export function expected(set: string): any {
  return JSON.parse(readFileSync(join(fixtures, set, "expected.json"), "utf8"));
}

export async function plan(directory: string, kind: Kind, options: RecordOptions = {}): Promise<BuildPlan> {
  return planRecords(directory, "dataset", await readIndex(directory, "dataset", kind), options);
}

export const quiet = { onProgress: false } as const;

export function sha256(data: Uint8Array | Float32Array): string {
  return createHash("sha256")
    .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    .digest("hex");
}

export function bytesAt(path: string, at: number, length: number): Uint8Array {
  return readFileSync(path).subarray(at, at + length);
}

/** Name and hash of every shard in a folder, in numeric order. */
export function shardHashes(directory: string): Record<string, string> {
  const files = readdirSync(directory).filter((file) => file.endsWith(".tfrecord"));
  files.sort((a, b) => a.length - b.length || a.localeCompare(b));
  return Object.fromEntries(files.map((file) => [file, sha256(readFileSync(join(directory, file)))]));
}
