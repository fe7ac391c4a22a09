import { tableHtml, tableText, captionHtml } from "./bundle.js";

/** What an audit found: how many examples leak from one split into another, by kind, for example `matrix.identical["train/test"]`. */
export interface LeakView {
  matrix: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** Kinds of leaks as people call them. */
const KINDS: Readonly<Record<string, string>> = {
  identical: "identical",
  targetIsInput: "target is input",
  nearDuplicate: "near-duplicate",
  group: "group",
  neighbour: "neighbour",
};

/** The counts of an audit: kinds by pairs of splits, as a table. */
export function leakMatrix({ matrix }: LeakView): { html: string; text: string } {
  const kinds = Object.keys(matrix);
  const pairs = [...new Set(kinds.flatMap((kind) => Object.keys(matrix[kind]!)))];
  const counts = kinds.map((kind) => pairs.map((pair) => matrix[kind]![pair] ?? 0));
  const total = counts.flat().reduce((a, b) => a + b, 0);
  const line = `Leaks: ${total === 0 ? "none between splits" : `${total.toLocaleString("en-US")} leaked ${total === 1 ? "example" : "examples"}`}`;
  const names = kinds.map((kind) => KINDS[kind] ?? kind);
  const head = ["shared", ...pairs];
  const rows = names.map((name, i) => [name, ...counts[i]!]);
  return {
    html: captionHtml(line) + tableHtml(head, rows),
    text: `${line}\n${tableText(head, rows)}`,
  };
}
