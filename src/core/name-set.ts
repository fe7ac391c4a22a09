/** The first number of slots, a power of two. */
const SLOTS = 1024;

/**
 * A set of names that holds 64 bits of each, not the name: ten million take 134 MB. Two names are taken for one with a probability of
 * 3e-6 among ten million.
 */
export class NameSet {
  size = 0;
  private slots = new Uint32Array(2 * SLOTS);

  /** Adds a name; false where it was there. */
  add(name: string): boolean {
    const [first, second] = hashes(name);
    const at = this.find(first, second);
    if (this.slots[at] !== 0) return false;
    this.slots.set([first, second], at);
    if (++this.size * 10 > this.slots.length * 3) this.grow();
    return true;
  }

  has(name: string): boolean {
    const [first, second] = hashes(name);
    return this.slots[this.find(first, second)] !== 0;
  }

  /** The place of a name, or a free one. */
  private find(first: number, second: number): number {
    const mask = this.slots.length - 1;
    for (let at = (2 * second) & mask; ; at = (at + 2) & mask) {
      if (this.slots[at] === 0 || (this.slots[at] === first && this.slots[at + 1] === second)) return at;
    }
  }

  private grow(): void {
    const old = this.slots;
    this.slots = new Uint32Array(2 * old.length);
    for (let at = 0; at < old.length; at += 2) {
      if (old[at] !== 0) this.slots.set([old[at]!, old[at + 1]!], this.find(old[at]!, old[at + 1]!));
    }
  }
}

/** Two hashes of 32 bits (cyrb53 before its halves are joined), the first not 0. */
function hashes(name: string): [number, number] {
  let a = 0xdeadbeef;
  let b = 0x41c6ce57;
  for (let i = 0; i < name.length; i++) {
    const c = name.charCodeAt(i);
    a = Math.imul(a ^ c, 2654435761);
    b = Math.imul(b ^ c, 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return [a >>> 0 || 1, b >>> 0];
}
