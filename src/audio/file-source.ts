import { fstatSync } from "node:fs";
import type { ByteSource } from "../format/byte-source.js";
import { fillFrom } from "../system/read-bytes.js";

/** The bytes of an open file, as long as it stays open. */
export function fileSource(file: number): ByteSource {
  return { size: fstatSync(file).size, file, read: (into, from) => fillFrom(file, into, from) };
}
