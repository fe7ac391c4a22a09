import { gunzipSync } from "node:zlib";
import { DatasetError, lineError } from "../core/error.js";
import { decodeUtf8 } from "../format/csv.js";
import { jsonLine, jsonLines } from "../format/json-lines.js";
import type { ManifestEntry } from "./manifest-forms.js";
import { readTableFile } from "./table-rows.js";

/** The objects of a json file. @throws DatasetError "INDEX" where it holds something else */
export async function readEntries(directory: string, file: string): Promise<ManifestEntry[]> {
  const bytes = await readTableFile(directory, file);
  const wrong = (message: string, line: number): DatasetError =>
    lineError("INDEX", { kind: "manifest", file, line, message: `manifest ${file}: ${message}` });
  let text: string;
  try {
    text = decodeUtf8(/\.gz$/i.test(file) ? gunzipSync(bytes) : bytes, file).replace(/^\uFEFF/, "");
  } catch (cause) {
    if (cause instanceof DatasetError) throw cause;
    throw new DatasetError("INDEX", `manifest ${file}: ${(cause as Error).message}, expected gzip`, [], { cause });
  }
  const entry = (value: unknown, line: number, key?: string): ManifestEntry => {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw wrong(`${JSON.stringify(value).slice(0, 60)}, expected an object`, line);
    return { line, value: value as Record<string, unknown>, ...(key === undefined ? {} : { key }) };
  };
  const parse = (source: string, line: number): unknown => {
    try {
      return JSON.parse(source);
    } catch (cause) {
      throw wrong(`${(cause as Error).message}, expected json`, line + jsonLine(source) - 1);
    }
  };
  // Lines of objects, or one json of several lines.
  const lines = text.split(/\r?\n/).flatMap((source, i) => (source.trim() === "" ? [] : [{ source, line: i + 1 }]));
  if (lines.length === 0) throw wrong("empty, expected objects", 1);
  if (
    /^\s*\{.*\}\s*$/.test(lines[0]!.source) &&
    (lines.length > 1 || /\.jsonl/i.test(file) || !isNested(lines[0]!.source))
  )
    return lines.map(({ source, line }) => entry(parse(source, line), line));
  const all = parse(text, 1);
  const at = jsonLines(text);
  if (Array.isArray(all)) return all.map((value, i) => entry(value, at.get(String(i)) ?? 1));
  return Object.entries(entry(all, 1).value).map(([key, value]) => entry(value, at.get(key) ?? 1, key));
}

/** Whether a line is an object of objects: a whole manifest, no entry of one. */
function isNested(source: string): boolean {
  try {
    const values = Object.values(JSON.parse(source) as object);
    return (
      values.length > 0 && values.every((value) => typeof value === "object" && value !== null && !Array.isArray(value))
    );
  } catch {
    return false;
  }
}
