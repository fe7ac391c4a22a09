import { statSync } from "node:fs";
import { join } from "node:path";
import { DatasetError } from "../core/error.js";
import { Texts } from "../core/texts.js";
import { BYTES_PER_SAMPLE, type Manifest } from "./manifest.js";
import type { Elsewhere } from "../storage/elsewhere.js";
import type { FetchTask } from "../storage/fetch-records.js";
import type { OpenShard } from "./open-shard.js";
import type { ShardIndex } from "./shard-index.js";

/** A dataset's records, open for random access: where each example lies, a column per fact. */
export interface Records {
  manifest: Manifest;
  /** Number of examples. */
  count: number;
  /** The dataset's folder. */
  directory: string;
  /** Full path of each shard. */
  readonly paths: readonly string[];
  /** When each shard last changed, so that one rebuilt since isn't read at the old positions. */
  mtimes?: Float64Array;
  /** Number of each example's shard in `paths`. */
  shard: Uint32Array;
  /** Byte offset of its record in the shard, and the length of the record's payload. */
  offset: Float64Array;
  length: Uint32Array;
  /** Byte position in the shard of its samples, as `manifest.encoding` stores them, and their number of bytes. */
  inputAt: Float64Array;
  inputBytes: Uint32Array;
  /** The same of the target; empty for kinds other than pairs. */
  targetAt: Float64Array;
  targetBytes: Uint32Array;
  /** Encoding flac: what the streams of the inputs and of the targets are made of. */
  blocks?: { input: FlacBlocks; target?: FlacBlocks } | undefined;
  /** Kind frames: position and bytes of the labels' feature entries, for `decodeFeatures`; empty for others. */
  labelAt: Float64Array;
  labelBytes: Uint32Array;
  /** The example's number in the index csv. */
  ids: Uint32Array | Float64Array;
  /** Each input's file name; in shards of another program the shard and number. Made when it is asked for. */
  readonly names: readonly string[];
  /** Where the records hold groups. */
  groups?: string[];
  /** Kinds classes and values: `[count × manifest.width]`, row-major. */
  values?: Float32Array;
  /**
   * Where the shards lie on another machine: what is claimed of them is fetched before it is read.
   * @internal
   */
  elsewhere?: Elsewhere;
}

/** Where the blocks of FLACs are: each can be decoded without those before it. */
export interface FlacBlocks {
  /** Samples per channel of each example, and of each of its blocks but the last. */
  samples: Float64Array;
  block: Uint32Array;
  /** Where in `at` each example begins, which has a number for each of its blocks and one more for the end: bytes from where its samples are stored. */
  from: Uint32Array;
  at: Uint32Array;
}

/** Shard `k`, for those who read it. */
export function openShard({ directory, mtimes, manifest, elsewhere }: Records, k: number): OpenShard {
  if (elsewhere) return elsewhere.shards[k]!;
  const { file, sha256 } = manifest.shards[k]!;
  return { path: join(directory, file), mtimeMs: mtimes?.[k], sha256 };
}

/** Does something with examples whose records, where they lie elsewhere, are fetched for it and stay until it is done. */
export async function whileClaimed<T>(
  { elsewhere }: Records,
  examples: ArrayLike<number>,
  work: (fetch: FetchTask | undefined) => Promise<T>,
): Promise<T> {
  const claim = elsewhere?.claim(examples);
  try {
    return await work(claim?.task);
  } finally {
    claim?.release();
  }
}

/** Joins the indexes of all shards, which `add` gets one after the other. */
export class RecordsCollector {
  private readonly records: Records;
  private readonly names = new Texts();
  private readonly groups = new Map<string, string>();
  private readonly sides: { input: BlockLists; target: BlockLists } | undefined;
  /** Examples of the shards before. */
  private count = 0;

  constructor(directory: string, manifest: Manifest) {
    const { examples: count, kind, encoding, width } = manifest;
    const [pairs, frames] = [kind === "pairs", kind === "frames"];
    const columns = {
      manifest,
      directory,
      count,
      shard: new Uint32Array(count),
      offset: new Float64Array(count),
      length: new Uint32Array(count),
      inputAt: new Float64Array(count),
      inputBytes: new Uint32Array(count),
      targetAt: new Float64Array(pairs ? count : 0),
      targetBytes: new Uint32Array(pairs ? count : 0),
      labelAt: new Float64Array(frames ? count : 0),
      labelBytes: new Uint32Array(frames ? count : 0),
      ids: new Uint32Array(count),
      ...(width !== undefined && !frames ? { values: new Float32Array(count * width) } : {}),
    };
    this.records = named(columns, this.names);
    if (encoding === "flac") this.sides = { input: new BlockLists(), target: new BlockLists() };
  }

  /** Adds the index of shard `k`, the next one. */
  add(index: ShardIndex, k: number): void {
    const { records, names } = this;
    const { file } = records.manifest.shards[k]!;
    const from = this.count;
    const count = index.offset.length;
    this.count += count;
    if (this.count > records.count) throw this.differs();
    records.shard.fill(k, from, this.count);
    for (const key of COLUMNS) if (records[key].length > 0) records[key].set(index[key], from);
    for (const [i, id] of index.id.entries()) this.setId(from + i, id);
    for (const [i, name] of index.name.entries()) names.push(name || `${file} ${i}`);
    for (const [i, group] of index.group.entries()) if (group !== "") this.setGroup(from + i, group);
    if (records.values) addValues(records.values, records.manifest.width!, index, from);
    this.sides?.input.add(index.inputBlocks ?? []);
    this.sides?.target.add(index.targetBlocks ?? []);
  }

  /** @throws DatasetError "RECORD" where the indexes have another number of examples than the manifest */
  done(): Records {
    const { records, sides } = this;
    if (this.count !== records.count) throw this.differs();
    const { manifest, directory } = records;
    records.mtimes = Float64Array.from(manifest.shards, ({ file }) => statSync(join(directory, file)).mtimeMs);
    if (sides) {
      const target = manifest.kind === "pairs" ? { target: sides.target.joined() } : {};
      records.blocks = { input: sides.input.joined(), ...target };
    }
    return records;
  }

  private setId(i: number, id: number): void {
    const { records } = this;
    // Numbers of other programs may be anything.
    if (id > 0xffffffff) records.ids = Float64Array.from(records.ids);
    records.ids[i] = id < 0 ? i : id;
  }

  private setGroup(i: number, group: string): void {
    // One string for all examples of a group.
    if (!this.groups.has(group)) this.groups.set(group, group);
    this.records.groups ??= new Array<string>(this.records.count).fill("");
    this.records.groups[i] = this.groups.get(group)!;
  }

  private differs(): DatasetError {
    const { manifest, directory, count } = this.records;
    const found = `records of "${manifest.name}": ${this.count} examples in the indexes`;
    return new DatasetError("RECORD", `${found}, expected ${count} as in the manifest (${directory}); call repair`);
  }
}

const COLUMNS = [
  ...(["offset", "length", "inputAt", "inputBytes"] as const),
  ...(["targetAt", "targetBytes", "labelAt", "labelBytes"] as const),
];

/** Gives records their names, and the shards' paths, made when they are asked for. */
function named(columns: Omit<Records, "names" | "paths">, texts: Texts): Records {
  const { directory, manifest, count } = columns;
  const records = Object.defineProperties(columns as Records, {
    names: lazy(() => Array.from({ length: count }, (_, i) => texts.at(i)!)),
    paths: lazy(() => manifest.shards.map(({ file }) => join(directory, file))),
  });
  packed.set(records, texts);
  return records;
}

/** The names of records, before they are asked for as an array. */
const packed = new WeakMap<Records, Texts>();

/** The name of example `i`: for a few of many, whose array `records.names` would be large. */
export function exampleName(records: Records, i: number): string {
  return packed.get(records)?.at(i) ?? records.names[i] ?? "";
}

/** A property that is made when it is first asked for. */
function lazy<T>(make: () => T): PropertyDescriptor {
  let value: T | undefined;
  return { get: () => (value ??= make()), enumerable: true };
}

/** The blocks of FLACs, a list for each as the index has it: samples, samples per block, the bytes of the head and of each block. */
class BlockLists {
  private readonly lists: { samples: number[]; block: number[]; from: number[]; at: number[] }[] = [];

  add(all: readonly (readonly number[])[]): void {
    const part = { samples: [] as number[], block: [] as number[], from: [] as number[], at: [] as number[] };
    for (const [samples, block, ...sizes] of all) {
      part.samples.push(samples!);
      part.block.push(block!);
      part.from.push(part.at.length);
      let end = 0;
      for (const size of sizes) {
        end += size;
        part.at.push(end);
      }
    }
    this.lists.push(part);
  }

  joined(): FlacBlocks {
    const sum = (key: "samples" | "at"): number => this.lists.reduce((n, part) => n + part[key].length, 0);
    const [count, places] = [sum("samples"), sum("at")];
    const all = {
      samples: new Float64Array(count),
      block: new Uint32Array(count),
      from: new Uint32Array(count),
      at: new Uint32Array(places),
    };
    let [i, place] = [0, 0];
    for (const part of this.lists) {
      all.samples.set(part.samples, i);
      all.block.set(part.block, i);
      for (const [k, from] of part.from.entries()) all.from[i + k] = place + from;
      all.at.set(part.at, place);
      i += part.samples.length;
      place += part.at.length;
    }
    return all;
  }
}

/** Labels of whole files as rows of `[count × width]`, from sparse lists (with indices) or dense ones. */
function addValues(dense: Float32Array, width: number, { indices, values }: ShardIndex, from: number): void {
  for (const [i, list] of values.entries()) {
    const row = from + i;
    const at = indices[i]!;
    for (const [j, value] of list.entries()) {
      const place = at.length > 0 ? at[j]! : j;
      if (place >= width)
        throw new DatasetError(
          "RECORD",
          `label ${place} of example ${row}: expected less than ${width}; pass a larger width`,
        );
      dense[row * width + place] = value;
    }
  }
}

/** Samples per channel of an example's input and target (0 where that is no audio). */
export function sideSamples(records: Records, example: number): [number, number] {
  const { kind, encoding, channels } = records.manifest;
  if (records.blocks) {
    const { input, target } = records.blocks;
    return [input.samples[example]!, target?.samples[example] ?? 0];
  }
  const unit = BYTES_PER_SAMPLE[encoding] * channels;
  return [records.inputBytes[example]! / unit, kind === "pairs" ? records.targetBytes[example]! / unit : 0];
}

/** Samples per channel of an example: of its longer side. */
export function exampleSamples(records: Records, example: number): number {
  return Math.max(...sideSamples(records, example));
}

/**
 * Labels per frame. The original's shards don't say; its stored matrix is whole frames of 4-byte values behind 15 to 27
 * bytes of protobuf, so the example with the most frames determines it.
 */
export function frameWidth(records: Records): number {
  const { width, inputSize } = records.manifest;
  if (width !== undefined || !inputSize) return width ?? 0;
  const longest = records.inputBytes.reduce((best, bytes, i) => (bytes > records.inputBytes[best]! ? i : best), 0);
  return Math.floor((records.labelBytes[longest]! - 14) / (4 * (exampleSamples(records, longest) / inputSize)));
}
