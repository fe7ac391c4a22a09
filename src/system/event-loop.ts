/** Items between two turns of the event loop: a few milliseconds of work. */
export const PART = 1000;

/** Gives the event loop a turn. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Calls `visit` for each item, in order, and gives the event loop a turn after every thousand: long lists on the main
 * thread then hold up neither interrupts nor progress nor the front end.
 */
export async function inTurns<T>(items: Iterable<T>, visit: (item: T) => void | Promise<void>): Promise<void> {
  let visited = 0;
  for (const item of items) {
    const pending = visit(item);
    if (pending) await pending;
    if (++visited % PART === 0) await nextTurn();
  }
}

/** Files that one call opens at the same time, at most: a process may have 1,024 by default, all its threads together. */
const TOGETHER = 16;

/** What `work` gives for each item, in order, for a few items at the same time. */
export async function mapSome<T, R>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<R>,
  together: number = TOGETHER,
): Promise<R[]> {
  const out: R[] = new Array(items.length);
  let next = 0;
  const runner = async (): Promise<void> => {
    while (next < items.length) {
      const at = next++;
      out[at] = await work(items[at]!, at);
    }
  };
  await Promise.all(Array.from({ length: Math.min(together, items.length) }, runner));
  return out;
}

/**
 * What `work` gives for each item, in order, for a few items at the same time: those not asked for yet are no more than `together`,
 * however many there are.
 */
export async function* inOrder<T, R>(
  items: AsyncIterable<T> | Iterable<T>,
  work: (item: T, index: number) => Promise<R>,
  together: number = TOGETHER,
): AsyncGenerator<R> {
  const waiting: Promise<R>[] = [];
  let next = 0;
  for await (const item of items) {
    const one = work(item, next++);
    // One that fails while an earlier one is waited for is thrown when its turn comes, or nowhere.
    one.catch(() => undefined);
    waiting.push(one);
    if (waiting.length >= together) yield await waiting.shift()!;
  }
  for (const one of waiting) yield await one;
}
