// Shared by symbol: the kernel and the notebook's library are the same files, but may be loaded by two paths.
const COUNT = Symbol.for("deep-audio-dataset.interrupts");
const shared = globalThis as unknown as Record<symbol, number | undefined>;

/** How often the notebook's stop button was pressed in this kernel. 0 where another kernel, or none, runs. */
export function interruptCount(): number {
  return shared[COUNT] ?? 0;
}

/** Whether interrupts come from this project's kernel, which lives on after them. */
export function interruptible(): boolean {
  return shared[COUNT] !== undefined;
}

/** Begins to count; the kernel alone calls it. */
export function beginInterrupts(): void {
  shared[COUNT] = 0;
}

/** Counts one more; the kernel alone calls it. */
export function countInterrupt(): void {
  shared[COUNT] = interruptCount() + 1;
}
