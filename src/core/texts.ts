/** Texts of a block. */
const BLOCK = 4096;

/** Texts, packed: one takes its bytes as utf-8 and four more, a string and its place in an array take some fifty. */
export class Texts {
  private readonly blocks: { bytes: Uint8Array; ends: Uint32Array }[] = [];
  private last: string[] = [];

  get length(): number {
    return this.blocks.length * BLOCK + this.last.length;
  }

  push(text: string): void {
    this.last.push(text);
    if (this.last.length < BLOCK) return;
    const all = this.last.map((one) => utf8.encode(one));
    const ends = new Uint32Array(BLOCK);
    const bytes = new Uint8Array(all.reduce((sum, one) => sum + one.length, 0));
    let end = 0;
    for (const [i, one] of all.entries()) {
      bytes.set(one, end);
      ends[i] = end += one.length;
    }
    this.blocks.push({ bytes, ends });
    this.last = [];
  }

  /** Text `i`, from 0; undefined where there is none. */
  at(i: number): string | undefined {
    const block = this.blocks[Math.floor(i / BLOCK)];
    const k = i % BLOCK;
    return block ? text.decode(block.bytes.subarray(k > 0 ? block.ends[k - 1] : 0, block.ends[k])) : this.last[k];
  }
}

const utf8 = new TextEncoder();
const text = new TextDecoder("utf-8", { ignoreBOM: true });
