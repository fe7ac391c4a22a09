import { AsyncLocalStorage } from "node:async_hooks";
import type { Message } from "./message.js";

/** The inner part of Node 20 and 22 that follows what begins what. */
interface AsyncWrap {
  async_hook_fields: Uint32Array;
  constants: { kCheck: number };
}

const beginners = new AsyncLocalStorage<Message>();

/** Runs a cell: timers, promises and the like that it begins, and what these begin, know it. */
export function beginAs<T>(cell: Message, work: () => T): T {
  return beginners.run(cell, () => {
    allowForcedEnds();
    return work();
  });
}

/** The cell that began what runs now; undefined where none did. */
export function beginner(): Message | undefined {
  return beginners.getStore();
}

/**
 * Code that is ended by force leaves Node's account of what began what unfinished, for which Node before 24 ends the process once
 * such an account is kept; see also the kernel's flag in setup/build.ts.
 */
function allowForcedEnds(): void {
  if (Number(process.versions.node.split(".")[0]) >= 24) return;
  const { noDeprecation } = process;
  process.noDeprecation = true;
  try {
    const { binding } = process as unknown as { binding(name: "async_wrap"): AsyncWrap };
    const { async_hook_fields: fields, constants } = binding.call(process, "async_wrap");
    fields[constants.kCheck] = 0;
  } finally {
    process.noDeprecation = noDeprecation as boolean;
  }
}
