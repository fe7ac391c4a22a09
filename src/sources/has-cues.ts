import { open } from "node:fs/promises";

/** Chunks that a wav is asked for at most. */
const MOST = 200;

/** Whether a wav has cue points inside; only the heads of its chunks are read. */
export async function hasCues(path: string): Promise<boolean> {
  const file = await open(path, "r");
  try {
    const head = Buffer.alloc(12);
    if ((await file.read(head, 0, 12, 0)).bytesRead < 12 || head.toString("latin1", 8) !== "WAVE") return false;
    const little = head[3] !== 0x58; // RIFX
    let at = 12;
    for (let chunks = 0; chunks < MOST; chunks++) {
      // The head of a chunk, and how many points there are if it is that of the cue points.
      if ((await file.read(head, 0, 12, at)).bytesRead < 12) return false;
      const number = (from: number): number => (little ? head.readUInt32LE(from) : head.readUInt32BE(from));
      if (head.toString("latin1", 0, 4) === "cue ") return number(8) > 0;
      at += 8 + number(4) + (number(4) % 2);
    }
    return false;
  } finally {
    await file.close();
  }
}
