import { LiveDisplay, notebookHost } from "./display.js";
import { DatasetError } from "../core/error.js";

/** Progress of a long-running call. */
export interface Progress {
  /** What is being done, for example "records". */
  stage: string;
  done: number;
  total: number;
  /** What is counted, for example "examples". */
  unit: string;
  /** Units per second since the start. */
  rate: number;
  /** Seconds left at that rate; Infinity before the first unit is done. */
  secondsLeft: number;
  /** On a cluster: how many tasks were started again because of what a machine did. */
  retries?: number;
}

/** Options of every long-running call. */
export interface LongOptions {
  /** Aborts the work; it then throws a DatasetError with code "ABORTED" and leaves no half-written file. */
  signal?: AbortSignal;
  /** Called at most five times a second and at the end. Default: a line on the terminal or a bar in the notebook; `false` shows nothing. */
  onProgress?: ((progress: Progress) => void) | false | undefined;
}

/** What `track` hands to the work it tracks. */
export interface Tracker {
  /** Aborted by the caller's signal or by an interrupt (Ctrl+C, the notebook's stop button). */
  signal: AbortSignal;
  /** Counts `n` more units as done (default 1). */
  tick(n?: number): void;
}

const INTERVAL_MS = 200;

/** Runs long work with progress shown and with interrupts turned into an abort. `again`: what can be done after one. */
export async function track<T>(
  stage: string,
  total: number,
  unit: string,
  options: LongOptions & { again?: string | undefined },
  work: (tracker: Tracker) => Promise<T>,
): Promise<T> {
  const progress: Progress = { stage, done: 0, total, unit, rate: 0, secondsLeft: Infinity };
  return await follow(progress, options, async ({ signal, show }) => {
    const start = performance.now();
    let last = -Infinity;
    const report = (): void => {
      const seconds = (performance.now() - start) / 1000;
      const rate = seconds > 0 ? progress.done / seconds : 0;
      last = performance.now();
      const left = Math.max(0, total - progress.done);
      Object.assign(progress, { rate, secondsLeft: rate > 0 ? left / rate : Infinity });
      show();
    };
    const tick = (n = 1): void => {
      progress.done += n;
      if (performance.now() - last >= INTERVAL_MS) report();
    };
    const result = await work({ signal, tick });
    report();
    return result;
  });
}

/** As `track`, for work that sets `progress` itself and calls `show` after it. */
export async function follow<T>(
  progress: Progress,
  options: LongOptions & { again?: string | undefined },
  work: (tracker: { signal: AbortSignal; show: () => void }) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  if (options.signal?.aborted) abort();
  options.signal?.addEventListener("abort", abort, { once: true });
  process.on("SIGINT", abort);
  const reporter = options.onProgress === false ? undefined : (options.onProgress ?? defaultReporter());
  try {
    throwIfAborted(controller.signal, progress.stage);
    return await work({ signal: controller.signal, show: () => reporter?.({ ...progress }) });
  } catch (error) {
    if (controller.signal.aborted) {
      const { stage, done, total, unit } = progress;
      throw new DatasetError(
        "ABORTED",
        `${stage}: aborted after ${done} of ${total} ${unit}; ${options.again ?? "run the same call again to resume"}`,
        [],
        { cause: error },
      );
    }
    throw error;
  } finally {
    process.off("SIGINT", abort);
    options.signal?.removeEventListener("abort", abort);
    if (typeof reporter === "function" && "end" in reporter) (reporter as Reporter).end();
  }
}

/** Throws the library's own error when `signal` is aborted. */
export function throwIfAborted(signal: AbortSignal | undefined, stage: string): void {
  if (signal?.aborted) throw new DatasetError("ABORTED", `${stage}: aborted; run the same call again to resume`);
}

/** One line that says how far the work is: `records 1,200 of 4,000 examples, 812/s, 3 s left`. */
export function progressLine(p: Progress): string {
  const n = (x: number): string => Math.round(x).toLocaleString("en-US");
  const rate = p.rate >= 10 ? n(p.rate) : p.rate.toFixed(1);
  const left =
    p.done >= p.total ? "done" : Number.isFinite(p.secondsLeft) ? `${duration(p.secondsLeft)} left` : "starting";
  const again = p.retries ? `, ${n(p.retries)} ${p.retries === 1 ? "retry" : "retries"}` : "";
  return `${p.stage} ${n(p.done)} of ${n(p.total)} ${p.unit}, ${rate}/s, ${left}${again}`;
}

/** A time span for people: `8 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(seconds: number): string {
  const s = Math.ceil(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}

interface Reporter {
  (progress: Progress): void;
  end(): void;
}

function defaultReporter(): Reporter | undefined {
  if (notebookHost() !== "none") return notebookReporter();
  return process.stderr.isTTY ? terminalReporter() : undefined;
}

function terminalReporter(): Reporter {
  const report = (p: Progress): void => void process.stderr.write(`\r\x1b[2K${progressLine(p)}`);
  return Object.assign(report, { end: (): void => void process.stderr.write("\n") });
}

function notebookReporter(): Reporter {
  const live = new LiveDisplay();
  const report = (p: Progress): void => {
    const line = progressLine(p);
    const share = p.total > 0 ? Math.min(1, p.done / p.total) : 1;
    live.update({
      "text/html": `<div><progress value="${share.toFixed(4)}" max="1" style="width:240px;vertical-align:middle"></progress> ${line}</div>`,
      "text/plain": line,
    });
  };
  return Object.assign(report, { end: (): void => live.flush() });
}
