import { DatasetError } from "../core/error.js";
import { decodeExample, type Feature, type FeaturePlace, type StoredFeature } from "../format/example.js";
import { type FlacHead, flacSizes, readFlacHead } from "../format/flac.js";
import { RECORD_HEAD } from "../format/tfrecord.js";
import { type Row, rowName } from "../core/rows.js";

/** Columns of `D/N<k>.index`: where everything lies in a shard, one entry per example. Positions are bytes in the shard's file. */
export interface ShardIndex {
  format: 1;
  /** Of the shard that this index belongs to. */
  bytes: number;
  sha256: string;
  /** Only where the shard is another program's and no manifest vouches for it. */
  mtimeMs?: number | undefined;
  /** As in the manifest's entry: what the shard was made from. */
  key?: string | undefined;
  /** Where the record starts, and the length of its payload. */
  offset: number[];
  length: number[];
  /** -1 where the example has none. */
  id: number[];
  /** "" where the example has none. */
  name: string[];
  group: string[];
  /** Samples of `a_in` and `a_out`; position -1 where there are none. */
  inputAt: number[];
  inputBytes: number[];
  targetAt: number[];
  targetBytes: number[];
  /** The run of whole feature entries that holds everything called `b_…`; position -1 where there are none. */
  labelAt: number[];
  labelBytes: number[];
  /** `b_ind` and `b_val` of kinds classes and values; empty for frames, whose labels are read when needed. */
  indices: number[][];
  values: number[][];
  /** How samples are held: a bytes list (the original and ours), FLAC in one, or a float list (the original's later version). */
  audio: "bytes" | "flac" | "float" | "none";
  /** Whether the examples carry this library's own features. */
  own: boolean;
  /** Of FLAC, per example: samples per channel, samples per block, then the bytes of the head and of each block. */
  inputBlocks?: number[][];
  targetBlocks?: number[][];
}

/** How `indexExample` takes a record. */
export interface IndexExampleOptions {
  /** Position of the buffer's first byte in the shard's file. */
  fileAt: number;
  /** Keep `b_ind` and `b_val`. */
  lists: boolean;
  /** The samples are FLAC. */
  flac: boolean;
  /** Shard, example and position, for messages. */
  where: string;
}

export function emptyIndex(): ShardIndex {
  return {
    format: 1,
    bytes: 0,
    sha256: "",
    offset: [],
    length: [],
    id: [],
    name: [],
    group: [],
    inputAt: [],
    inputBytes: [],
    targetAt: [],
    targetBytes: [],
    labelAt: [],
    labelBytes: [],
    indices: [],
    values: [],
    audio: "none",
    own: false,
  };
}

/**
 * Adds the record at `bytes[at …]` to an index.
 * @throws DatasetError "RECORD" when the payload is no Example
 */
export function indexExample(
  index: ShardIndex,
  bytes: Uint8Array,
  at: number,
  length: number,
  options: IndexExampleOptions,
): void {
  const { fileAt, where } = options;
  const features = decodeExample(bytes, at + RECORD_HEAD, at + RECORD_HEAD + length, where);
  const input = features.get("a_in");
  const target = features.get("a_out");
  index.offset.push(fileAt + at);
  index.length.push(length);
  index.id.push(integers(features.get("id") ?? features.get("index"))[0] ?? -1);
  index.name.push(text(features.get("name")));
  index.group.push(text(features.get("group")));
  const position = (f: StoredFeature | undefined): number => (f && f.dataAt >= 0 ? fileAt + f.dataAt : -1);
  index.inputAt.push(position(input));
  index.inputBytes.push(input?.dataBytes ?? 0);
  index.targetAt.push(position(target));
  index.targetBytes.push(target?.dataBytes ?? 0);
  if (input?.kind === "bytes" || input?.kind === "float") index.audio = options.flac ? "flac" : input.kind;
  if (options.flac) addBlocks(index, findBlocks(input, where), target && findBlocks(target, where));
  index.own ||= features.has("sample_rate");
  const labels = [...features].filter(([key]) => key.startsWith("b_")).map(([, f]) => f);
  const from = Math.min(...labels.map((f) => f.entryAt));
  const to = Math.max(...labels.map((f) => f.entryEnd));
  index.labelAt.push(labels.length > 0 ? fileAt + from : -1);
  index.labelBytes.push(labels.length > 0 ? to - from : 0);
  const values = features.get("b_val");
  index.indices.push(options.lists ? integers(features.get("b_ind")) : []);
  index.values.push(options.lists && values?.kind === "float" ? Array.from(values.values) : []);
}

/** What the builder of a record knows of it. */
export interface BuiltExample {
  row: Pick<Row, "id" | "input" | "start" | "end" | "group">;
  features: Readonly<Record<string, Feature>>;
  /** Where the features lie in the buffer, from `ExampleWriter.write`. */
  places: ReadonlyMap<string, FeaturePlace>;
  /** Where the record starts in the buffer, and the length of its payload. */
  at: number;
  length: number;
  /** Where the samples are FLAC: what `inputBlocks` and `targetBlocks` say of them. */
  blocks?: { input?: number[]; target?: number[] } | undefined;
}

/** Adds a record just built to an index: what `indexExample` would find in it, without reading it again. */
export function indexBuilt(
  index: ShardIndex,
  built: BuiltExample,
  options: Pick<IndexExampleOptions, "fileAt" | "lists">,
): void {
  const { row, features, places, at, length, blocks } = built;
  const { fileAt, lists } = options;
  index.offset.push(fileAt + at);
  index.length.push(length);
  nameExample(index, row);
  index.inputAt.push(fileAt + places.get("a_in")!.dataAt);
  index.inputBytes.push(firstBytes(features.a_in));
  index.targetAt.push(features.a_out ? fileAt + places.get("a_out")!.dataAt : -1);
  index.targetBytes.push(firstBytes(features.a_out));
  index.audio = blocks?.input ? "flac" : "bytes";
  if (blocks?.input) addBlocks(index, blocks.input, blocks.target);
  index.own ||= features.sample_rate !== undefined;
  let from = Infinity;
  let to = 0;
  for (const [key, place] of places) {
    if (!key.startsWith("b_")) continue;
    from = Math.min(from, place.entryAt);
    to = Math.max(to, place.entryEnd);
  }
  index.labelAt.push(to > 0 ? fileAt + from : -1);
  index.labelBytes.push(to > 0 ? to - from : 0);
  const { b_ind: indices, b_val: values } = features;
  index.indices.push(lists && indices?.kind === "int64" ? Array.from(indices.values) : []);
  index.values.push(lists && values?.kind === "float" ? Array.from(values.values) : []);
}

/** What an index says of a FLAC. */
export function blocksOf({ samples, block, first }: FlacHead, sizes: readonly number[]): number[] {
  return [samples, block, first, ...sizes];
}

function addBlocks(index: ShardIndex, input: number[], target: number[] | undefined): void {
  index.inputBlocks ??= [];
  index.inputBlocks.push(input);
  if (!target) return;
  index.targetBlocks ??= [];
  index.targetBlocks.push(target);
}

/** Decodes a FLAC to find its blocks. */
function findBlocks(feature: StoredFeature | undefined, where: string): number[] {
  const bytes = feature?.kind === "bytes" ? feature.values[0]! : new Uint8Array(0);
  const head = readFlacHead(bytes);
  const sizes = head && flacSizes(bytes, head);
  if (sizes) return blocksOf(head, sizes);
  throw new DatasetError("RECORD", `FLAC: damaged, expected 16-bit samples in blocks of one size (${where})`);
}

function firstBytes(feature: Feature | undefined): number {
  return feature?.kind === "bytes" ? feature.values[0]!.length : 0;
}

/** The original's records don't hold the name of an example: it comes from the row that it was made from. */
export function nameExample(
  index: ShardIndex,
  row: Pick<Row, "id" | "input" | "start" | "end" | "group">,
  i = index.offset.length - 1,
): void {
  index.id[i] = row.id;
  index.name[i] = rowName(row);
  index.group[i] = row.group ?? "";
}

function integers(feature: StoredFeature | undefined): number[] {
  return feature?.kind === "int64" ? Array.from(feature.values) : [];
}

const utf8 = new TextDecoder();

function text(feature: StoredFeature | undefined): string {
  return feature?.kind === "bytes" && feature.values[0] ? utf8.decode(feature.values[0]) : "";
}
