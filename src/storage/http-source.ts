import { type Answer, type ByteSource, Refusal } from "./byte-source.js";

/** A file of a web server, with ranges (RFC 9110) or without. */
export function httpSource(address: string): ByteSource {
  return {
    get: async (range, signal): Promise<Answer> => {
      // A compressed answer would say nothing of the file's length.
      const identity = { "accept-encoding": "identity" };
      const headers = range ? { ...identity, range: `bytes=${range.from}-${range.to - 1}` } : identity;
      const response = await fetch(address, { headers, signal });
      if (!response.ok || !response.body) {
        await response.body?.cancel();
        throw new Refusal(response.status, response.statusText);
      }
      const ranged = response.status === 206;
      // What a compressed answer says of its length is of what was sent.
      const length = response.headers.has("content-encoding") ? null : response.headers.get("content-length");
      const size = ranged ? sizeInRange(response.headers.get("content-range")) : length;
      return {
        ranged,
        size: size ? Number(size) : undefined,
        version: response.headers.get("etag") ?? response.headers.get("last-modified") ?? undefined,
        body: response.body,
      };
    },
  };
}

/** The file's bytes, of `bytes 0-9/1000`. */
export function sizeInRange(contentRange: string | null | undefined): string | undefined {
  return /\/(\d+)$/.exec(contentRange ?? "")?.[1];
}
