import type { Readable, Writable } from "node:stream";
import { createInterface } from "node:readline";
import { deserialize, serialize } from "node:v8";
import { DatasetError } from "../core/error.js";
import { createPool } from "../system/pool.js";
import type { Order, Outcome, Runner } from "../system/task.js";

interface Waiting {
  resolve: (outcome: unknown) => void;
  reject: (error: Error) => void;
}

/**
 * Passes tasks on to the driver, `python/deep_audio_ray.py`, which makes a Ray task of each: lines `@NUMBER TASK` to it, from it
 * `done NUMBER OUTCOME`, `lost NUMBER REASON` where machines failed to the end, `retry NUMBER REASON` each time that one did.
 */
export class Relay implements Runner {
  /** Tasks that were started again. */
  retries = 0;
  private readonly waiting = new Map<string, Waiting>();
  private next = 0;

  constructor(
    input: Readable,
    private readonly output: Writable,
    ended: () => void,
  ) {
    createInterface({ input })
      .on("line", (line) => this.take(line))
      .once("close", ended);
  }

  run(
    { input, note }: Order<unknown>,
    { name, signal }: { name: string; signal: AbortSignal | null },
  ): Promise<unknown> {
    let task: Buffer;
    try {
      task = serialize({ name, input });
    } catch (error) {
      // Memory shared with the caller can't leave this machine, nor do tasks that need it.
      if ((error as Error).name !== "DataCloneError" && !/could not be cloned/.test(String(error))) throw error;
      return here().run({ input, note }, { name, signal });
    }
    return new Promise((resolve, reject) => {
      const number = String(this.next++);
      this.waiting.set(number, { resolve, reject });
      this.output.write(`@${number} ${task.toString("base64")}\n`);
    });
  }

  // The driver's end is this process's end: no task waits for an error.
  on(): this {
    return this;
  }

  off(): this {
    return this;
  }

  private take(line: string): void {
    const [verdict, number, text = ""] = line.split(" ");
    if (verdict === "retry") {
      this.retries++;
      return;
    }
    const { resolve, reject } = this.waiting.get(number!)!;
    this.waiting.delete(number!);
    const said = Buffer.from(text, "base64");
    if (verdict === "done") resolve(deserialize(said) as Outcome<unknown>);
    else reject(new DatasetError("ENVIRONMENT", `Ray: ${said}, expected a machine that does the task`));
  }
}

let local: Runner | undefined;

function here(): Runner {
  local ??= createPool(1);
  return local;
}
