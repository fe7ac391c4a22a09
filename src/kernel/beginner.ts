import { AsyncLocalStorage } from "node:async_hooks";
import type { Message } from "./message.js";

/**
 * Node 24 and later follow what begins what by themselves. Before, it takes hooks whose account is left unfinished by code that is
 * ended by force, for which Node ends the process: there timers alone know who began them.
 */
const storage = Number(process.versions.node.split(".")[0]) >= 24 ? new AsyncLocalStorage<Message>() : undefined;

/** Without `storage`: the cell that runs, and that which began the timer whose callback runs now. */
let latest: Message | undefined;
let ofTimer: Message | undefined;

/** Runs a cell: timers that it begins (from Node 24 on also promises and all else), and what these begin, know it. */
export function beginAs<T>(cell: Message, work: () => T): T {
  if (storage) return storage.run(cell, work);
  latest = cell;
  // Whatever timer this happens in: it is no cell's.
  ofTimer = undefined;
  return work();
}

/** To be called when a timer's callback may have been ended by force. */
export function forgetTimer(): void {
  ofTimer = undefined;
}

/** The cell that began what runs now; undefined where that isn't known. */
export function beginner(): Message | undefined {
  return storage ? storage.getStore() : ofTimer;
}

/** Lets timers know who began them, where nothing else does. */
export function followTimers(): void {
  if (storage) return;
  const functions = globalThis as unknown as Record<string, (callback: unknown, ...rest: unknown[]) => unknown>;
  for (const name of ["setTimeout", "setInterval", "setImmediate"]) {
    const begin = functions[name]!;
    const following = (callback: unknown, ...rest: unknown[]): unknown => begin(bound(callback), ...rest);
    functions[name] = Object.defineProperties(following, Object.getOwnPropertyDescriptors(begin));
  }
}

function bound(callback: unknown): unknown {
  if (typeof callback !== "function") return callback;
  const cell = ofTimer ?? latest;
  return function (this: unknown, ...given: unknown[]): unknown {
    const outer = ofTimer;
    ofTimer = cell;
    try {
      return callback.apply(this, given);
    } finally {
      ofTimer = outer;
    }
  };
}
