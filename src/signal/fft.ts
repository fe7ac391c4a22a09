import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatasetError } from "../error.js";

/** A real FFT of one length with its buffers. Fill `input`, call `run`, read `output`; both stay the same arrays. */
export interface RealFft {
  readonly length: number;
  /** `length` samples. */
  readonly input: Float32Array;
  /**
   * `length` values: the real parts of bin 0 and of bin length/2, then real and imaginary part of bins 1 … length/2 − 1.
   */
  readonly output: Float32Array;
  run(): void;
}

interface Pffft {
  d: { buffer: ArrayBuffer; grow(pages: number): number };
  e(): void;
  f(bytes: number): number;
  j(): number;
  k(length: number, real: 0): number;
  p(setup: number, input: number, output: number, work: number, forward: 0): void;
}

/** The part of WebAssembly used here; it is a global of Node that the compiler's plain ES library doesn't declare. */
interface WasmApi {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: Record<string, Record<string, unknown>>) => { exports: unknown };
}

const plans = new Map<number, RealFft>();
let loaded: Pffft | undefined;

/**
 * The FFT for real signals of `length` samples: PFFFT with SIMD in WebAssembly, float32, one per thread and length.
 *
 * @throws DatasetError "OPTION" when `length` is not a multiple of 32 made of factors 2, 3 and 5.
 */
export function realFft(length: number): RealFft {
  let plan = plans.get(length);
  // A later plan can make the memory grow, which detaches the views of the earlier ones.
  if (!plan || plan.input.length === 0) {
    plan = createPlan(length);
    plans.set(length, plan);
  }
  return plan;
}

/** The smallest length that `realFft` takes and that holds `samples` samples. */
export function fftLengthFor(samples: number): number {
  let length = Math.max(32, Math.ceil(samples / 32) * 32);
  while (!fits(length)) length += 32;
  return length;
}

function fits(length: number): boolean {
  if (!Number.isInteger(length) || length < 32 || length % 32 !== 0 || length > 1 << 20) return false;
  let rest = length;
  for (const factor of [2, 3, 5]) while (rest % factor === 0) rest /= factor;
  return rest === 1;
}

function createPlan(length: number): RealFft {
  if (!fits(length)) {
    throw new DatasetError(
      "OPTION",
      `fftLength: ${length}, expected a multiple of 32 up to ${1 << 20} made of factors 2, 3 and 5, for example ${fftLengthFor(Math.min(1 << 20, Math.max(1, Math.floor(length) || 1)))}; frameLength may be any length up to it`,
    );
  }
  loaded ??= load();
  const pffft = loaded;
  const setup = pffft.k(length, 0);
  const [input, output, work] = [pffft.f(4 * length), pffft.f(4 * length), pffft.f(4 * length)];
  return {
    length,
    input: new Float32Array(pffft.d.buffer, input, length),
    output: new Float32Array(pffft.d.buffer, output, length),
    run: () => pffft.p(setup, input, output, work, 0),
  };
}

/**
 * Instantiates the package's WebAssembly file without its loader, which only works asynchronously: displays and
 * feature code need a plain function. Compiling takes about 3 ms. The letters are the pinned build's export names.
 */
function load(): Pffft {
  const file = join(dirname(require.resolve("@echogarden/pffft-wasm/simd")), "pffft.wasm");
  const fail = (): never => {
    throw new DatasetError(
      "ENVIRONMENT",
      `fft: ${file} does not work, expected @echogarden/pffft-wasm 0.4.2; run npm ci`,
    );
  };
  const grow = (bytes: number): number => {
    const missing = bytes - pffft.d.buffer.byteLength;
    return missing <= 0 || pffft.d.grow(Math.ceil(missing / 65536)) >= 0 ? 1 : 0;
  };
  const copy = (to: number, from: number, bytes: number): void => {
    new Uint8Array(pffft.d.buffer).copyWithin(to, from, from + bytes);
  };
  const { Module, Instance } = (globalThis as unknown as { WebAssembly: WasmApi }).WebAssembly;
  const instance = new Instance(new Module(readFileSync(file)), { a: { a: fail, b: grow, c: copy } });
  const pffft = instance.exports as Pffft;
  if (typeof pffft.j !== "function" || typeof pffft.p !== "function") fail();
  pffft.e();
  if (pffft.j() !== 4) fail();
  return pffft;
}
