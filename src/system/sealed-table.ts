import { crc32 } from "node:zlib";
import type { DatasetError } from "../core/error.js";
import type { Misfit } from "./sealed-json.js";
import {
  BETWEEN,
  eachEntry,
  type Lists,
  type ListsForm,
  type ListsWriter,
  readHead,
  readRange,
  writeLists,
} from "./sealed-lines.js";

/*
 * A file of lists whose last is a table: a line for each row, all of one width, so that each is found by its number. What of a row
 * is long, and seldom needed, is in a list of its own before.
 */

/** A row to write: what is in the table, and what isn't. */
export interface TableEntry<T> {
  row: T;
  detail?: unknown;
}

/** The names of the two lists. */
export interface TableLists {
  rows: string;
  details: string;
}

/**
 * Writes a table whole or not at all, forced to the disk; its folder isn't. The rows, not their details, are held in memory.
 * @param head gives what else the file says, from all rows
 * @param ready is awaited before the file gets its name
 */
export async function writeTable<T extends object>(
  path: string,
  names: TableLists,
  entries: AsyncIterable<TableEntry<T>> | Iterable<TableEntry<T>>,
  head: (rows: readonly T[]) => object,
  ready?: () => Promise<void>,
): Promise<void> {
  const write = async (lists: ListsWriter): Promise<object> => {
    const rows: T[] = [];
    const places: (Place | undefined)[] = [];
    for await (const { row, detail } of entries) {
      rows.push(row);
      if (detail === undefined) continue;
      if (places.length === 0) lists.begin(names.details);
      const bytes = Buffer.from(JSON.stringify(detail));
      const { at } = lists.add(bytes);
      places[rows.length - 1] = [at, bytes.length, crc32(bytes)];
    }
    lists.begin(names.rows);
    const lines = function* (): Generator<string> {
      for (const [k, row] of rows.entries()) yield sealedLine(places[k] ? { ...row, place: places[k] } : row);
    };
    let lineBytes = 0;
    for (const line of lines()) lineBytes = Math.max(lineBytes, Buffer.byteLength(line));
    for (const line of lines()) lists.add(line + " ".repeat(lineBytes - Buffer.byteLength(line)));
    return { ...head(rows), lineBytes };
  };
  await writeLists(path, write, ready);
}

/** Where a detail is: its first byte, its bytes, and their checksum. */
type Place = [at: number, bytes: number, crc: number];

/** A row's line, with its checksum at the end. */
function sealedLine(row: object): string {
  const line = JSON.stringify(row).slice(0, -1);
  return `${line},"crc32":${crc32(line)}}`;
}

/** A table whose head has been read. */
export interface Table<H, T> {
  head: H;
  count: number;
  /** Says the same for the same bytes. */
  identity: string;
  /** The rows, one after the other. */
  rows(): AsyncGenerator<T>;
  row(k: number): Promise<T>;
  /** What row `k` says beside; undefined where that is nothing. */
  detail(k: number): Promise<unknown>;
  /** The error for a part that is damaged. */
  damaged: (found: string, expected: string) => DatasetError;
  /** Reads everything. @throws DatasetError "RECORD" where a byte has changed */
  check(): Promise<void>;
}

/** How `openTable` takes a file. */
export interface TableForm<H, T> extends ListsForm<H> {
  names: TableLists;
  rowMisfit: (row: T, k: number) => Misfit | undefined;
  detailMisfit: (detail: unknown, row: T) => Misfit | undefined;
}

/**
 * Reads the head of a table, or a whole file of `sealedText`, as earlier versions wrote it; undefined where there is none.
 * @throws DatasetError "RECORD" when it is damaged or of another format, "FILE" when it can't be read
 */
export async function openTable<H extends object, T extends object>(
  path: string,
  form: TableForm<H, T>,
): Promise<{ table: Table<H, T> } | { whole: H } | undefined> {
  const file = await readHead<H & { lineBytes?: number }>(path, form);
  if (!file) return undefined;
  const { places, damaged } = file;
  if (!places) return { whole: file.head };
  const { lineBytes, ...rest } = file.head;
  const { names } = form;
  const list = places[names.rows];
  if (!list || !Number.isSafeInteger(lineBytes) || list.bytes !== tableBytes(list.count, lineBytes!))
    throw damaged(`list of ${names.rows} ${JSON.stringify(list)}`, `lines of ${lineBytes} bytes`);
  const refuse = (wrong: Misfit | undefined): void => {
    if (wrong) throw damaged(wrong.found, wrong.expected);
  };
  const parsed = (text: string, k: number): { row: T; place: Place | undefined } => {
    const { crc32: crc, ...line } = json<Sealed<T>>(file, text);
    if (sealedLine(line) !== text.trimEnd()) throw damaged(`checksum ${crc} of line ${k}`, "that of its bytes");
    const { place, ...row } = line;
    refuse(form.rowMisfit(row as unknown as T, k));
    return { row: row as unknown as T, place };
  };
  const line = async (k: number): Promise<ReturnType<typeof parsed>> =>
    parsed(utf8.decode(await readRange(path, list.at + k * (lineBytes! + BETWEEN.length), lineBytes!)), k);
  return {
    table: {
      head: rest as unknown as H,
      count: list.count,
      damaged,
      identity: JSON.stringify([rest, places]),
      async *rows() {
        let k = 0;
        for await (const text of eachEntry(file, names.rows)) yield parsed(text, k++).row;
      },
      row: async (k) => (await line(k)).row,
      detail: async (k) => {
        const { row, place } = await line(k);
        if (!place) return undefined;
        const [at, length, crc] = place;
        const bytes = await readRange(path, at, length);
        if (crc32(bytes) !== crc)
          throw damaged(`checksum ${crc32(bytes)} of the ${names.details} of line ${k}`, `${crc}`);
        const detail = json<unknown>(file, utf8.decode(bytes));
        refuse(form.detailMisfit(detail, row));
        return detail;
      },
      async check() {
        for (const name of Object.keys(places)) for await (const _ of eachEntry(file, name));
      },
    },
  };
}

const utf8 = new TextDecoder();

type Sealed<T> = T & { place?: Place; crc32?: number };

function tableBytes(count: number, lineBytes: number): number {
  return count === 0 ? 0 : count * (lineBytes + BETWEEN.length) - BETWEEN.length;
}

function json<T>({ damaged }: Lists<unknown>, text: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    if (error instanceof SyntaxError) throw damaged("an entry that isn't json", "one");
    throw error;
  }
}
