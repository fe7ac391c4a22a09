import { createMemory, loopsIn } from "../core/wasm-loops.js";
import { decodeInto, type WavInfo } from "./wav.js";

/** Bytes decoded at a time: what stays in the processor's cache. */
export const PART_BYTES: number = 1 << 16;
/** The floats lie behind the bytes, and have room for a group more than those hold at two bytes each. */
const FLOATS_AT = PART_BYTES + 64;

const memory = createMemory(FLOATS_AT + 2 * PART_BYTES + 64);
const loops = loopsIn(memory);

/** Where the bytes of a part go to be decoded: up to `PART_BYTES` of whole samples. */
export const partBytes: Uint8Array = new Uint8Array(memory.buffer, 0, PART_BYTES);

/** Decodes the first `out.length` samples in `partBytes`, by WebAssembly where they have 16 or 24 bits, to floats of full scale -1 to 1. */
export function decodePart(out: Float32Array, info: WavInfo): void {
  const width = info.bitsPerSample / 8;
  const bytes = out.length * width;
  if (info.sampleFormat !== "int" || !info.littleEndian || (width !== 2 && width !== 3)) {
    decodeInto(out, partBytes.subarray(0, bytes), info);
    return;
  }
  if (width === 2) loops.floatsOf16(0, bytes, FLOATS_AT);
  else loops.floatsOf24(0, bytes, FLOATS_AT);
  out.set(new Float32Array(memory.buffer, FLOATS_AT, out.length));
}
