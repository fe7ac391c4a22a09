import { Readable } from "node:stream";

/** Asks whoever runs the cell for a line. */
export interface Asker {
  /** Sends the question; false where the front end takes none. */
  ask(prompt: string): boolean;
  /** Called when a cell can't go on for want of an answer. */
  refuse(error: Error): void;
}

/** The kernel's `process.stdin`: each line is asked for in the front end's own input box when something reads it. */
export class StandardInput extends Readable {
  /** What was written to standard output since the last line break: the question. */
  #prompt = "";
  #asking = false;
  #wanted = false;

  constructor(private readonly asker: Asker) {
    super({ encoding: "utf8" });
    this.on("resume", () => this.#askSoon());
  }

  /** Takes notice of what a cell wrote. */
  note(text: string): void {
    this.#prompt = (this.#prompt + text).slice((this.#prompt + text).lastIndexOf("\n") + 1).slice(-1000);
  }

  /** Takes an answer. */
  answer(line: string): void {
    if (!this.#asking) return;
    this.#asking = false;
    this.#prompt = "";
    this.push(`${line}\n`);
  }

  /** Between two cells nothing is asked; what is read then asks in the next. */
  endCell(): void {
    this.#asking = false;
    this.#prompt = "";
  }

  /** A cell begins. */
  beginCell(): void {
    this.#askSoon();
  }

  override _read(): void {
    this.#wanted = true;
    this.#askSoon();
  }

  /** The question is often written after reading has begun; and who has what it needs closes its reader first. */
  #askSoon(): void {
    setImmediate(() => {
      if (this.#asking || this.isPaused() || !this.#wanted) return;
      this.#wanted = false;
      this.#asking = this.asker.ask(this.#prompt);
      if (!this.#asking)
        this.asker.refuse(
          new Error(
            "process.stdin: this front end takes no input, expected one that does (JupyterLab, Notebook, jupyter console); give the value in the cell",
          ),
        );
    });
  }
}
