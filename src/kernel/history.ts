/** One cell that ran: session, number, text. */
type Entry = [session: number, line: number, input: string];

/** A front end's question for earlier cells, as Jupyter's protocol has it. */
interface Request {
  hist_access_type: "range" | "tail" | "search";
  /** Range: numbers of cells, the second not included. */
  start?: number;
  stop?: number;
  /** Tail and search: at most this many, the latest. */
  n?: number;
  /** Search: a text with `*` and `?`. */
  pattern?: string;
  unique?: boolean;
  /** Whether each text comes with its output, of which the kernel keeps none. */
  output?: boolean;
}

/** The cells that this kernel ran, for front ends that ask for them: `jupyter console` finds them with the arrow keys. */
export class History {
  #entries: Entry[] = [];

  add(line: number, input: string): void {
    this.#entries.push([1, line, input]);
  }

  /** The answer to a `history_request`. */
  answer(request: Request): { status: "ok"; history: unknown[] } {
    const found = this.#find(request);
    return {
      status: "ok",
      history: request.output ? found.map(([session, line, input]) => [session, line, [input, null]]) : found,
    };
  }

  #find({ hist_access_type: type, start = 0, stop, n, pattern = "*", unique }: Request): Entry[] {
    if (type === "range") return this.#entries.filter(([, line]) => line >= start && line < (stop ?? Infinity));
    let found = this.#entries;
    if (type === "search") {
      const escaped = pattern
        .replace(/[.+^${}()|[\]\\]/g, "\\$&")
        .replaceAll("*", "[^]*")
        .replaceAll("?", "[^]");
      const fits = new RegExp(`^${escaped}$`);
      found = found.filter(([, , input]) => fits.test(input));
      if (unique) found = [...new Map(found.map((entry) => [entry[2], entry])).values()];
    }
    return n === undefined ? found : found.slice(Math.max(0, found.length - n));
  }
}
