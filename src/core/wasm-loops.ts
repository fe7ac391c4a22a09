import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DatasetError } from "./error.js";

/** The inner loops of `src/wasm`, compiled to `dist/loops.wasm`. Addresses and lengths ending in `bytes` are in bytes. */
export interface Loops {
  addSine(points: number, cosine: number, sine: number, count: number): void;
  addSquare(points: number, step: number, cycle: number, edge: number, scale: number, count: number): number;
  addSaw(points: number, step: number, cycle: number, edge: number, scale: number, count: number): number;
  addTriangle(points: number, step: number, cycle: number, scale: number, count: number): void;
  quantize(count: number, out: number): void;
  checksum(state: number, at: number, end: number): number;
  flacFrame(at: number, end: number, channels: number, bits: number, block: number, work: number, out: number): number;
  flacEnd(): number;
  flacIntact(at: number, number: number): number;
  flacNumber(at: number, end: number, channels: number, bits: number): number;
  floatsOf16(at: number, end: number, out: number): void;
  floatsOf24(at: number, end: number, out: number): void;
  floatsOf32(at: number, end: number, out: number): void;
  pack24(at: number, end: number, out: number): void;
  multiply(a: number, b: number, out: number, end: number): void;
  power(pairs: number, out: number, end: number): void;
  bands(table: number, tableEnd: number, weights: number, out: number): void;
  products(vectors: number, size: number, one: number, others: number, end: number, out: number): void;
  polyphase(
    input: number,
    output: number,
    count: number,
    up: number,
    whole: number,
    rest: number,
    pairs: number,
    down: number,
    taps: number,
    first: number,
    start: number,
  ): void;
}

/** A WebAssembly memory, which can grow by pages of 64 KiB; growing detaches the views of it. */
export interface Memory {
  buffer: ArrayBuffer;
  grow(pages: number): number;
}

/** What of WebAssembly is used; it is a global of Node that the compiler's plain ES library doesn't declare. */
export const wasm = (
  globalThis as unknown as {
    WebAssembly: {
      Memory: new (size: { initial: number }) => Memory;
      Module: new (bytes: Uint8Array) => object;
      Instance: new (module: object, imports: Record<string, Record<string, unknown>>) => { exports: unknown };
    };
  }
).WebAssembly;

let compiled: object | undefined;

/**
 * A memory of at least `bytes`.
 * @throws DatasetError "ENVIRONMENT" where the system gives none
 */
export function createMemory(bytes: number): Memory {
  return reserving(() => new wasm.Memory({ initial: Math.ceil(bytes / 65536) }));
}

/** What WebAssembly makes, or the library's own error: Node reserves 10 GB of addresses for each memory, used or not. */
export function reserving<T>(make: () => T): T {
  try {
    return make();
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new DatasetError(
      "ENVIRONMENT",
      "WebAssembly memory: refused, expected 10 GB of addresses for each of a few (the limit on virtual memory, ulimit -v, is too low); lift it (ulimit -v unlimited) or set NODE_OPTIONS=--disable-wasm-trap-handler, which needs none",
      [],
      { cause },
    );
  }
}

/** The loops, working in `memory`. */
export function loopsIn(memory: Memory): Loops {
  compiled ??= new wasm.Module(readFileSync(join(__dirname, "..", "loops.wasm")));
  return new wasm.Instance(compiled, { env: { memory } }).exports as Loops;
}
