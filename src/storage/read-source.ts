import { setTimeout } from "node:timers/promises";
import { DatasetError } from "../core/error.js";
import { addressProblem, shownName } from "../core/names.js";
import { type Answer, type ByteRange, type ByteSource, Refusal } from "./byte-source.js";
import { httpSource } from "./http-source.js";
import { s3Source } from "./s3-source.js";

/** How often a file is asked for before it counts as out of reach, and how long after the first time; twice as long each time. */
const ATTEMPTS = 5;
const PAUSE_MS = 200;

/** An answer of which nothing comes for so long is given up. */
const STALL_MS = 30_000;

/** How a file is read. */
export interface ReadSourceOptions {
  /** Milliseconds without a byte after which it is asked for again. Default 30,000. */
  stallMs?: number | undefined;
}

/**
 * The file at an address.
 * @throws DatasetError "OPTION" for an address that is neither `s3://bucket/key` nor `http(s)://…`
 */
export function openSource(address: string): ByteSource {
  const wrong = addressProblem(address);
  if (wrong) throw new DatasetError("OPTION", `address ${shownName(address)}: ${wrong}`);
  return address.startsWith("s3:") ? s3Source(address) : httpSource(address);
}

/**
 * Asks for a file and hands the answer on; what the network or the server broke is asked for again, with longer and longer pauses.
 * @param take reads the answer's body to its end; what it throws as Refusal or DatasetError "RECORD" is a broken answer
 * @throws DatasetError "FILE" that names the address
 */
export async function readSource<T>(
  address: string,
  range: ByteRange | undefined,
  take: (answer: Answer) => Promise<T>,
  options: ReadSourceOptions = {},
): Promise<T> {
  const source = openSource(address);
  return await patiently(
    address,
    async (signal, alive) => {
      const answer = await source.get(range, signal);
      return await take({ ...answer, body: watched(answer.body, alive) });
    },
    options,
  );
}

/**
 * Asks a server for something, and again where the network or the server broke it.
 * @param ask gets a signal that gives up, and what to call whenever something has come
 * @throws DatasetError "FILE" that names the address
 */
export async function patiently<T>(
  address: string,
  ask: (signal: AbortSignal, alive: () => void) => Promise<T>,
  { stallMs = STALL_MS }: ReadSourceOptions = {},
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const stalled = new AbortController();
    const timer = globalThis.setTimeout(() => stalled.abort(), stallMs);
    try {
      return await ask(stalled.signal, () => timer.refresh());
    } catch (error) {
      const last = attempt === ATTEMPTS;
      if (!mayPass(error) || last) throw sourceError(error, address, stalled.signal.aborted ? stallMs : undefined);
    } finally {
      clearTimeout(timer);
    }
    await setTimeout(PAUSE_MS * 2 ** (attempt - 1));
  }
}

/** A whole file's bytes. */
export async function readBytes(address: string, options?: ReadSourceOptions): Promise<Uint8Array> {
  return await readSource(address, undefined, (answer) => bodyBytes(answer), options);
}

/**
 * What is in an answer.
 * @param range what was asked for
 * @throws Refusal where it ends early
 */
export async function bodyBytes({ size, body }: Answer, range?: ByteRange): Promise<Uint8Array> {
  const expected = range ? range.to - range.from : size;
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(part);
  const bytes = Buffer.concat(parts);
  if (expected === undefined || bytes.length === expected) return bytes;
  throw new Refusal(0, `${bytes.length} bytes, then the connection ended; ${expected} were announced`);
}

async function* watched(body: AsyncIterable<Uint8Array>, seen: () => void): AsyncGenerator<Uint8Array> {
  for await (const part of body) {
    seen();
    yield part;
  }
}

/** Whether asking again may help. */
function mayPass(error: unknown): boolean {
  if (error instanceof DatasetError) return error.code === "RECORD";
  if (!(error instanceof Refusal)) return isBrokenConnection(error);
  return error.status === 0 || error.status === 408 || error.status === 429 || error.status >= 500;
}

/** What `fetch` and Amazon's client throw where a connection can't be made or ends early. */
function isBrokenConnection(error: unknown): boolean {
  const { name, code, cause } = (error ?? {}) as NodeJS.ErrnoException & { cause?: NodeJS.ErrnoException };
  return code !== undefined || cause?.code !== undefined || name === "AbortError" || name === "TimeoutError";
}

function sourceError(error: unknown, address: string, stalledMs: number | undefined): unknown {
  if (error instanceof DatasetError || !(error instanceof Refusal || isBrokenConnection(error))) return error;
  const told = stalledMs === undefined ? reason(error) : `no byte for ${stalledMs / 1000} s`;
  return new DatasetError(
    "FILE",
    `${address}: ${told}, expected the file's bytes; try again, or correct the address`,
    [],
    {
      cause: error,
    },
  );
}

function reason(error: unknown): string {
  const { message, cause } = error as Error & { cause?: NodeJS.ErrnoException };
  if (!(error instanceof Refusal)) return cause?.code ? `no connection (${cause.code})` : `no connection (${message})`;
  if (error.status === 404) return "not found (404)";
  if (error.status === 401 || error.status === 403) return `access refused (${error.status} ${message})`;
  return error.status === 0 ? reasonOfNone(error) : `the server answers ${error.status} ${message}`.trimEnd();
}

function reasonOfNone({ message, cause }: Refusal): string {
  const { code } = (cause ?? {}) as NodeJS.ErrnoException;
  return code ? `no connection (${code})` : message;
}

/** Whether an error is a server's answer of this status. */
export function answered(error: unknown, status: number): boolean {
  const { cause } = (error ?? {}) as { cause?: unknown };
  return cause instanceof Refusal && cause.status === status;
}
