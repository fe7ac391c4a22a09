import { countInterrupt } from "../system/interrupts.js";
import { forgetTimer } from "./beginner.js";
import { SHARED, STATE } from "./control.js";
import { resetTensorFlow } from "./reset-tensorflow.js";

/** How long interrupted library work may take to end by itself, with an error that says how far it came. */
const ABORT_MS = 700;

/** Runs code that an interrupt can stop. */
export interface Runner {
  /** @throws what the code throws, or an error named "Interrupted" */
  run(code: string): Promise<void>;
  interrupt(): void;
  /** Ends what runs with an error; what it awaited goes on. */
  stop(error: Error): void;
  /** Tells the control thread whether user code runs now: only that is ended by force. */
  setRunning(running: boolean): void;
}

/** A runner of `execute`, which shares its state with the control thread by `shared`. */
export function createRunner(execute: (code: string) => Promise<unknown>, shared: Int32Array): Runner {
  let stop: ((error: Error) => void) | undefined;
  const setRunning = (running: boolean): void =>
    void Atomics.store(shared, SHARED.state, running ? STATE.running : STATE.idle);

  /** Runs code in a turn of its own: code that is ended by force takes its callers with it. */
  async function run(code: string): Promise<void> {
    const stopped = new Promise<never>((_, reject) => (stop = reject));
    const done = new Promise((resolve) => setTimeout(() => resolve(execute(code)), 0));
    try {
      await Promise.race([done, stopped]);
      // Rejections that nobody handles are known one turn later.
      await new Promise((resolve) => setImmediate(resolve));
    } finally {
      stop = undefined;
      setRunning(false);
    }
  }

  function interrupt(): void {
    countInterrupt();
    if (Atomics.exchange(shared, SHARED.forced, 0) === 1) cleanUp();
    const stopThis = stop;
    if (!stopThis) return;
    // Only this listener: no library work that ends by itself.
    const wait = process.listenerCount("SIGINT") > 1 ? ABORT_MS : 0;
    setTimeout(() => stopThis(quietError("Interrupted", "the cell was interrupted")), wait);
  }

  /** What was ended by force had no chance to end its scopes and to take back its listeners. */
  function cleanUp(): void {
    forgetTimer();
    resetTensorFlow();
    for (const listener of process.listeners("SIGINT")) if (listener !== interrupt) process.off("SIGINT", listener);
  }

  return { run, interrupt, stop: (error) => stop?.(error), setRunning };
}

/** An error that comes from nowhere in a cell. */
export function quietError(name: string, message: string): Error {
  const error = new Error(message);
  error.name = name;
  delete error.stack;
  return error;
}
