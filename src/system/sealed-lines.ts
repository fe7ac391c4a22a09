import { createHash } from "node:crypto";
import { DatasetError } from "../core/error.js";
import { fileError, growRenamed } from "./atomic-file.js";
import { HashedFile } from "./hashed-file.js";
import { handleToRead } from "./open-to-read.js";
import { type JsonForm, type Misfit, readJson, readSeal, sealedText } from "./sealed-json.js";

/*
 * A json file that may be larger than memory. It begins with lists, an entry per line, and ends with a line, the head, that holds
 * everything else, where each list is and its hash, and a checksum of its own:
 *
 *   {"shards":[
 *   {"file":"N0.tfrecord", …},
 *   {"file":"N1.tfrecord", …}
 *   ],"format":1,"name":"N", …,"lists":{"shards":{"at":12, …}},"checksum":"…"}
 *
 * The head is read without the lists, and an entry without those before it.
 */

/** Where a list is in its file. */
export interface ListPlace {
  /** Of what belongs to it: its name, after which its first entry is. In bytes from the file's begin. */
  from: number;
  at: number;
  /** Of all entries with what is between them. */
  bytes: number;
  count: number;
  /** Of everything from its name to its last entry, hexadecimal. */
  sha256: string;
}

/** What is between two entries. */
export const BETWEEN = ",\n";

/** Writes a file of lists; see `writeLists`. */
export class ListsWriter {
  private readonly lists: Record<string, ListPlace> = {};
  private list: ListPlace | undefined;

  constructor(private readonly file: HashedFile) {}

  /** Begins the next list. */
  begin(name: string): void {
    const from = this.end();
    this.put(`${this.list ? "\n]," : "{"}${JSON.stringify(name)}:[\n`);
    this.list = this.lists[name] = { from, at: this.file.bytes, bytes: 0, count: 0, sha256: "" };
  }

  /** Adds an entry, json without line breaks, and returns where it is. */
  add(entry: string | Uint8Array): { at: number; bytes: number } {
    if (this.list!.count++ > 0) this.put(BETWEEN);
    const at = this.file.bytes;
    this.put(entry);
    return { at, bytes: this.file.bytes - at };
  }

  /** Ends the file with its head. */
  close(head: object): void {
    this.end();
    this.put("\n");
    this.put(sealedText({ ...head, lists: this.lists }).replace("{", "],"));
    this.file.finish();
  }

  /** Ends the list, and returns where the next one begins. */
  private end(): number {
    if (!this.list) return 0;
    this.list.bytes = this.file.bytes - this.list.at;
    this.list.sha256 = this.file.finish();
    return this.file.bytes;
  }

  private put(text: string | Uint8Array): void {
    const bytes = typeof text === "string" ? Buffer.from(text) : text;
    const { buffer, at } = this.file.room(bytes.length);
    buffer.set(bytes, at);
  }
}

/**
 * Writes a file of lists whole or not at all, forced to the disk; its folder isn't.
 * @param write adds the lists and returns the head
 * @param ready is awaited before the file gets its name
 */
export async function writeLists(
  path: string,
  write: (lists: ListsWriter) => object | Promise<object>,
  ready?: () => Promise<void>,
): Promise<void> {
  await growRenamed(path, async (temporary) => {
    const file = new HashedFile(temporary);
    try {
      const lists = new ListsWriter(file);
      lists.close(await write(lists));
      await file.sync();
    } finally {
      file.close();
    }
    await ready?.();
  });
}

/** A file of lists whose head has been read. */
export interface Lists<T> {
  path: string;
  head: T;
  /** Undefined where the file is one object in one line, as earlier versions wrote it. */
  places?: Readonly<Record<string, ListPlace>>;
  /** The error for a part that is damaged. */
  damaged: (found: string, expected: string) => DatasetError;
}

/** How `readHead` takes a file; `misfit` is about one in one piece. */
export interface ListsForm<T> extends JsonForm<T> {
  headMisfit: (head: T) => Misfit | undefined;
}

/** Bytes that are read at a time. */
const PART_BYTES = 1 << 20;
/** Enough for most heads. */
const TAIL_BYTES = 1 << 16;

/**
 * Reads the head of a file of lists, or a whole file of `sealedText`; undefined where there is none.
 * @throws DatasetError "RECORD" when it is damaged or of another format, "FILE" when it can't be read
 */
export async function readHead<T extends object>(path: string, form: ListsForm<T>): Promise<Lists<T> | undefined> {
  const damaged = (found: string, expected: string): DatasetError =>
    new DatasetError("RECORD", `${form.what}: ${found}, expected ${expected} (${path}); ${form.fix}`);
  let line: Buffer | undefined;
  try {
    line = await withFile(path, async (file) => {
      const begin = (await file.read(0, 64)).toString("latin1");
      return /^\{"\w+":\[\n/.test(begin) ? await lastLine(file) : undefined;
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw fileError(error, path);
  }
  if (!line) {
    const head = await readJson<T>(path, form);
    return head && { path, head, damaged };
  }
  if (line.toString("latin1", 0, 2) !== "],") throw damaged("no head", "one in its last line");
  const { lists, ...head } = readSeal<T & { lists?: Record<string, ListPlace> }>(
    Buffer.concat([Buffer.from("{"), line.subarray(2)]),
    false,
    damaged,
  );
  for (const [name, list] of Object.entries(lists ?? {})) {
    const numbers = [list?.from, list?.at, list?.bytes, list?.count].every((n) => Number.isSafeInteger(n) && n >= 0);
    if (!numbers || list.from > list.at || typeof list.sha256 !== "string")
      throw damaged(`list ${name} nowhere`, "its place");
  }
  const wrong = form.headMisfit(head as unknown as T);
  if (wrong) throw damaged(wrong.found, wrong.expected);
  return { path, head: head as unknown as T, places: lists ?? {}, damaged };
}

/** The last line of a file, which ends with a line break. */
async function lastLine(file: RangeFile): Promise<Buffer> {
  for (let bytes = TAIL_BYTES; ; bytes *= 8) {
    const at = Math.max(0, file.size - bytes);
    const tail = await file.read(at, file.size - at);
    const begin = tail.lastIndexOf(10, tail.length - 2);
    if (begin >= 0 || at === 0) return tail.subarray(begin + 1);
  }
}

/**
 * The entries of a list, one after the other.
 * @throws DatasetError "RECORD" where their number or hash differs, after the last one
 */
export async function* eachEntry({ path, places, damaged }: Lists<unknown>, name: string): AsyncGenerator<string> {
  const list = places?.[name];
  if (!list) throw damaged(`no list of ${name}`, "one");
  const hash = createHash("sha256");
  const file = await openRanges(path);
  let count = 0;
  let rest: Buffer[] = [];
  try {
    hash.update(await file.read(list.from, list.at - list.from));
    for (let from = list.at; from < list.at + list.bytes; ) {
      const part = await file.read(from, Math.min(PART_BYTES, list.at + list.bytes - from));
      if (part.length === 0) throw damaged(`ends at byte ${from}`, `${list.at + list.bytes}`);
      hash.update(part);
      from += part.length;
      let begin = 0;
      for (let end = part.indexOf(10); end >= 0; end = part.indexOf(10, begin)) {
        const line = rest.length > 0 ? Buffer.concat([...rest, part.subarray(begin, end)]) : part.subarray(begin, end);
        rest = [];
        count++;
        // Without the comma.
        yield line.toString("utf8", 0, line.length - 1);
        begin = end + 1;
      }
      if (begin < part.length) rest.push(part.subarray(begin));
    }
    if (rest.length > 0) {
      count++;
      yield Buffer.concat(rest).toString();
    }
  } finally {
    await file.close();
  }
  const found = hash.digest("hex");
  if (found !== list.sha256) throw damaged(`sha256 ${found}`, `${list.sha256} of its entries`);
  if (count !== list.count) throw damaged(`${count} entries`, `${list.count}`);
}

/** `bytes` bytes of a file from `at` on, fewer where it ends before. */
export async function readRange(path: string, at: number, bytes: number): Promise<Uint8Array> {
  try {
    return await withFile(path, (file) => file.read(at, bytes));
  } catch (error) {
    throw fileError(error, path);
  }
}

/** A file that is read in parts. */
interface RangeFile {
  size: number;
  /** Fewer bytes than asked for where the file ends. */
  read(at: number, bytes: number): Promise<Buffer>;
  close(): Promise<void>;
}

async function openRanges(path: string): Promise<RangeFile> {
  const handle = await handleToRead(path);
  const read = async (at: number, bytes: number): Promise<Buffer> => {
    const buffer = Buffer.allocUnsafe(bytes);
    let got = 0;
    while (got < bytes) {
      const { bytesRead } = await handle.read(buffer, got, bytes - got, at + got);
      if (bytesRead === 0) break;
      got += bytesRead;
    }
    return buffer.subarray(0, got);
  };
  return { size: (await handle.stat()).size, read, close: () => handle.close() };
}

async function withFile<T>(path: string, work: (file: RangeFile) => Promise<T>): Promise<T> {
  const file = await openRanges(path);
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}
