import { createHash } from "node:crypto";
import { closeSync, existsSync, openSync, writeSync } from "node:fs";
import { DatasetError } from "../core/error.js";
import { checkPayload, RECORD_OVERHEAD, recordLength } from "../format/tfrecord.js";
import { fileError } from "../system/atomic-file.js";
import { fileHash } from "../system/hashed-file.js";
import { mapSome } from "../system/event-loop.js";
import { keep } from "./cache.js";
import type { Answer } from "./byte-source.js";
import { bodyBytes, type ReadSourceOptions, readSource } from "./read-source.js";

/** One record to fetch: shard, position, bytes of its payload, number of the example. */
export const FETCH_FIELDS = 4;

/** Records between two that are wanted are fetched with them where they take no more than this: one request costs as much. */
const GAP_BYTES = 64 * 1024;
/** A request is for no more than this, so that several share a slow connection. */
const MOST_BYTES = 8 * 2 ** 20;
/** Requests at a time, of a thread. */
const REQUESTS = 16;

/** A shard that lies elsewhere, and the file here that has those of its records that were fetched, each at its place. */
export interface ElsewhereShard {
  address: string;
  path: string;
  /** As the manifest says. */
  bytes: number;
  sha256: string;
  /** Numbers of its examples: the first, and one behind the last. */
  examples: [from: number, to: number];
  /** Where it stays for later openings once it is complete. */
  kept: string;
}

/** Records to fetch before they are read. */
export interface FetchTask extends ReadSourceOptions {
  shards: Record<number, ElsewhereShard>;
  /** FETCH_FIELDS numbers per record. */
  wanted: Float64Array;
  /** 1 for every example whose record is here; shared by all threads. */
  have: Uint8Array;
}

interface Wanted {
  position: number;
  bytes: number;
  example: number;
}

/**
 * Fetches records that aren't here yet, neighbours together, compares them with their checksums and writes each to its place.
 * @returns bytes fetched
 * @throws DatasetError "RECORD" where a record doesn't fit its checksum or the shard was replaced, "FILE" where its server is out of reach
 */
export async function fetchRecords(task: FetchTask): Promise<number> {
  const { wanted, have, shards } = task;
  const byShard = new Map<number, Wanted[]>();
  for (let at = 0; at < wanted.length; at += FETCH_FIELDS) {
    const [shard, position, bytes, example] = wanted.subarray(at, at + FETCH_FIELDS) as unknown as number[];
    if (have[example!] === 1) continue;
    const list = byShard.get(shard!) ?? [];
    list.push({ position: position!, bytes: bytes! + RECORD_OVERHEAD, example: example! });
    byShard.set(shard!, list);
  }
  const requests = [...byShard].flatMap(([k, list]) => runs(list).map((run) => ({ shard: shards[k]!, run })));
  const fetched = await mapSome(requests, ({ shard, run }) => fetchRun(shard, run, task), REQUESTS);
  for (const k of byShard.keys()) keepComplete(shards[k]!, have);
  return fetched.reduce((a, b) => a + b, 0);
}

/** Neighbours that one request fetches. */
function runs(list: Wanted[]): Wanted[][] {
  list.sort((a, b) => a.position - b.position);
  const found: Wanted[][] = [];
  let end = -Infinity;
  let start = 0;
  for (const record of list) {
    const next = record.position + record.bytes;
    const joins = record.position - end <= GAP_BYTES && next - start <= MOST_BYTES;
    if (joins) found.at(-1)!.push(record);
    else {
      found.push([record]);
      start = record.position;
    }
    end = next;
  }
  return found;
}

async function fetchRun(shard: ElsewhereShard, run: Wanted[], { have, stallMs }: FetchTask): Promise<number> {
  const from = run[0]!.position;
  const last = run.at(-1)!;
  const range = { from, to: last.position + last.bytes };
  return await readSource(
    shard.address,
    range,
    async (answer) => {
      checkVersion(shard, answer);
      if (!answer.ranged) return await fetchWhole(shard, answer, have);
      const bytes = await bodyBytes(answer, range);
      await toFile(shard, (file) => {
        for (const { position, bytes: length, example } of run) {
          checkRecord(bytes, position - from, length, `${shard.address}, byte ${position}`);
          writeAll(file, bytes.subarray(position - from, position - from + length), position);
          have[example] = 1;
        }
      });
      return bytes.length;
    },
    { stallMs },
  );
}

/** Shards that are being fetched whole by this thread. */
const coming = new Map<string, Promise<number>>();

/** Keeps the whole shard, which a server without ranges sends: once, however many ranges of it were asked for. */
async function fetchWhole(shard: ElsewhereShard, answer: Answer, have: Uint8Array): Promise<number> {
  const { path } = shard;
  const underway = coming.get(path);
  if (underway) {
    await answer.body[Symbol.asyncIterator]().return?.();
    await underway;
    return 0;
  }
  const fetching = keepWhole(shard, answer, have).finally(() => coming.delete(path));
  coming.set(path, fetching);
  return await fetching;
}

async function keepWhole(shard: ElsewhereShard, { body }: Answer, have: Uint8Array): Promise<number> {
  const { address, sha256, examples } = shard;
  const hash = createHash("sha256");
  let at = 0;
  await toFile(shard, async (file) => {
    for await (const part of body) {
      hash.update(part);
      writeAll(file, part, at);
      at += part.length;
    }
  });
  const found = hash.digest("hex");
  if (found !== sha256) {
    throw new DatasetError(
      "RECORD",
      `shard ${address}: ${at} bytes with sha256 ${found}, expected ${shard.bytes} with ${sha256}`,
    );
  }
  have.fill(1, ...examples);
  return at;
}

/** Leaves a shard that is complete, and has the hash that the manifest says, to later openings. */
function keepComplete(shard: ElsewhereShard, have: Uint8Array): void {
  const { path, kept, address, sha256, examples } = shard;
  if (have.subarray(...examples).includes(0) || existsSync(kept)) return;
  const found = fileHash(path);
  if (found !== sha256) {
    throw new DatasetError(
      "RECORD",
      `shard ${address}: sha256 ${found}, expected ${sha256} as in the manifest; load the dataset again`,
    );
  }
  keep(path, kept);
}

const versions = new Map<string, string>();

/** A shard that was replaced isn't read at the places of the old one. */
function checkVersion({ address, path, bytes }: ElsewhereShard, { size, version }: Answer): void {
  const first = versions.get(path);
  if (version !== undefined && first === undefined) versions.set(path, version);
  const same = first === undefined || version === undefined || version === first;
  if (same && (size === undefined || size === bytes)) return;
  const found = same ? `${size} bytes, expected ${bytes}` : "replaced since it was opened, expected it as it was";
  throw new DatasetError("STALE", `shard ${address}: ${found}; load the dataset again`);
}

function checkRecord(bytes: Uint8Array, at: number, length: number, where: string): void {
  const payload = recordLength(bytes, at, where);
  if (payload !== length - RECORD_OVERHEAD) {
    throw new DatasetError("RECORD", `record: ${payload} bytes, expected ${length - RECORD_OVERHEAD} (${where})`);
  }
  checkPayload(bytes, at, payload, where);
}

async function toFile({ path }: ElsewhereShard, write: (file: number) => void | Promise<void>): Promise<void> {
  try {
    const file = openSync(path, "r+");
    try {
      await write(file);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw fileError(error, path);
  }
}

function writeAll(file: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done, bytes.length - done, position + done);
}
