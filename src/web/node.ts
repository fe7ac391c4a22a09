// What the shared code uses of Node, for the browser: the two WebAssembly files are in the bundle.
import pffft from "pffft.wasm";
import loops from "loops.wasm";

export function readFileSync(path: string): Uint8Array {
  return path.endsWith("loops.wasm") ? loops : pffft;
}

export const join = (...parts: string[]): string => parts.join("/");
export const dirname = (path: string): string => path.replace(/\/[^/]*$/, "");
export const isMainThread = true;

/** As much of Node's Buffer as the shared code uses. */
class Bytes extends Uint8Array {
  override toString(encoding?: string): string {
    if (encoding === "hex") return Array.from(this, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return new TextDecoder().decode(this);
  }
  private swap(width: number): this {
    for (let at = 0; at < this.length; at += width) this.subarray(at, at + width).reverse();
    return this;
  }
  swap16(): this {
    return this.swap(2);
  }
  swap32(): this {
    return this.swap(4);
  }
  swap64(): this {
    return this.swap(8);
  }
}

export const Buffer = {
  isBuffer: (value: unknown): boolean => value instanceof Bytes,
  from: (data: ArrayBuffer | Uint8Array | number[]): Bytes => {
    if (data instanceof ArrayBuffer) return new Bytes(data);
    return Bytes.from(data) as Bytes;
  },
  concat: (parts: readonly Uint8Array[]): Bytes => {
    const all = new Bytes(parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  },
};
