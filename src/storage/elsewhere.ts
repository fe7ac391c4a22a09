import { RECORD_OVERHEAD } from "../format/tfrecord.js";
import { type Cache, discard, makeHollow } from "./cache.js";
import type { ElsewhereShard, FetchTask } from "./fetch-records.js";

/** Where the records of each example lie, as the index says. */
interface RecordPlaces {
  shard: ArrayLike<number>;
  offset: ArrayLike<number>;
  length: ArrayLike<number>;
}

/** Records that somebody is about to read: to be fetched first, and given back after. */
export interface Claim {
  /** Absent where all are here. */
  task: FetchTask | undefined;
  release(): void;
}

/** The shards of one opening that lie elsewhere: which of their records are here, and which of them make room for others. */
export class Elsewhere {
  readonly have: Uint8Array;
  /** Of each shard, how many read it now, and the bytes of it that are here. */
  private readonly readers: Uint32Array;
  private readonly held: Float64Array;
  private total = 0;
  /** Bytes of other datasets in the cache, when they were last looked at. */
  private others = 0;
  /** From the one unused for longest on. */
  private readonly used = new Set<number>();
  private generation = 0;

  /** @param whole the shards that are here already */
  constructor(
    readonly shards: readonly ElsewhereShard[],
    whole: readonly boolean[],
    private readonly places: RecordPlaces,
    private readonly cache: Cache,
  ) {
    this.have = new Uint8Array(new SharedArrayBuffer(places.shard.length));
    this.readers = new Uint32Array(shards.length);
    this.held = new Float64Array(shards.length);
    for (const [k, { bytes, examples }] of shards.entries()) {
      if (!whole[k]) continue;
      this.have.fill(1, ...examples);
      this.hold(k, bytes);
      this.used.add(k);
    }
  }

  /** Claims the records of these examples: none of their shards goes before it is given back. */
  claim(examples: ArrayLike<number>): Claim {
    const { shard, offset, length } = this.places;
    const wanted: number[] = [];
    const shards: Record<number, ElsewhereShard> = {};
    for (let n = 0; n < examples.length; n++) {
      const i = examples[n]!;
      const k = shard[i]!;
      if (!Object.hasOwn(shards, k)) {
        shards[k] = this.shards[k]!;
        this.readers[k]!++;
        this.used.delete(k);
        this.used.add(k);
      }
      if (this.have[i] === 1) continue;
      wanted.push(k, offset[i]!, length[i]!, i);
      this.hold(k, length[i]! + RECORD_OVERHEAD);
    }
    if (this.total + this.others > this.cache.bytes) this.makeRoom();
    let released = false;
    const release = (): void => {
      if (!released) for (const k of Object.keys(shards)) this.release(Number(k));
      released = true;
    };
    const task = wanted.length > 0 ? { shards, wanted: Float64Array.from(wanted), have: this.have } : undefined;
    return { task, release };
  }

  private release(k: number): void {
    const { bytes, examples } = this.shards[k]!;
    this.readers[k]!--;
    // A server without ranges has sent more than was asked for.
    if (this.held[k]! < bytes && !this.have.subarray(...examples).includes(0)) this.hold(k, bytes - this.held[k]!);
  }

  private hold(k: number, bytes: number): void {
    // Two that want the same record at the same time both count it.
    const more = Math.min(bytes, this.shards[k]!.bytes - this.held[k]!);
    this.held[k]! += more;
    this.total += more;
  }

  /** Deletes what was unused for longest, other datasets' first, until the rest fits; what is being read stays. */
  private makeRoom(): void {
    const others = this.cache.unused();
    this.others = others.reduce((sum, { bytes }) => sum + bytes, 0);
    const full = (): boolean => this.total + this.others > this.cache.bytes;
    for (const { path, bytes } of others) {
      if (!full()) return;
      discard(path, path);
      this.others -= bytes;
    }
    for (const k of this.used) {
      if (!full()) return;
      if (this.readers[k] === 0) this.drop(k);
    }
  }

  private drop(k: number): void {
    const shard = this.shards[k]!;
    this.have.fill(0, ...shard.examples);
    this.hold(k, -this.held[k]!);
    this.used.delete(k);
    discard(shard.path, shard.kept);
    // Another name: threads may have the old file open under the old one.
    shard.path = `${shard.path.replace(/~\d+$/, "")}~${++this.generation}`;
    makeHollow(shard.path, shard.bytes);
  }
}
