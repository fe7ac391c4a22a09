import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import { DatasetError } from "../core/error.js";
import { appendToPage } from "./html-page.js";

/** A Jupyter MIME bundle: MIME type to payload; binary payloads as base64 text. A front end shows the richest it knows. */
export type MimeBundle = Record<string, unknown>;

/** Where displays go: tslab's kernel, Deno's kernel, or `none` (plain Node: an html file). */
export type NotebookHost = "tslab" | "deno" | "none";

/** How one bundle is sent. */
export interface DisplayOptions {
  /** Names the output, so that a later bundle can replace it. */
  displayId?: string;
  /** Replaces the output called `displayId`. Default false: a new output. */
  update?: boolean;
}

interface DisplayContent {
  data: MimeBundle;
  metadata: Record<string, unknown>;
  transient: { display_id?: string };
}

interface KernelGlobals {
  __tslab__?: unknown;
  Deno?: { jupyter?: { broadcast?: (type: string, content: DisplayContent) => Promise<void> } };
}

type TslabWriter = (content: DisplayContent, update: boolean) => void;

const globals = globalThis as KernelGlobals;

/** Which notebook kernel this process is, if any. */
export function notebookHost(): NotebookHost {
  if (globals.__tslab__) return "tslab";
  return typeof globals.Deno?.jupyter?.broadcast === "function" ? "deno" : "none";
}

/**
 * Shows one bundle: in the notebook's cell, or in plain Node at the end of a self-contained html file whose path is
 * printed once.
 *
 * @throws DatasetError "ENVIRONMENT" in a tslab whose inner parts differ from the pinned version.
 */
export function displayBundle(data: MimeBundle, options: DisplayOptions = {}): void {
  const transient = options.displayId ? { display_id: options.displayId } : {};
  const content: DisplayContent = { data, metadata: {}, transient };
  const update = options.update ?? false;
  switch (notebookHost()) {
    case "tslab":
      tslabWriter()(content, update);
      break;
    case "deno":
      void globals.Deno?.jupyter?.broadcast?.(update ? "update_display_data" : "display_data", content);
      break;
    case "none":
      appendToPage(data);
  }
}

/**
 * tslab's public API sends one MIME type a message, so a picture could not carry its text form. Its kernel's own
 * writer takes whole bundles; it is looked up among the loaded modules because requiring tslab again gives a copy
 * that isn't connected to the kernel.
 */
function tslabWriter(): TslabWriter {
  for (const [file, module] of Object.entries(createRequire(__filename).cache)) {
    if (!/[\\/]tslab[\\/]dist[\\/]jupyter\.js$/.test(file)) continue;
    const writer: unknown = module?.exports?.lastWriteDisplayData;
    if (typeof writer === "function") return writer as TslabWriter;
  }
  throw new DatasetError(
    "ENVIRONMENT",
    "tslab: no display writer found, expected tslab 1.0.22; start the notebook with this project's kernel",
  );
}

/**
 * An output that is shown once and then replaced in place, at most once per `intervalMs` (default 200, which stays far
 * below Jupyter's message limit). Call `flush` when the work ends, so that the last state is shown.
 *
 * In plain Node nothing is written before `flush`: a file has no use for the states in between.
 */
export class LiveDisplay {
  readonly id: string = randomUUID();
  private shown = false;
  private last = -Infinity;
  private pending: MimeBundle | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly intervalMs: number = 200) {}

  /** Shows `data` now, or when the interval has passed; only the newest waiting bundle is kept. */
  update(data: MimeBundle): void {
    this.pending = data;
    if (notebookHost() === "none" || this.timer) return;
    const wait = this.last + this.intervalMs - performance.now();
    if (wait <= 0) this.flush();
    else {
      this.timer = setTimeout(() => this.flush(), wait);
      this.timer.unref();
    }
  }

  /** Shows what is still waiting. */
  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const data = this.pending;
    if (!data) return;
    this.pending = undefined;
    this.last = performance.now();
    displayBundle(data, { displayId: this.id, update: this.shown });
    this.shown = true;
  }
}
