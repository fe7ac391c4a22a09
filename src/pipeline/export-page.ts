import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { DatasetError } from "../core/error.js";
import { escapeText } from "../core/escape.js";
import { checkKnown, type OptionNames } from "../core/known-options.js";
import { displayBundle } from "../notebook/display.js";
import { fileError, writeWhole } from "../system/atomic-file.js";
import { readSaved } from "../train/checkpoint.js";
import type { Pipeline } from "./pipeline.js";
import { PIPELINE_FILE, type SaveOptions } from "./save-pipeline.js";

/** Options of `exportPage` and `showPage`. */
export interface ExportPageOptions extends SaveOptions {
  /** Heading of the page. Default "Listen". */
  title?: string;
}

const OPTIONS: OptionNames<ExportPageOptions> = { title: true, weights: true };

/**
 * Writes a page that hears files and the microphone with a pipeline: a folder of an html, one script, TensorFlow.js's WebAssembly and
 * the model, which asks no other host and works on every static host, in a folder below it too. To try it, serve the folder from localhost:
 * opened as a file, browsers let it load nothing.
 *
 * @throws DatasetError "FILE" when it can't be written, "OPTION" for an option that isn't there
 * @example await exportPage(pipeline, "site", { title: "Notes", weights: "float16" });
 */
export async function exportPage(pipeline: Pipeline, folder: string, options: ExportPageOptions = {}): Promise<void> {
  checkKnown("exportPage", options, OPTIONS);
  const { title, ...how } = options;
  const { html, script, wasm } = await builtPage(title);
  try {
    await mkdir(folder, { recursive: true });
    await pipeline.save(join(folder, "model"), how);
    await writeWhole(join(folder, "page.js"), script);
    await writeWhole(join(folder, "tensorflow.wasm"), wasm);
    await writeWhole(join(folder, "index.html"), html);
  } catch (error) {
    throw fileError(error, folder);
  }
}

/**
 * Shows the page of a pipeline in the notebook, to try files with: one document that holds script and model, so it adds 0.8 MB and four
 * thirds of the model to the notebook. There it has no microphone; a page that `exportPage` wrote has.
 *
 * @throws DatasetError "OPTION" for an option that isn't there
 * @example await showPage(pipeline, { title: "Notes" });
 */
export async function showPage(pipeline: Pipeline, options: ExportPageOptions = {}): Promise<void> {
  checkKnown("showPage", options, OPTIONS);
  const { title, ...how } = options;
  const document = escapeText(await pageDocument(pipeline, title, how));
  const style = "width:100%;height:640px;border:0";
  displayBundle({
    "text/html": `<iframe sandbox="allow-scripts allow-downloads" style="${style}" title="page" srcdoc="${document}"></iframe>`,
    "text/plain": `page of a pipeline (${pipeline.description.kind}); exportPage writes it to a folder`,
  });
}

/** The page as one html document. */
async function pageDocument(pipeline: Pipeline, title: string | undefined, how: SaveOptions): Promise<string> {
  const { html, script, wasm } = await builtPage(title);
  const folder = await mkdtemp(join(tmpdir(), "page-"));
  try {
    await pipeline.save(folder, how);
    const { json, weights } = await readSaved(folder);
    const data = JSON.stringify({
      description: await readFile(join(folder, PIPELINE_FILE), "utf8"),
      model: JSON.stringify(json),
      weights: Buffer.from(weights).toString("base64"),
      wasm: gzipSync(wasm).toString("base64"),
      script: gzipSync(script).toString("base64"),
    });
    const loader = await readFile(join(__dirname, "../web/inline.js"), "utf8");
    // What it holds can't end the element that it stands in.
    const parts = `<script type="application/json" id="data">${data.replaceAll("<", "\\u003c")}</script>\n<script>${loader}</script>`;
    return html
      .replace(
        /<meta http-equiv="Content-Security-Policy"[^>]*>/,
        `<meta http-equiv="Content-Security-Policy" content="${INLINE}">`,
      )
      .replace('<script src="page.js"></script>', () => parts);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** What a page that is one document may load: what is in it. */
const INLINE =
  "default-src 'none'; script-src 'unsafe-inline' 'wasm-unsafe-eval'; style-src 'unsafe-inline'; img-src data:; media-src blob:; connect-src blob:";

/** What the build made of the page. */
async function builtPage(title = "Listen"): Promise<{ html: string; script: Buffer; wasm: Buffer }> {
  const built = (name: string): Promise<Buffer> =>
    readFile(join(__dirname, "../web", name)).catch((cause: unknown) => {
      const path = join(__dirname, "../web", name);
      const message = `${path}: not found, expected the built page; run npm run build`;
      throw new DatasetError("FILE", message, [], { cause });
    });
  const html = await readFile(join(__dirname, "../../src/web/page.html"), "utf8");
  const escaped = escapeText(title);
  return {
    html: html.replaceAll("TITLE", () => escaped),
    script: await built("page.js"),
    wasm: await built("tensorflow.wasm"),
  };
}
