import { type ByteSource, type Reach, reachInto } from "./byte-source.js";
import { ascii } from "./mpeg-info.js";
import type { Verdict } from "./verdict.js";

/** What a header says of where the file's samples end, in bytes; undefined where it says nothing. */
type End = (reach: Reach, size: number) => number | undefined;

/** Bytes read at a time. */
const HEAD = 1 << 10;

const ENDS: Record<string, End> = {
  AIFF: (reach, size) => chunkEnd(reach, size, 12, "SSND", (v, at) => 8 + v.getUint32(at + 4)),
  AU: (reach) => {
    const header = viewOf(reach, 0, 12);
    const length = header.getUint32(8);
    return length === 0xffffffff ? undefined : header.getUint32(4) + length;
  },
  CAF: (reach, size) =>
    chunkEnd(reach, size, 8, "data", (v, at) => {
      const length = v.getBigInt64(at + 4);
      return length < 0n ? undefined : 12 + Number(length);
    }),
  W64: (reach) => Number(viewOf(reach, 0, 24).getBigUint64(16, true)),
  "NIST SPHERE": (reach) => {
    const text = ascii(reach(0, 1024), 0, 1024);
    const field = (name: string): number => Number(new RegExp(`${name} -i (\\d+)`).exec(text)?.[1] ?? Number.NaN);
    const end = 1024 + field("sample_count") * field("channel_count") * field("sample_n_bytes");
    return Number.isNaN(end) || !/sample_coding -s\d+ (pcm|ulaw|alaw)/.test(text) ? undefined : end;
  },
};

/**
 * Compares what the header of a file promises with its size: libsndfile reads what there is and says nothing.
 * @throws DatasetError "FORMAT" where the file is cut short, unless that is only to be warned of
 */
export function checkLength(source: ByteSource, format: string, verdict: Verdict): void {
  if (format === "NIST SPHERE") checkNist(reachInto(source, HEAD), verdict);
  const end = ENDS[format]?.(reachInto(source, HEAD), source.size);
  if (end !== undefined && end > source.size) {
    verdict.lost(`file: ${source.size} bytes, expected ${end} according to the header`);
  }
}

/** Of a header without these libsndfile makes something else each time. @throws DatasetError "FORMAT" where one is missing */
function checkNist(reach: Reach, verdict: Verdict): void {
  const text = ascii(reach(0, 1024), 0, 1024);
  for (const [what, pattern] of [
    ["length", /^NIST_1A\r?\n *1024\r?\n/],
    ["sample_count", /\nsample_count -i \d/],
    ["sample_rate", /\nsample_rate -i \d/],
    ["channel_count", /\nchannel_count -i \d/],
    ["sample_coding", /^(?!.*\nsample_coding)|\nsample_coding -s\d+ [a-z]/s],
    ["end_head", /\nend_head/],
  ] as const) {
    if (!pattern.test(text)) verdict.damaged(`NIST SPHERE header: no ${what}, the file is damaged`);
  }
}

/** The end of the chunk `id`, of a file whose chunks begin at `from` with four letters and a length. */
function chunkEnd(
  reach: Reach,
  size: number,
  from: number,
  id: string,
  length: (view: DataView, at: number) => number | undefined,
): number | undefined {
  for (let at = from; at + 12 <= size; ) {
    const view = viewOf(reach, at, 12);
    const bytes = length(view, 0);
    if (ascii(reach(at, 4), 0, 4) === id) return bytes === undefined ? undefined : at + bytes;
    // Chunks of odd size are padded, in AIFF.
    const next = bytes === undefined ? undefined : at + bytes + (from === 12 ? bytes % 2 : 0);
    if (next === undefined || next <= at) return undefined;
    at = next;
  }
  return undefined;
}

/** Some bytes as a view, zeros beyond the end. */
function viewOf(reach: Reach, at: number, length: number): DataView {
  const bytes = new Uint8Array(length);
  bytes.set(reach(at, length));
  return new DataView(bytes.buffer);
}
