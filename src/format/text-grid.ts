import { lineError } from "../core/error.js";
import type { TimedLabel } from "./event-table.js";

/** Texts and numbers of a TextGrid, long or short: the words between them (`intervals [1]:`, `xmin =`) say nothing more. */
const TOKEN = /"((?:[^"]|"")*)"|(?<![\w[.-])([+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w\]])|(<exists>|<absent>)/g;

/** Text of UTF-8 or UTF-16, as Praat writes them; where UTF-16 has no byte order mark, its first letter tells. */
function decode(bytes: Uint8Array, where: string): string {
  const [a, b] = bytes;
  const [big, little] = [(a === 0xfe && b === 0xff) || a === 0, (a === 0xff && b === 0xfe) || b === 0];
  const encoding = big ? "utf-16be" : little ? "utf-16le" : "utf-8";
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (cause) {
    const lossy = new TextDecoder(encoding).decode(bytes);
    const line = lossy.slice(0, lossy.indexOf("\uFFFD")).split(/\r\n|\n|\r/).length;
    const message = `encoding: no ${encoding}, expected a TextGrid that Praat saved; save it as UTF-8`;
    throw lineError("LABEL", { kind: "labels", file: where, line, message, cause });
  }
}

/**
 * Reads the labels of a TextGrid of Praat's: those of all tiers, or of one; intervals and points without a text are left out.
 * @throws DatasetError "LABEL" where it is none, damaged, or has no such tier
 */
export function readTextGrid(bytes: Uint8Array, where: string, tier?: string): TimedLabel[] {
  const text = decode(bytes, where);
  const fail = (message: string, line: number): never => {
    throw lineError("LABEL", { kind: "labels", file: where, line, message: `TextGrid: ${message}` });
  };
  if (!/^\uFEFF?File type\s*=\s*"ooTextFile"\s+(Object class\s*=\s*)?"TextGrid"/.test(text)) {
    fail('no TextGrid, expected a file that begins with File type = "ooTextFile"', 1);
  }
  const tokens = [...text.matchAll(TOKEN)];
  let at = 2;
  // Counted on from the token before: the tokens are asked for in their order.
  let counted = { index: 0, line: 1 };
  const lineOf = (k: number): number => {
    const index = tokens[k]?.index ?? text.length;
    const more = text.slice(counted.index, index).split(/\r\n|\n|\r/).length - 1;
    counted = { index, line: counted.line + more };
    return counted.line;
  };
  const number = (what: string): number => {
    const token = tokens[at];
    if (token?.[2] === undefined)
      return fail(`${what}: ${token ? JSON.stringify(token[0]) : "missing"}, expected a number`, lineOf(at));
    at++;
    return Number(token[2]);
  };
  const string = (what: string): string => {
    const token = tokens[at];
    if (token?.[1] === undefined)
      return fail(`${what}: ${token ? JSON.stringify(token[0]) : "missing"}, expected a text in quotes`, lineOf(at));
    at++;
    return token[1].replaceAll('""', '"');
  };
  number("xmin");
  number("xmax");
  if (tokens[at]?.[3] === undefined) fail(`tiers: missing, expected <exists>`, lineOf(at));
  if (tokens[at++]?.[3] === "<absent>") return [];
  const labels: TimedLabel[] = [];
  const names: string[] = [];
  for (let tiers = number("number of tiers"); tiers > 0; tiers--) {
    const kind = string("class of the tier");
    if (kind !== "IntervalTier" && kind !== "TextTier")
      fail(`tier: "${kind}", expected "IntervalTier" or "TextTier"`, lineOf(at - 1));
    const name = string("name of the tier");
    names.push(name);
    number("xmin");
    number("xmax");
    for (let left = number("number of intervals"); left > 0; left--) {
      const line = lineOf(at);
      const onset = number("time");
      const offset = kind === "IntervalTier" ? number("xmax") : onset;
      const label = string("text").trim();
      if (offset < onset) fail(`interval: ${onset} to ${offset}, expected its end behind its beginning`, line);
      if (label !== "" && (tier === undefined || tier === name)) labels.push({ onset, offset, label, line });
    }
  }
  if (tier !== undefined && !names.includes(tier))
    fail(`tier "${tier}": not found, expected one of ${names.join(", ")}`, 1);
  return labels;
}
