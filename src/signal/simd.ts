/**
 * Three loops over float32 numbers, four at a time, as a WebAssembly module put together here: JavaScript does one number
 * at a time. They work inside the FFT's own memory. Opcodes are those of the WebAssembly Core Specification 2.0,
 * chapter 5; `test/signal/simd.test.ts` holds each loop against plain JavaScript.
 */

/** The loops. Arguments are byte addresses; every length is a multiple of 4 numbers and at least 4. */
export interface SimdLoops {
  /** out[i] = a[i] · b[i], for a from `a` to `end`. */
  multiply(a: number, b: number, out: number, end: number): void;
  /** out[i] = pairs[2i]² + pairs[2i + 1]², for pairs from `pairs` to `end`. */
  power(pairs: number, out: number, end: number): void;
  /**
   * For each entry (values, end) of the table: the sum of value · weight from `values` to `end`; the weights of one entry
   * follow those of the one before.
   */
  bands(table: number, tableEnd: number, weights: number, out: number): void;
}

const I32 = 0x7f;
const V128 = 0x7b;

const get = (local: number): number[] => [0x20, local];
const set = (local: number): number[] => [0x21, local];
const tee = (local: number): number[] => [0x22, local];
/** local += step */
const step = (local: number, bytes: number): number[] => [...get(local), 0x41, bytes, 0x6a, ...set(local)];
const load = (local: number, offset = 0): number[] => [...get(local), 0xfd, 0x00, 0, offset];
const loadAddress = (local: number, offset: number): number[] => [...get(local), 0x28, 2, offset];
const STORE = [0xfd, 0x0b, 0, 0];
const MULTIPLY = [0xfd, 0xe6, 0x01];
const ADD = [0xfd, 0xe4, 0x01];
const ZERO = [0xfd, 0x0c, ...Array(16).fill(0)];
const lane = (n: number): number[] => [0xfd, 0x1f, n];
/** Four of the eight numbers of two vectors. */
const shuffle = (...lanes: number[]): number[] => [
  0xfd,
  0x0d,
  ...lanes.flatMap((n) => [4 * n, 4 * n + 1, 4 * n + 2, 4 * n + 3]),
];
/** Runs the body, and again while address `local` < address `end`. */
const loop = (local: number, end: number, ...body: number[][]): number[] => [
  ...[0x03, 0x40],
  ...body.flat(),
  ...[...get(local), ...get(end), 0x49, 0x0d, 0, 0x0b],
];

const multiply = body([], loop(0, 3, get(2), load(0), load(1), MULTIPLY, STORE, step(0, 16), step(1, 16), step(2, 16)));

const power = body(
  [[2, V128]],
  loop(
    0,
    2,
    get(1),
    [...load(0), ...tee(3), ...get(3), ...MULTIPLY, ...set(3)],
    [...load(0, 16), ...tee(4), ...get(4), ...MULTIPLY, ...set(4)],
    [...get(3), ...get(4), ...shuffle(0, 2, 4, 6)],
    [...get(3), ...get(4), ...shuffle(1, 3, 5, 7)],
    [...ADD, ...STORE],
    step(0, 32),
    step(1, 16),
  ),
);

const bands = body(
  [
    [2, I32], // 4: values, 5: their end
    [1, V128], // 6: four partial sums
  ],
  loop(
    0,
    1,
    [...loadAddress(0, 0), ...set(4), ...loadAddress(0, 4), ...set(5), ...ZERO, ...set(6)],
    loop(4, 5, [...get(6), ...load(4), ...load(2), ...MULTIPLY, ...ADD, ...set(6)], step(4, 16), step(2, 16)),
    get(3),
    [...get(6), ...lane(0), ...get(6), ...lane(1), 0x92, ...get(6), ...lane(2), 0x92, ...get(6), ...lane(3), 0x92],
    [0x38, 2, 0],
    step(0, 8),
    step(3, 4),
  ),
);

/** The bytes of the module. Its memory is imported as "memory" "memory". */
export function simdModule(): Uint8Array {
  const functions = [
    { name: "multiply", parameters: 4, code: multiply },
    { name: "power", parameters: 3, code: power },
    { name: "bands", parameters: 4, code: bands },
  ];
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, list(functions.map((f) => [0x60, ...list(Array(f.parameters).fill([I32])), 0]))),
    ...section(2, list([[...name("memory"), ...name("memory"), 0x02, 0x00, 0]])),
    ...section(3, list(functions.map((_, i) => [i]))),
    ...section(7, list(functions.map((f, i) => [...name(f.name), 0x00, i]))),
    ...section(10, list(functions.map((f) => [...length(f.code.length), ...f.code]))),
  ]);
}

function body(locals: number[][], code: number[]): number[] {
  return [...list(locals), ...code, 0x0b];
}

function section(id: number, content: number[]): number[] {
  return [id, ...length(content.length), ...content];
}

function list(items: number[][]): number[] {
  return [...length(items.length), ...items.flat()];
}

function name(text: string): number[] {
  return list([...Buffer.from(text)].map((byte) => [byte]));
}

/** Unsigned LEB128. */
function length(n: number): number[] {
  return n < 128 ? [n] : [(n & 127) | 128, ...length(n >> 7)];
}
