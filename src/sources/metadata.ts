import { extname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { parse } from "csv-parse/sync";
import { DatasetError, lineError } from "../core/error.js";
import { jsonLine } from "../format/json-lines.js";
import { bytesOf, statOf } from "../system/file-names.js";
import { nameProblem, plainName } from "../core/names.js";

/** What is known of each input beside its labels: `{ "file.wav": { artist: "A", split: "test" } }`. */
export type Metadata = Map<string, Record<string, string>>;

/**
 * Reads metadata from a json (`{ "file.wav": { field: "text" } }`) or a csv (a header, the file name in the first column).
 *
 * @param file relative to `directory`; without it `fallback` is read where it exists, else the result is undefined
 * @throws DatasetError "FILE" when `file` is missing, "INDEX" when it doesn't have that form
 */
export async function readMetadata(
  directory: string,
  file: string | undefined,
  fallback: string,
): Promise<Metadata | undefined> {
  const name = file ?? fallback;
  const wrong = nameProblem(name);
  if (wrong) throw new DatasetError("OPTION", `metadata ${JSON.stringify(name)} ${wrong}`);
  const path = join(directory, name);
  if (!(await statOf(path))) {
    if (file === undefined) return undefined;
    throw new DatasetError("FILE", `metadata ${file}: not found in ${directory}`);
  }
  const text = (await bytesOf(path)).toString().replace(/^\uFEFF/, "");
  return extname(name).toLowerCase() === ".csv" ? fromCsvText(text, name) : fromJsonText(text, name);
}

function wrong(file: string, line: number, message: string, cause?: unknown): DatasetError {
  return lineError("INDEX", { kind: "metadata", file, line, message, cause });
}

function fromJsonText(text: string, name: string): Metadata {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (cause) {
    throw wrong(name, jsonLine(text), `metadata ${name}: ${(cause as Error).message}, expected json`, cause);
  }
  const isObject = (x: unknown): x is Record<string, unknown> =>
    typeof x === "object" && x !== null && !Array.isArray(x);
  const wanted = 'expected { "file.wav": { "field": "text" } }';
  if (!isObject(data)) throw wrong(name, 1, `metadata ${name}: no object, ${wanted}`);
  const out: Metadata = new Map();
  for (const [file, fields] of Object.entries(data)) {
    if (!isObject(fields))
      throw wrong(name, jsonLine(text, [file]), `metadata of "${file}": ${typeof fields}, ${wanted}`);
    const given = Object.entries(fields).filter(([, value]) => value !== null);
    out.set(plainName(file), Object.fromEntries(given.map(([key, value]) => [key, String(value)])));
  }
  return out;
}

function fromCsvText(text: string, name: string): Metadata {
  let rows: { record: string[]; info: { lines: number } }[];
  try {
    rows = parse(text, { trim: true, skip_empty_lines: true, info: true }) as unknown as typeof rows;
  } catch (cause) {
    const { message, lines = 1 } = cause as Error & { lines?: number };
    throw wrong(name, lines, `metadata ${name}: ${message}`, cause);
  }
  const [first, ...rest] = rows;
  const header = first?.record;
  if (!header || header.length < 2)
    throw wrong(
      name,
      first?.info.lines ?? 1,
      `metadata ${name}: no header, expected one such as \`file,artist,genre\``,
    );
  const twice = header.find((field, i) => field !== "" && header.indexOf(field) !== i);
  if (twice !== undefined)
    throw wrong(name, first!.info.lines, `metadata ${name}: field "${twice}" twice, expected once`);
  const out: Metadata = new Map();
  for (const { record, info } of rest) {
    const [file = "", ...cells] = record;
    const fields = Object.fromEntries(cells.map((cell, i): [string, string] => [header[i + 1] ?? "", cell]));
    const before = out.get(plainName(file));
    if (before && !isDeepStrictEqual(before, fields)) {
      throw wrong(name, info.lines, `metadata of "${file}": twice and not the same, expected one line`);
    }
    out.set(plainName(file), fields);
  }
  return out;
}
