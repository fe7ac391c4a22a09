import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { DatasetError } from "../core/error.js";
import { checkKnown } from "../core/known-options.js";
import { fileError, writeWhole } from "../system/atomic-file.js";
import type { Pipeline } from "./pipeline.js";

/** Options of `exportPage`. */
export interface ExportPageOptions {
  /** Heading of the page. Default "Listen". */
  title?: string;
}

const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/**
 * Writes a page that hears files and the microphone with a pipeline: a folder of an html, one script and the model, which asks
 * no other host and works on every static host, in a folder below it too. To try it, serve the folder from localhost:
 * opened as a file, browsers let it load nothing.
 *
 * @throws DatasetError "FILE" when it can't be written, "OPTION" for an option that isn't there
 * @example await exportPage(pipeline, "site", { title: "Notes" });
 */
export async function exportPage(pipeline: Pipeline, folder: string, options: ExportPageOptions = {}): Promise<void> {
  checkKnown("exportPage", options, { title: true });
  const { title = "Listen" } = options;
  const web = join(__dirname, "..", "web");
  const script = await readFile(join(web, "page.js")).catch((cause: unknown) => {
    throw new DatasetError(
      "FILE",
      `${join(web, "page.js")}: not found, expected the built page; run npm run build`,
      [],
      { cause },
    );
  });
  const html = await readFile(join(__dirname, "../../src/web/page.html"), "utf8");
  try {
    await mkdir(folder, { recursive: true });
    await pipeline.save(join(folder, "model"));
    await writeWhole(join(folder, "page.js"), script);
    const escaped = title.replace(/[&<>"]/g, (c) => ESCAPES[c]!);
    await writeWhole(
      join(folder, "index.html"),
      html.replaceAll("TITLE", () => escaped),
    );
  } catch (error) {
    throw fileError(error, folder);
  }
}
