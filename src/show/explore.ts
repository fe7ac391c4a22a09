import { displayBundle, type MimeBundle } from "../display.js";
import { escapeText, round } from "../figure/panel.js";
import { PALETTE } from "../figure/colour.js";
import { envelope } from "../figure/waveform.js";
import { fit, MAX_BYTES, numberText, secondsText, type ShowOptions } from "./bundle.js";
import { encodePreview } from "./player.js";
import { type ExampleLike, toSound } from "./sound.js";

/** One example of the page. */
export interface ExploredExample {
  example: ExampleLike;
  split?: string;
  label?: string;
  predicted?: string;
  loss?: number;
  /** 0 to 1. */
  confidence?: number;
}

/** How many examples the page holds. */
export interface ExploreOptions extends ShowOptions {
  /** Most examples on the page. Default 200. */
  limit?: number;
}

/**
 * Shows a page of examples with small waveforms and sound: filter by text, label, split and length, sort by any column,
 * for example by loss after training. Without scripts it is the plain table.
 *
 * @example
 * explore(items.map((example) => ({ example, split: "train" })));
 */
export function explore(items: readonly ExploredExample[], options: ExploreOptions = {}): void {
  displayBundle(exploreBundle(items, options));
}

const COLUMNS = ["name", "split", "label", "predicted", "loss", "confidence", "length"] as const;

/** What `explore` shows. */
export function exploreBundle(items: readonly ExploredExample[], options: ExploreOptions = {}): MimeBundle {
  const maxBytes = options.maxBytes ?? MAX_BYTES;
  const limit = options.limit ?? 200;
  return fit(maxBytes, (detail) => {
    const shown = items.slice(0, Math.max(1, Math.round(limit * detail)));
    const columns = COLUMNS.filter(
      (c) => c === "name" || c === "length" || shown.some((item) => item[c] !== undefined),
    );
    const heads = columns.map((c) => `<th style="text-align:left;padding:2px 8px">${c}</th>`).join("");
    const plain = shown.map((item) => row(item, columns, ""));
    const left = (maxBytes * 0.92 - plain.join("").length * 1.05 - 4000) / Math.max(1, shown.length);
    const heard = left > 1500;
    const rows = heard ? shown.map((item) => row(item, columns, audio(item, left))) : plain;
    const title = options.title ?? "Examples";
    const cut = [
      shown.length < items.length ? `the first ${shown.length} of ${items.length}` : `${items.length} examples`,
      heard ? "" : "without sound; raise maxBytes or lower limit to hear them",
    ].filter(Boolean);
    return {
      "text/html":
        `<div><div style="font-weight:600">${escapeText(`${title}: ${cut.join(", ")}`)}</div>` +
        `<table style="border-collapse:collapse"><thead><tr>${heads}<th>waveform</th><th>sound</th></tr></thead><tbody>${rows.join("")}</tbody></table>${SCRIPT}</div>`,
      "text/plain": `${title}: ${cut.join(", ")}\n${shown
        .slice(0, 20)
        .map((item) => columns.map((c) => text(item, c)).join("  "))
        .join("\n")}`,
    };
  });
}

type Column = (typeof COLUMNS)[number];

function text(item: ExploredExample, column: Column): string {
  if (column === "name") return item.example.name || "unnamed";
  if (column === "length") return secondsText(item.example.input.length / item.example.sampleRate);
  const value = item[column];
  return typeof value === "number" ? numberText(value) : (value ?? "");
}

function row(item: ExploredExample, columns: readonly Column[], sound: string): string {
  const cells = columns.map((column) => {
    const value = column === "length" ? item.example.input.length / item.example.sampleRate : item[column as "loss"];
    const sort = typeof value === "number" ? ` data-v="${Number(value.toPrecision(7))}"` : "";
    return `<td style="text-align:left;padding:2px 8px${column === "name" ? "" : ";white-space:nowrap"}"${sort}>${escapeText(text(item, column))}</td>`;
  });
  return `<tr>${cells.join("")}<td>${sparkline(item.example)}</td><td>${sound}</td></tr>`;
}

/** A waveform of 60 strokes; an img, since plain SVG is dropped where a notebook isn't trusted. */
function sparkline(example: ExampleLike): string {
  const { low, high } = envelope(example.input, 60);
  let peak = 1e-9;
  for (let i = 0; i < low.length; i++) peak = Math.max(peak, high[i]!, -low[i]!);
  const y = (value: number): number => round(12 - (value / peak) * 11);
  const line = Array.from(low, (value, i) => `M${2 * i + 1} ${y(high[i]!)}V${y(value) + 0.5}`).join("");
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="120" height="24"><path d="${line}" stroke="${PALETTE[0]}" stroke-width="1.6"/></svg>`;
  return `<img alt="waveform" src="data:image/svg+xml;base64,${Buffer.from(svg).toString("base64")}">`;
}

function audio(item: ExploredExample, maxBytes: number): string {
  const sound = toSound(item.example);
  const playable = encodePreview(sound, 0, sound.channels[0]!.length, maxBytes - 300, false);
  const label = escapeText(`Play ${sound.name}${playable.preview ? ` (preview: ${playable.preview})` : ""}`);
  return `<audio controls preload="none" style="height:28px;width:180px" aria-label="${label}" title="${label}" src="${playable.source}"></audio>`;
}

/** A box to filter by text, one to filter by length, and heads that sort when clicked. */
const SCRIPT = `<script>(s=>{const d=s.parentNode,t=d.querySelector("table"),b=t.tBodies[0],h=[...t.tHead.rows[0].cells],R=[...b.rows],f=document.createElement("div");f.innerHTML='<input type="search" placeholder="filter: name, label, split" aria-label="filter by text"> <label>at most <input type="number" min="0" step="any" style="width:6em" aria-label="longest length in seconds"> s</label> <span></span>';d.insertBefore(f,t);const[q,m]=f.querySelectorAll("input"),o=f.querySelector("span"),L=h.findIndex(c=>c.textContent==="length"),g=()=>{const w=q.value.toLowerCase().split(/\\s+/).filter(Boolean),x=m.value===""?Infinity:+m.value;let n=0;for(const r of R){const k=r.textContent.toLowerCase(),v=w.every(e=>k.includes(e))&&+r.cells[L].dataset.v<=x;r.style.display=v?"":"none";n+=v}o.textContent=n+" of "+R.length};q.oninput=m.oninput=g;g();h.slice(0,-2).forEach((c,i)=>{c.style.cursor="pointer";c.tabIndex=0;c.title="sort";let u=1;const e=r=>r.cells[i].dataset.v,z=()=>{R.sort((a,b)=>u*(e(a)!==undefined&&e(b)!==undefined?e(a)-e(b):a.cells[i].textContent.localeCompare(b.cells[i].textContent)));u=-u;b.append(...R)};c.onclick=z;c.onkeydown=k=>{if(k.key==="Enter")z()}})})(document.currentScript)</script>`;
