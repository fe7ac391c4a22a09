// The script of a page that is one document: unpacks what the document holds, and begins the page's own script.
import type { PipelineFiles } from "./index.js";

/** What a page that is one document finds in the place of its folder. */
export type InlinePage = PipelineFiles & { wasm: string };

async function unpacked(text: string): Promise<Uint8Array<ArrayBuffer>> {
  const packed = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function begin(): Promise<void> {
  const data = JSON.parse(document.getElementById("data")!.textContent!) as Record<string, string>;
  const { description, model, weights, wasm, script } = data as Record<keyof InlinePage | "script", string>;
  const page: InlinePage = {
    description,
    model,
    weights: Uint8Array.from(atob(weights), (c) => c.charCodeAt(0)).buffer,
    wasm: URL.createObjectURL(new Blob([await unpacked(wasm)], { type: "application/wasm" })),
  };
  Object.assign(window, { inlinePage: page });
  const element = document.createElement("script");
  element.textContent = new TextDecoder().decode(await unpacked(script));
  document.body.append(element);
}

void begin();
