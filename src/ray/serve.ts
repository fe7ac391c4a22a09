/**
 * The Node process that a Ray worker keeps: it does the tasks of `worker.ts`, a line each on standard input, until that ends.
 *
 * A line is `{ name, input }` as V8 serialises it, in base64. Answers begin with "@", since whatever else is printed isn't one:
 * `@done OUTCOME`, or `@machine OUTCOME` where another machine may do better (a disk, its memory).
 */
import { join } from "node:path";
import { createInterface } from "node:readline";
import { deserialize, serialize } from "node:v8";
import { NOTE_BYTES, type Order, type Outcome } from "../system/task.js";

type Tasks = Record<string, (order: Order<unknown>) => Promise<Outcome<unknown>>>;

/** What may be the machine's fault; errors that have no code are nobody's intention. */
const MACHINE: ReadonlySet<string | undefined> = new Set([undefined, "FILE", "ENVIRONMENT", "LOCKED"]);

async function main(): Promise<void> {
  const tasks = require(join(__dirname, "../worker.js")) as Tasks;
  for await (const line of createInterface({ input: process.stdin })) {
    const { name, input } = deserialize(Buffer.from(line, "base64")) as { name: string; input: unknown };
    const outcome = await tasks[name]!({ input, note: new Uint8Array(NOTE_BYTES) });
    const failed = "failed" in outcome && MACHINE.has(outcome.failed.code) ? outcome.failed : undefined;
    // For the job's log: the next try may succeed.
    if (failed) console.error(failed.message);
    const verdict = failed ? "machine" : "done";
    process.stdout.write(`@${verdict} ${serialize(outcome).toString("base64")}\n`);
  }
}

// A parent that is gone reads no answer.
process.stdout.on("error", () => process.exit(1));
void main();
