import { checkKnown } from "../core/known-options.js";
import { displayBundle, type MimeBundle } from "../notebook/display.js";
import { escapeText } from "../figure/panel.js";
import { fit, MAX_BYTES, numberText, secondsText, SHOW_OPTIONS, type ShowOptions, headingHtml } from "./bundle.js";
import { EXPLORE_SCRIPT } from "./explore-script.js";
import { spread } from "../core/numbers.js";
import type { ExampleLike } from "./sound.js";
import { secondsOf, smallPlayer, thumbnailHtml } from "./thumbnail.js";

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

/** What gives examples of itself: a dataset. */
export interface Explorable {
  examples(limit: number): Promise<{ items: readonly ExploredExample[]; total: number }>;
}

/** How many examples the page holds. */
export interface ExploreOptions extends ShowOptions {
  /** Most examples on the page: the first of a list, or of a dataset some spread evenly over it. Default 200. */
  limit?: number;
}

/**
 * Shows a page of examples with small waveforms and sound: filter by words (of name, label …), split, label and length;
 * sort by any column, for example by loss or confidence after training. Without scripts it is the plain table.
 *
 * @example
 * await show.explore(dataset);
 * show.explore(await judgeExamples(model, dataset));
 */
export function explore(dataset: Explorable, options?: ExploreOptions): Promise<void>;
export function explore(items: readonly ExploredExample[], options?: ExploreOptions): void;
export function explore(
  source: Explorable | readonly ExploredExample[],
  options: ExploreOptions = {},
): void | Promise<void> {
  checkKnown("show.explore", options, { ...SHOW_OPTIONS, limit: true });
  if ("examples" in source) {
    return source
      .examples(options.limit ?? LIMIT)
      .then(({ items, total }) => displayBundle(exploreBundle(items, options, total)));
  }
  displayBundle(exploreBundle(source, options));
}

const LIMIT = 200;
const COLUMNS = ["name", "split", "label", "predicted", "loss", "confidence", "length"] as const;
const CELL = "padding:2px 8px";

/** Where these columns don't fit, a row takes several lines, so that waveform and player stay in sight. */
function narrowStyle(columns: number): string {
  const narrow = `.deep-audio-explore${columns}`;
  return (
    `<style>${narrow}{container-type:inline-size}@container(max-width:${350 + 62 * columns}px){${narrow} :is(table,thead,tbody){display:block}` +
    `${narrow} tr{display:flex;flex-wrap:wrap;align-items:center;border-bottom:1px solid #7a7a7a40}}</style>`
  );
}

/** What `explore` shows; `total` is the number of examples that `items` were spread over. */
export function exploreBundle(
  items: readonly ExploredExample[],
  options: ExploreOptions = {},
  total?: number,
): MimeBundle {
  const maxBytes = options.maxBytes ?? MAX_BYTES;
  const limit = options.limit ?? LIMIT;
  return fit(maxBytes, (detail) => {
    const most = Math.max(1, Math.round(limit * detail));
    const shown = total === undefined ? items.slice(0, most) : spread(items.length, most).map((k) => items[k]!);
    const columns = COLUMNS.filter(
      (c) => c === "name" || c === "length" || shown.some((item) => item[c] !== undefined),
    );
    const plain = shown.map((item) => row(item, columns, ""));
    const left = (maxBytes * 0.92 - plain.join("").length * 1.05 - 6000) / Math.max(1, shown.length);
    const heard = left > 4000;
    const previews = new Set<string>();
    const rows = heard
      ? shown.map((item) => {
          const { html, preview } = smallPlayer(item.example, left);
          if (preview) previews.add(preview.replace(/\bof .*/, "of each"));
          return row(item, columns, html);
        })
      : plain;
    const said = [
      counted(shown.length, total ?? items.length, total !== undefined),
      previews.size > 0 ? `sound as preview: ${[...previews].slice(0, 2).join("; ")}` : "",
      heard ? "" : "without sound; raise maxBytes or lower limit to hear them",
    ].filter(Boolean);
    const head = `${options.title ?? "Examples"}: ${said.join(", ")}`;
    const heads = [...columns, "waveform", ...(heard ? ["sound"] : [])].map(headCell).join("");
    return {
      "text/html":
        `<div class="deep-audio-explore deep-audio-explore${columns.length}">${narrowStyle(columns.length)}${headingHtml(head)}<div style="max-height:480px;overflow:auto">` +
        `<table style="border-collapse:collapse"><thead><tr>${heads}</tr></thead><tbody>${rows.join("")}</tbody></table></div>${EXPLORE_SCRIPT}</div>`,
      "text/plain": `${head}\n${shown
        .slice(0, 20)
        .map((item) => columns.map((c) => text(item, c)).join("  "))
        .join("\n")}`,
    };
  });
}

function counted(shown: number, all: number, evenly: boolean): string {
  const number = (n: number): string => n.toLocaleString("en-US");
  if (shown === all) return `${number(all)} ${all === 1 ? "example" : "examples"}`;
  return evenly ? `${number(shown)} of ${number(all)}, spread evenly` : `the first ${number(shown)} of ${number(all)}`;
}

type Column = (typeof COLUMNS)[number];

const isNumber = (column: string): boolean => ["loss", "confidence", "length"].includes(column);

function headCell(column: string): string {
  return `<th style="text-align:${isNumber(column) ? "right" : "left"};${CELL}">${column}</th>`;
}

function text(item: ExploredExample, column: Column): string {
  if (column === "name") return item.example.name || "unnamed";
  if (column === "length") return secondsText(secondsOf(item.example));
  const value = item[column];
  if (column === "confidence" && typeof value === "number") return `${(100 * value).toFixed(0)} %`;
  return typeof value === "number" ? numberText(value) : (value ?? "");
}

function row(item: ExploredExample, columns: readonly Column[], sound: string): string {
  const cells = columns.map((column) => {
    const value = column === "length" ? secondsOf(item.example) : item[column as "loss"];
    const sort = typeof value === "number" ? ` data-v="${Number(value.toPrecision(7))}"` : "";
    return `<td style="text-align:${isNumber(column) ? "right" : "left"};${CELL}${column === "name" ? "" : ";white-space:nowrap"}"${sort}>${escapeText(text(item, column))}</td>`;
  });
  return `<tr>${cells.join("")}<td>${thumbnailHtml(item.example)}</td>${sound ? `<td>${sound}</td>` : ""}</tr>`;
}
