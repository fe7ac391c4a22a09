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
