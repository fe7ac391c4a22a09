import { checkKnown } from "../core/known-options.js";
import type { AuditReport, Finding, Place } from "../audit/report.js";
import { displayBundle, type MimeBundle } from "../notebook/display.js";
import { escapeText } from "../figure/panel.js";
import { fit, MAX_BYTES, SHOW_OPTIONS, type ShowOptions, secondsText, headingHtml, captionHtml } from "./bundle.js";
import { leakMatrix } from "./leak-matrix.js";
import { audioHtml, encodePreview } from "./player.js";
import { type ExampleLike, toSound } from "./sound.js";

/** The two sides of a finding: what is shared, as it is in either split. */
export interface HeardFinding {
  finding: Finding;
  a: ExampleLike;
  b: ExampleLike;
}

/**
 * Shows what `audit` found: how many examples leak between the splits, by kind, and the `n` worst findings
 * (default 5) with a player for either side.
 *
 * @example
 * await show.leaks(await dataset.audit(), dataset);
 */
export async function leaks(
  report: Pick<AuditReport, "findings" | "examples" | "matrix">,
  dataset: { example(i: number): Promise<ExampleLike> },
  n = 5,
  options: ShowOptions = {},
): Promise<void> {
  checkKnown("show.leaks", options, SHOW_OPTIONS);
  const heard: HeardFinding[] = [];
  for (const finding of report.findings.slice(0, n)) {
    const { a, b } = finding;
    heard.push({ finding, a: await dataset.example(a.example), b: await dataset.example(b.example) });
  }
  displayBundle(leaksBundle(report, heard, options));
}

/** What `leaks` shows. */
export function leaksBundle(
  report: Pick<AuditReport, "findings" | "examples" | "matrix">,
  heard: readonly HeardFinding[],
  options: ShowOptions = {},
): MimeBundle {
  const { train, validate, test } = report.examples;
  const count = report.findings.length;
  const found =
    count === 0 ? "nothing shared" : `${count.toLocaleString("en-US")} ${count === 1 ? "finding" : "findings"}`;
  const title = `${options.title ?? "Audit"}: ${train} train, ${validate} validate, ${test} test examples, ${found}`;
  const matrix = leakMatrix(report);
  const worst = heard.length < count ? `The ${heard.length} worst of ${count.toLocaleString("en-US")}` : "All of them";
  const listed = heard.length > 0 ? worst : "";
  const maxBytes = options.maxBytes ?? MAX_BYTES;
  return fit(maxBytes, (detail) => {
    const each = (detail * (maxBytes - matrix.html.length) - 1000) / Math.max(1, 2 * heard.length);
    const cards = heard.map((one, i) => card(one, i + 1, each));
    const html = [headingHtml(title), matrix.html, listed && captionHtml(listed), ...cards.map((one) => one.html)];
    const text = [title, matrix.text, listed, ...cards.map((one) => one.text)];
    return { "text/html": `<div>${html.join("")}</div>`, "text/plain": text.filter(Boolean).join("\n") };
  });
}

function card({ finding, a, b }: HeardFinding, place: number, maxBytes: number): { html: string; text: string } {
  const line = `${place}. ${finding.message}`;
  const players = [side(finding.b, b, maxBytes), side(finding.a, a, maxBytes)];
  return {
    html: `<div style="margin:8px 0">${escapeText(line)}${players.map((one) => one.html).join("")}</div>`,
    text: [line, ...players.map((one) => one.text)].join("\n"),
  };
}

function side(place: Place, example: ExampleLike, maxBytes: number): { html: string; text: string } {
  const sound = toSound(place.side === "target" ? { ...example, input: example.target! } : example);
  const playable = encodePreview(sound, 0, sound.channels[0]!.length, maxBytes - 900, false);
  const title = `${place.split}: ${place.name} (${place.side})`;
  const text = `${title}, ${secondsText(sound.channels[0]!.length / sound.sampleRate)}${playable.preview ? ` — preview: ${playable.preview}` : ""}`;
  return {
    html: `<div style="margin:4px 0">${escapeText(text)}<br>${audioHtml(playable, title)}</div>`,
    text: `   ${text}`,
  };
}
