// CRC-32C sixteen bytes per step, each looked up in its own table (slicing by 16; Kounavis and Berry, 2005). The tables,
// of 256 words each, lie at address 0.

/**
 * The checksum state after the 16 bytes at `at`: table t, at 1024 t, says what a byte adds when t more bytes follow it.
 * Words of four bytes an entry: the byte's value shifted to bits 2 to 9. The state comes last, since it is waited for.
 */
// @ts-ignore: decorator
@inline
function step(c: u32, at: usize): u32 {
  let x = load<u32>(at, 4);
  let sum = load<u32>((x << 2) & 1020, 11264);
  sum ^= load<u32>((x >> 6) & 1020, 10240);
  sum ^= load<u32>((x >> 14) & 1020, 9216);
  sum ^= load<u32>((x >> 22) & 1020, 8192);
  x = load<u32>(at, 8);
  sum ^= load<u32>((x << 2) & 1020, 7168);
  sum ^= load<u32>((x >> 6) & 1020, 6144);
  sum ^= load<u32>((x >> 14) & 1020, 5120);
  sum ^= load<u32>((x >> 22) & 1020, 4096);
  x = load<u32>(at, 12);
  sum ^= load<u32>((x << 2) & 1020, 3072);
  sum ^= load<u32>((x >> 6) & 1020, 2048);
  sum ^= load<u32>((x >> 14) & 1020, 1024);
  sum ^= load<u32>((x >> 22) & 1020);
  x = load<u32>(at) ^ c;
  sum ^= load<u32>((x << 2) & 1020, 15360);
  sum ^= load<u32>((x >> 6) & 1020, 14336);
  sum ^= load<u32>((x >> 14) & 1020, 13312);
  sum ^= load<u32>((x >> 22) & 1020, 12288);
  return sum;
}

/** Goes on from state `c` over the bytes from `at` to `end`, a multiple of 16 later. */
export function checksum(c: u32, at: usize, end: usize): u32 {
  for (; at < end; at += 16) c = step(c, at);
  return c;
}
