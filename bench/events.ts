// How time and memory grow with the number of rows of a table of events: read, then checked with the headers of its sounds.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { check } from "../dist/check/check.js";
import type { DatasetIndex } from "../dist/core/rows.js";
import { encodeWav, fromEvents } from "../dist/index.js";
import { measure, report, round, settle, tiny } from "./harness.js";

const ROWS = tiny ? [400, 4000] : [10_000, 100_000, 1_000_000];
const ROWS_PER_SOUND = 100;
const quiet = { onProgress: false, deep: false } as const;

/** A table in DCASE's form, its rows in no order, and its sounds of ten seconds. */
function makeSet(folder: string, rows: number): void {
  const sounds = rows / ROWS_PER_SOUND;
  const wav = encodeWav({ sampleRate: 100, channels: 1, samples: new Int16Array(1000).fill(9) });
  for (let i = 0; i < sounds; i++) writeFileSync(join(folder, `${i}.wav`), wav);
  const lines = ["filename\tonset\toffset\tevent_label"];
  for (let i = 0; i < rows; i++) {
    const onset = (i * 7919) % 9000;
    lines.push(`${(i * 31) % sounds}.wav\t${onset / 1000}\t${(onset + 500) / 1000}\tlabel ${i % 50}`);
  }
  writeFileSync(join(folder, "meta.tsv"), `${lines.join("\n")}\n`);
}

interface Result {
  seconds: number[];
  cpuSeconds: number[];
  megabytes: number[];
}

async function main(): Promise<void> {
  const results: Record<"read" | "check", Result> = {
    read: { seconds: [], cpuSeconds: [], megabytes: [] },
    check: { seconds: [], cpuSeconds: [], megabytes: [] },
  };
  for (const rows of ROWS) {
    const folder = mkdtempSync(join(tmpdir(), "bench-events-"));
    try {
      makeSet(folder, rows);
      let index: DatasetIndex | undefined;
      const stages = {
        read: async (): Promise<void> => {
          index = await fromEvents(folder, "meta.tsv");
        },
        check: async (): Promise<void> => {
          const { ok, errors } = await check(folder, index!, quiet);
          if (!ok) throw new Error(errors[0]!.message);
        },
      };
      for (const [stage, work] of Object.entries(stages)) {
        await settle();
        const base = process.memoryUsage.rss() / 2 ** 20;
        const { seconds, cpuSeconds, peakMegabytes } = await measure(work);
        const result = results[stage as keyof typeof results];
        result.seconds.push(round(seconds));
        result.cpuSeconds.push(round(cpuSeconds));
        result.megabytes.push(Math.round(peakMegabytes - base));
      }
      const events = index!.rows.reduce((sum, row) => sum + row.events!.length, 0);
      if (events !== rows) throw new Error(`events: ${events}, expected ${rows}`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  for (const [stage, { seconds, cpuSeconds, megabytes }] of Object.entries(results)) {
    const exponent = Math.log(seconds.at(-1)! / seconds[0]!) / Math.log(ROWS.at(-1)! / ROWS[0]!);
    report({
      name: `events, ${stage}`,
      work: `tables of ${ROWS.join(", ")} events, ${ROWS_PER_SOUND} a sound`,
      examples: ROWS,
      seconds,
      cpuSeconds,
      megabytesAboveBaseline: megabytes,
      exponent: round(exponent),
      target: 1.2,
      reached: exponent < 1.2,
      tiny,
    });
  }
}

void main();
