import { midiFile, type Note, PERCUSSION } from "./midi.js";
import { DatasetError } from "../core/error.js";
import { checkKnown } from "../core/known-options.js";
import type { MidiEvent } from "midi-file";

/** Options of `writeNotes`. */
export interface WriteMidiOptions {
  /** General MIDI program, 0 to 127. Default 0, a piano. */
  program?: number;
}

const TICKS_PER_BEAT = 9600;

const MICROSECONDS_PER_BEAT = 500000;

/** Most ticks between two events: a MIDI file has 28 bits for them. */
const LONGEST_WAIT = 2 ** 28 - 1;

/** Channels that notes of one pitch that overlap are shared out to. */
const CHANNELS: readonly number[] = Array.from({ length: 16 }, (_, channel) => channel).filter((c) => c !== PERCUSSION);

/**
 * A MIDI file of format 0 at 120 beats a minute, its times exact to 0.03 ms. Velocities are rounded and kept within 1 to 127;
 * a note of no length gets one tick. Notes of one pitch that overlap go to different channels, since a note-off ends them all.
 * @throws DatasetError "OPTION" for a note that no MIDI file can hold
 * @example writeNotes([{ pitch: 60, velocity: 90, onset: 0, offset: 0.5 }])
 */
export function writeNotes(notes: readonly Omit<Note, "channel">[], options: WriteMidiOptions = {}): Uint8Array {
  checkKnown<WriteMidiOptions>("writeNotes", options, { program: true });
  const ticks = (seconds: number): number => Math.round((seconds * TICKS_PER_BEAT * 1e6) / MICROSECONDS_PER_BEAT);
  const { program = 0 } = options;
  if (!(Number.isInteger(program) && program >= 0 && program <= 127)) {
    throw new DatasetError("OPTION", `program: ${program}, expected a whole number from 0 to 127`);
  }
  const timed = notes.map(({ pitch, velocity, onset, offset }, i) => {
    const bad = (what: string, expected: string): never => {
      throw new DatasetError("OPTION", `note ${i}: ${what}, expected ${expected}`);
    };
    if (!(Number.isInteger(pitch) && pitch >= 0 && pitch <= 127)) bad(`pitch ${pitch}`, "a whole number from 0 to 127");
    if (!(onset >= 0 && Number.isFinite(offset))) bad(`onset ${onset}, offset ${offset}`, "seconds from 0");
    if (offset < onset) bad(`offset ${offset}`, `no less than its onset, ${onset}`);
    if (!Number.isFinite(velocity)) bad(`velocity ${velocity}`, "a number from 1 to 127");
    const [on, off] = [ticks(onset), Math.max(ticks(offset), ticks(onset) + 1)];
    return { pitch, velocity: Math.max(1, Math.min(127, Math.round(velocity))), on, off };
  });
  const edges = onChannels(timed).flatMap(({ pitch, velocity, on, off, channel }) => [
    { tick: on, type: "noteOn" as const, noteNumber: pitch, velocity, channel },
    { tick: off, type: "noteOff" as const, noteNumber: pitch, velocity: 0, channel },
  ]);
  // A note ends before the next one of its pitch begins at the same tick.
  edges.sort((a, b) => a.tick - b.tick || a.type.localeCompare(b.type) || a.noteNumber - b.noteNumber);
  const track: MidiEvent[] = [
    { deltaTime: 0, meta: true, type: "setTempo", microsecondsPerBeat: MICROSECONDS_PER_BEAT },
    ...[...new Set([0, ...edges.map(({ channel }) => channel)])].map((channel) => ({
      deltaTime: 0,
      type: "programChange" as const,
      channel,
      programNumber: program,
    })),
  ];
  let previous = 0;
  for (const { tick, ...edge } of edges) {
    if (tick - previous > LONGEST_WAIT) {
      const seconds = (at: number): number => (at / TICKS_PER_BEAT / 1e6) * MICROSECONDS_PER_BEAT;
      const found = `notes: nothing begins or ends from ${seconds(previous)} s to ${seconds(tick)} s`;
      throw new DatasetError("OPTION", `${found}, expected at most ${Math.floor(seconds(LONGEST_WAIT))} s between two`);
    }
    track.push({ deltaTime: tick - previous, ...edge });
    previous = tick;
  }
  track.push({ deltaTime: 0, meta: true, type: "endOfTrack" });
  const header = { format: 0 as const, numTracks: 1, ticksPerBeat: TICKS_PER_BEAT };
  return Uint8Array.from(midiFile().writeMidi({ header, tracks: [track] }));
}

/** Gives each note the first channel on which no other note of its pitch sounds, in the order of their onsets. */
function onChannels<N extends { pitch: number; on: number; off: number }>(
  notes: readonly N[],
): (N & { channel: number })[] {
  const ends = new Map<number, number>();
  return [...notes]
    .sort((a, b) => a.on - b.on)
    .map((note) => {
      const channel = CHANNELS.find((c) => (ends.get(c * 128 + note.pitch) ?? 0) <= note.on);
      if (channel === undefined) {
        throw new DatasetError(
          "OPTION",
          `notes of pitch ${note.pitch}: more than ${CHANNELS.length} at once, expected at most that many, one per channel`,
        );
      }
      ends.set(channel * 128 + note.pitch, note.off);
      return { ...note, channel };
    });
}
