import { crc32, deflateSync } from "node:zlib";

const SIGNATURE = Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10);

/**
 * A PNG file of `width` × `height` pixels, one byte each (row by row from the top), that index `colours`
 * (red, green, blue bytes, at most 256 colours).
 * Format: Portable Network Graphics, third edition, W3C 2025.
 *
 * @throws RangeError when the sizes don't fit together.
 */
export function palettePng(width: number, height: number, pixels: Uint8Array, colours: Uint8Array): Uint8Array {
  if (width < 1 || height < 1 || pixels.length !== width * height) {
    throw new RangeError(`png: ${pixels.length} pixels, expected ${width} × ${height}`);
  }
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, 3, 0, 0, 0], 8); // 8 bits, palette, deflate, no interlace
  const rows = new Uint8Array(height * (width + 1)); // each row begins with its filter type, 0
  for (let y = 0; y < height; y++) rows.set(pixels.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  return Buffer.concat([
    SIGNATURE,
    chunk("IHDR", header),
    chunk("PLTE", colours),
    chunk("IDAT", deflateSync(rows, { level: 6 })),
    chunk("IEND", new Uint8Array(0)),
  ]);
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(data.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(Buffer.from(type, "latin1"), 4);
  bytes.set(data, 8);
  view.setUint32(data.length + 8, crc32(bytes.subarray(4, data.length + 8)));
  return bytes;
}
