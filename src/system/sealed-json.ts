import { createHash } from "node:crypto";
import { DatasetError } from "../core/error.js";
import { fileError } from "./atomic-file.js";
import { readWhole } from "./file-names.js";

/** What a file holds, and what it should. */
export interface Misfit {
  found: string;
  expected: string;
}

/** How `readJson` takes a file. */
export interface JsonForm<T> {
  /** What the file is, for messages. */
  what: string;
  /** Whether a file that doesn't end with its own checksum, as `sealedText` writes it, is taken as well. */
  unsealed?: boolean;
  /** What is wrong with a value; its type is only claimed until then. */
  misfit: (value: T) => Misfit | undefined;
  /** How to fix a damaged file. */
  fix: string;
}

/** The checksum is the last entry, over every byte before it, so that no byte of the file can change unnoticed. */
const SEAL = /,"checksum":"([0-9a-f]{64})"\}\n$/;
/** A seal of which any byte was changed: such a file isn't taken for one without. */
const LIKE_SEAL = /:"[^"]{64}"\}\s*$/;
const SEAL_BYTES = 80;

/** A value as json that ends with its own checksum. */
export function sealedText(value: object): string {
  const body = JSON.stringify(value).slice(0, -1);
  return `${body},"checksum":"${sha256Of(body)}"}\n`;
}

/**
 * Reads a json file of ours; undefined where there is none.
 * @throws DatasetError "RECORD" when it is damaged or of another format, "FILE" when it can't be read
 */
export async function readJson<T extends object>(path: string, form: JsonForm<T>): Promise<T | undefined> {
  const { what, fix } = form;
  let bytes: Buffer;
  try {
    bytes = await readWhole(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw fileError(error, path);
  }
  const damaged = (found: string, expected: string, cause?: unknown): DatasetError =>
    new DatasetError("RECORD", `${what}: ${found}, expected ${expected} (${path}); ${fix}`, [], { cause });
  const value = readSeal<T>(bytes, form.unsealed === true, damaged);
  const wrong = form.misfit(value);
  if (wrong) throw damaged(wrong.found, wrong.expected);
  return value;
}

/**
 * The object that `sealedText` wrote, without its checksum.
 * @param unsealed takes one without a checksum as well
 */
export function readSeal<T extends object>(
  text: Uint8Array,
  unsealed: boolean,
  damaged: (found: string, expected: string, cause?: unknown) => DatasetError,
): T {
  const bytes = Buffer.from(text.buffer, text.byteOffset, text.length);
  let value: T | undefined;
  try {
    value = JSON.parse(bytes.toString("utf8")) as T;
  } catch (cause) {
    throw damaged("not json", "format 1", cause);
  }
  const from = Math.max(0, bytes.length - SEAL_BYTES);
  const seal = SEAL.exec(bytes.toString("latin1", from));
  const none = unsealed && !LIKE_SEAL.test(bytes.toString("latin1", Math.max(0, from - 20)));
  if (!seal && !none) throw damaged("no checksum", "one at its end");
  if (seal) {
    const found = sha256Of(bytes.subarray(0, from + seal.index));
    if (found !== seal[1]) throw damaged(`checksum ${found}`, `${seal[1]} as it says at its end`);
    delete (value as { checksum?: string }).checksum;
  }
  if (value === null || typeof value !== "object") throw damaged("no object", "format 1");
  return value;
}

/** What reading gives, or undefined where the file is damaged: for callers that then rebuild it. */
export async function unlessDamaged<T>(reading: Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof DatasetError && error.code === "RECORD") return undefined;
    throw error;
  }
}

/** Of text as utf-8, or of bytes; hexadecimal. */
export function sha256Of(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}
