import { appendFile, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { formatCsv } from "../format/csv.js";
import { eventFileHead, scalarEvent } from "../format/tensorboard.js";
import { fileError, writeWhole } from "../system/atomic-file.js";
import type { TrainingState } from "./training-state.js";

/** Writes the numbers of each epoch to files. */
export interface EpochLogs {
  /** After an epoch has been added to the history. @throws DatasetError "FILE" when a file can't be written */
  write(state: TrainingState, learningRate: number | undefined): Promise<void>;
}

/**
 * @param csv path of a file that has all epochs, those before a resumed checkpoint too
 * @param tensorBoard folder whose `train` and `validation` get an event file each
 */
export function epochLogs(csv: string | undefined, tensorBoard: string | undefined): EpochLogs {
  const file = `events.out.tfevents.${Math.floor(Date.now() / 1000)}.${process.pid}`;
  const begun = new Set<string>();
  const append = async (run: string, step: number, values: Record<string, number>): Promise<void> => {
    if (Object.keys(values).length === 0) return;
    const path = join(tensorBoard!, run, file);
    const seconds = Date.now() / 1000;
    const event = scalarEvent(seconds, step, values);
    await whole(path, async () => {
      await mkdir(dirname(path), { recursive: true });
      await appendFile(path, begun.has(run) ? event : Buffer.concat([eventFileHead(seconds), event]));
    });
    begun.add(run);
  };
  return {
    write: async ({ history, epoch }, learningRate) => {
      if (csv !== undefined) {
        await whole(csv, async () => {
          await mkdir(dirname(csv), { recursive: true });
          await writeWhole(csv, csvOf(history));
        });
      }
      if (tensorBoard === undefined) return;
      const values = { train: {} as Record<string, number>, validation: {} as Record<string, number> };
      for (const [name, [...numbers]] of Object.entries(history)) {
        const validation = name.startsWith("val_");
        values[validation ? "validation" : "train"][`epoch_${validation ? name.slice(4) : name}`] = numbers.at(-1)!;
      }
      if (learningRate !== undefined) values.train.epoch_learning_rate = learningRate;
      // Keras counts from 0.
      for (const run of ["train", "validation"] as const) await append(run, epoch - 1, values[run]);
    },
  };
}

async function whole(path: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw fileError(error, path);
  }
}

/** A line per epoch, counted from 1. */
function csvOf(history: TrainingState["history"]): string {
  const names = Object.keys(history).sort((a, b) => Number(a.startsWith("val_")) - Number(b.startsWith("val_")));
  const epochs = history[names[0]!]?.length ?? 0;
  const lines = Array.from({ length: epochs }, (_, i) => [i + 1, ...names.map((name) => history[name]![i]!)]);
  return formatCsv([["epoch", ...names], ...lines]);
}
