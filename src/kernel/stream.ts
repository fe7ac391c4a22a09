/** Sends one piece of a cell's text output. */
export type SendText = (name: "stdout" | "stderr", text: string) => void;

// Jupyter's server drops what goes beyond 1,000 messages or 1 MB a second, taken over 3 seconds.
const WINDOW_MS = 3000;
const WINDOW_BYTES = 2_400_000;
const WINDOW_MESSAGES = 2000;
const FLUSH_MS = 20;
const FLUSH_BYTES = 1 << 16;

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
  text: string[];
}

function joined(parts: Part[], name: Part["name"]): Part {
  return { name, text: parts.filter((part) => part.name === name).flatMap((part) => part.text) };
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
  write(name: "stdout" | "stderr", chunk: string | Uint8Array): void {
    const text = typeof chunk === "string" ? chunk : this.#decoders[name].decode(chunk, { stream: true });
    const last = this.#parts[this.#parts.length - 1];
    if (last?.name === name) last.text.push(text);
    else this.#parts.push({ name, text: [text] });
    this.#bytes += text.length;
    // At once after a pause, so that a line shows before a long computation that follows it.
    if (this.#bytes >= FLUSH_BYTES || performance.now() - this.#flushed >= FLUSH_MS) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), FLUSH_MS);
  }

  /** Sends what is held, in order; where the two outputs take turns very often, each as one. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#flushed = performance.now();
    const parts = this.#parts;
    this.#parts = [];
    this.#bytes = 0;
    const groups = parts.length <= 20 ? parts : (["stdout", "stderr"] as const).map((name) => joined(parts, name));
    for (const { name, text } of groups) this.send(name, text.join(""));
  }
}
