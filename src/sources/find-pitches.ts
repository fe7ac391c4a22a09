import { readWhole } from "../system/file-names.js";
import { checkKnown } from "../core/known-options.js";
import { join } from "node:path";
import { DatasetError, type Problem, problemsError } from "../core/error.js";
import { isMidi } from "../format/labels.js";
import { MIDI_OPTIONS, type MidiOptions, readMidi } from "../format/midi.js";
import { fileError } from "../system/atomic-file.js";
import type { DatasetIndex } from "../core/rows.js";

/**
 * The lowest and highest pitch in the MIDI files of an index: what to pass as `pitches` so that no note is left out.
 *
 * @throws DatasetError "LABEL" with every file that can't be read, or where there is no note
 * @example const pitches = await findPitches("./data", await dataset.readIndex()); await dataset.generateRecords({ pitches })
 */
export async function findPitches(
  directory: string,
  index: DatasetIndex,
  options: MidiOptions = {},
): Promise<[number, number]> {
  checkKnown("findPitches", options, MIDI_OPTIONS);
  let [low, high] = [128, -1];
  const problems: Problem[] = [];
  for (const file of new Set(index.rows.flatMap(({ keys }) => (keys !== undefined && isMidi(keys) ? [keys] : [])))) {
    try {
      for (const { pitch } of readMidi(await readWhole(join(directory, file)), file, options).notes) {
        low = Math.min(low, pitch);
        high = Math.max(high, pitch);
      }
    } catch (error) {
      const known = fileError(error, file);
      if (!(known instanceof DatasetError)) throw error;
      problems.push({ kind: "labels", file, message: known.message });
    }
  }
  if (problems.length > 0) throw problemsError("LABEL", `MIDI files of ${index.file}`, problems);
  if (high < 0)
    throw new DatasetError("LABEL", `notes in the MIDI files of ${index.file}: none, expected at least one`);
  return [low, high];
}
