import type { Message } from "./message.js";

/** Sends one piece of a cell's text output. */
export type SendText = (name: "stdout" | "stderr", text: string, parent: Message | undefined) => void;

// Jupyter's server drops what goes beyond 1,000 messages or 1 MB a second, taken over 3 seconds.
const WINDOW_MS = 3000;
const WINDOW_BYTES = 2_400_000;
const WINDOW_MESSAGES = 2000;
const FLUSH_MS = 20;
const FLUSH_BYTES = 1 << 16;
/** Beyond this many turns between the two outputs within one message's time, each comes as one. */
const MOST_PARTS = 500;

/**
 * Holds back what goes to the front end, so that it never gets more than Jupyter's server lets through.
 *
 * A flood waits here, as a program waits for a slow terminal: nothing is lost and memory stays flat.
 */
export function createPacer(): (bytes: number) => void {
  let sent: { at: number; bytes: number }[] = [];
  return (bytes) => {
    for (;;) {
      const now = performance.now();
      sent = sent.filter((message) => now - message.at < WINDOW_MS);
      const total = sent.reduce((sum, message) => sum + message.bytes, 0);
      if (sent.length === 0 || (total + bytes <= WINDOW_BYTES && sent.length < WINDOW_MESSAGES)) break;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WINDOW_MS - (now - sent[0]!.at) + 1);
    }
    sent.push({ at: performance.now(), bytes });
  };
}

interface Part {
  name: "stdout" | "stderr";
  /** The request whose output it is. */
  parent: Message | undefined;
  text: string[];
}

/** The parts of each cell's each output as one, in the order in which these began. */
function joined(parts: Part[]): Part[] {
  const groups: Part[] = [];
  for (const part of parts) {
    const group = groups.find(({ name, parent }) => name === part.name && parent === part.parent);
    if (group) group.text.push(...part.text);
    else groups.push({ ...part, text: [...part.text] });
  }
  return groups;
}

/** Text output that is gathered for some milliseconds, because one message per line is more than a front end can take. */
export class TextStream {
  #parts: Part[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #flushed = -Infinity;
  #decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };

  constructor(private readonly send: SendText) {}

  /** Takes output, as a writable stream's `write` does. */
  write(name: "stdout" | "stderr", chunk: string | Uint8Array, parent?: Message): void {
    const text = typeof chunk === "string" ? chunk : this.#decoders[name].decode(chunk, { stream: true });
    if (text === "") return;
    const last = this.#parts[this.#parts.length - 1];
    if (last?.name === name && last.parent === parent) last.text.push(text);
    else this.#parts.push({ name, parent, text: [text] });
    this.#bytes += text.length;
    // At once after a pause, so that a line shows before a long computation that follows it.
    if (this.#bytes >= FLUSH_BYTES || performance.now() - this.#flushed >= FLUSH_MS) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), FLUSH_MS);
  }

  /** Sends what is held, in order; where the two outputs take turns too often for the front end, each as one. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#flushed = performance.now();
    const parts = this.#parts;
    this.#parts = [];
    this.#bytes = 0;
    const groups = parts.length <= MOST_PARTS ? parts : joined(parts);
    for (const { name, parent, text } of groups) this.send(name, text.join(""), parent);
  }
}
