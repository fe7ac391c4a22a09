import { DatasetError } from "../core/error.js";

/** A name in a pattern of file names, and what is added to it. */
export const FIELD: RegExp = /\{(\w+)([+-]\d+)?\}/g;

/**
 * The names in a pattern of file names (`{speaker}_{id}.wav`), and what they stand for in a name; undefined for one that doesn't fit.
 * @param numbers names that stand for whole numbers alone
 * @throws DatasetError "OPTION" for a pattern without a name, or that adds to one
 */
export function nameMatcher(
  pattern: string,
  numbers: ReadonlySet<string> = new Set(),
): { names: string[]; parts(name: string): Record<string, string> | undefined } {
  const names: string[] = [];
  let source = "^";
  let at = 0;
  for (const field of pattern.matchAll(FIELD)) {
    const [whole, name = "", shift] = field;
    if (shift)
      throw new DatasetError("OPTION", `pattern "${pattern}": ${whole} on the input's side, expected {${name}}`);
    source += literal(pattern.slice(at, field.index));
    source += names.includes(name) ? `\\k<${name}>` : numbers.has(name) ? `(?<${name}>\\d+)` : `(?<${name}>.*?)`;
    names.push(name);
    at = field.index + whole.length;
  }
  if (names.length === 0) throw new DatasetError("OPTION", `pattern "${pattern}": no {name}, expected at least one`);
  const expression = new RegExp(`${source}${literal(pattern.slice(at))}$`, "s");
  return { names, parts: (name) => expression.exec(name)?.groups };
}

const literal = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
