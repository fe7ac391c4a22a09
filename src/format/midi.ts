import type { MidiData, MidiEvent } from "midi-file";
import { DatasetError } from "../core/error.js";

/** Loaded with the first MIDI file. */
const midiFile = (): typeof import("midi-file") => require("midi-file");

/** A note of a MIDI file. */
export interface Note {
  /** MIDI number; 60 is middle C (C4), 69 is 440 Hz. */
  pitch: number;
  /** 1 to 127. */
  velocity: number;
  /** Seconds from the beginning. */
  onset: number;
  /** Seconds from the beginning. */
  offset: number;
  /** 0 to 15; 9 is percussion. */
  channel: number;
}

/** Options of `readMidi`. */
export interface MidiOptions {
  /** Notes keep sounding while the sustain pedal (controller 64) is down, until it is lifted or the note is struck again. Default false. */
  sustain?: boolean | undefined;
  /** Percussion (channel 10, whose pitches are instruments) counts as notes as well. Default false. */
  percussion?: boolean | undefined;
}

/** What `readMidi` finds. */
export interface MidiNotes {
  /** Sorted by onset, then pitch. */
  notes: Note[];
  /** Seconds up to the last event of any track. */
  duration: number;
}

/**
 * Reads the notes of a MIDI file (formats 0 and 1, also inside RIFF; unknown chunks are skipped) with all changes of
 * tempo, or in SMPTE time.
 *
 * A note ends at the next note-off of its pitch and channel in its track; one that is never ended, at the file's end.
 * @param where the file's name, for errors
 * @throws DatasetError "FORMAT" where it is no MIDI file, damaged or cut short
 * @example readMidi(await readFile("song.mid"), "song.mid").notes[0].pitch
 */
export function readMidi(bytes: Uint8Array, where: string, options: MidiOptions = {}): MidiNotes {
  const { header, tracks } = parse(plainMidi(bytes, where), where);
  if (header.format === 2 && tracks.length > 1) {
    throw new DatasetError("FORMAT", `MIDI format: 2 (independent patterns), expected 0 or 1 (${where})`);
  }
  const timed = tracks.map((track) => absolute(track, where));
  const seconds = clock(header, timed, where);
  const last = Math.max(0, ...timed.map((track) => track.at(-1)?.tick ?? 0));
  const notes = timed.flatMap((track) => pairNotes(track, last, options.percussion === true));
  const pedals = options.sustain ? pedalTimes(timed) : [];
  if (options.sustain) hold(notes, pedals, last);
  const found = notes
    .map(({ on, off, ...note }) => ({ ...note, onset: seconds(on), offset: seconds(off) }))
    .sort((a, b) => a.onset - b.onset || a.pitch - b.pitch || a.channel - b.channel);
  return { notes: found, duration: seconds(last) };
}

/** Options of `writeNotes`. */
export interface WriteMidiOptions {
  /** General MIDI program, 0 to 127. Default 0, a piano. */
  program?: number;
}

const TICKS_PER_BEAT = 9600;
const MICROSECONDS_PER_BEAT = 500000;

/**
 * A MIDI file of format 0 at 120 beats a minute, its times exact to 0.03 ms. Velocities are rounded and kept within 1 to 127.
 * @throws DatasetError "OPTION" for a note that no MIDI file can hold
 * @example writeNotes([{ pitch: 60, velocity: 90, onset: 0, offset: 0.5 }])
 */
export function writeNotes(notes: readonly Omit<Note, "channel">[], options: WriteMidiOptions = {}): Uint8Array {
  const ticks = (seconds: number): number => Math.round((seconds * TICKS_PER_BEAT * 1e6) / MICROSECONDS_PER_BEAT);
  const edges = notes.flatMap(({ pitch, velocity, onset, offset }, i) => {
    const bad = (what: string, expected: string): never => {
      throw new DatasetError("OPTION", `note ${i}: ${what}, expected ${expected}`);
    };
    if (!(Number.isInteger(pitch) && pitch >= 0 && pitch <= 127)) bad(`pitch ${pitch}`, "a whole number from 0 to 127");
    if (!(onset >= 0 && Number.isFinite(offset))) bad(`onset ${onset}, offset ${offset}`, "seconds from 0");
    if (!Number.isFinite(velocity)) bad(`velocity ${velocity}`, "a number from 1 to 127");
    const [on, off] = [ticks(onset), Math.max(ticks(offset), ticks(onset) + 1)];
    const loud = Math.max(1, Math.min(127, Math.round(velocity)));
    return [
      { tick: on, type: "noteOn" as const, noteNumber: pitch, velocity: loud },
      { tick: off, type: "noteOff" as const, noteNumber: pitch, velocity: 0 },
    ];
  });
  // A note ends before the next one of its pitch begins at the same tick.
  edges.sort((a, b) => a.tick - b.tick || a.type.localeCompare(b.type) || a.noteNumber - b.noteNumber);
  const track: MidiEvent[] = [
    { deltaTime: 0, meta: true, type: "setTempo", microsecondsPerBeat: MICROSECONDS_PER_BEAT },
    { deltaTime: 0, type: "programChange", channel: 0, programNumber: options.program ?? 0 },
  ];
  let previous = 0;
  for (const { tick, ...edge } of edges) {
    track.push({ deltaTime: tick - previous, channel: 0, ...edge });
    previous = tick;
  }
  track.push({ deltaTime: 0, meta: true, type: "endOfTrack" });
  const header = { format: 0 as const, numTracks: 1, ticksPerBeat: TICKS_PER_BEAT };
  return Uint8Array.from(midiFile().writeMidi({ header, tracks: [track] }));
}

type Timed = MidiEvent & { tick: number };
type TickNote = Omit<Note, "onset" | "offset"> & { on: number; off: number };

/** The header and the track chunks alone, each whole: what the parser takes. */
function plainMidi(bytes: Uint8Array, where: string): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const id = (at: number): string => String.fromCharCode(...bytes.subarray(at, at + 4));
  if (id(0) === "RIFF" && id(8) === "RMID") return plainMidi(riffData(bytes, view, id, where), where);
  if (id(0) !== "MThd" || bytes.length < 14) {
    throw new DatasetError("FORMAT", `MIDI header: none, expected a file that starts with MThd (${where})`);
  }
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = at + 8 <= bytes.length ? view.getUint32(at + 4) : Infinity;
    const known = id(at) === "MThd" || id(at) === "MTrk";
    if (at + 8 + size > bytes.length) {
      // Anything may follow the last track; a track must be whole.
      if (!known && parts.length > 1) break;
      throw new DatasetError("FORMAT", `MIDI chunk at byte ${at}: incomplete, the file is cut short (${where})`);
    }
    if (known) parts.push(bytes.subarray(at, at + 8 + size));
    at += 8 + size;
  }
  const plain = new Uint8Array(Buffer.concat(parts));
  new DataView(plain.buffer).setUint16(10, parts.length - 1);
  return plain;
}

function riffData(bytes: Uint8Array, view: DataView, id: (at: number) => string, where: string): Uint8Array {
  for (let at = 12; at + 8 <= bytes.length; ) {
    const size = view.getUint32(at + 4, true);
    if (id(at) === "data") return bytes.subarray(at + 8, at + 8 + size);
    at += 8 + size + (size % 2);
  }
  throw new DatasetError("FORMAT", `RIFF MIDI: no data chunk, the file is damaged (${where})`);
}

function parse(bytes: Uint8Array, where: string): MidiData {
  try {
    return midiFile().parseMidi(bytes);
  } catch (cause) {
    // The parser throws plain strings.
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new DatasetError("FORMAT", `MIDI: ${message}, the file is damaged (${where})`, [], { cause });
  }
}

function absolute(track: readonly MidiEvent[], where: string): Timed[] {
  let tick = 0;
  return track.map((event) => {
    tick += event.deltaTime;
    // The parser takes any byte for a pitch, and reads on after the end.
    const note = event.type === "noteOn" || event.type === "noteOff";
    if (!(tick >= 0) || (note && !(event.noteNumber < 128 && event.velocity < 128))) {
      throw new DatasetError("FORMAT", `MIDI event at tick ${tick}: no valid note, the file is damaged (${where})`);
    }
    return { ...event, tick };
  });
}

/** Turns ticks into seconds, by the tempo changes of all tracks or by SMPTE frames. */
function clock(header: MidiData["header"], tracks: readonly Timed[][], where: string): (tick: number) => number {
  const { framesPerSecond, ticksPerFrame, ticksPerBeat } = header;
  if (framesPerSecond && ticksPerFrame) {
    // 29 stands for 29.97, drop-frame.
    const rate = (framesPerSecond === 29 ? 30000 / 1001 : framesPerSecond) * ticksPerFrame;
    return (tick) => tick / rate;
  }
  if (!ticksPerBeat) throw new DatasetError("FORMAT", `MIDI time division: 0, expected ticks per beat (${where})`);
  const changes = tracks
    .flat()
    .filter((event): event is Timed & { type: "setTempo" } => event.type === "setTempo")
    .sort((a, b) => a.tick - b.tick);
  const ticks = [0];
  const starts = [0];
  const lengths = [0.5 / ticksPerBeat];
  for (const { tick, microsecondsPerBeat } of changes) {
    const k = ticks.length - 1;
    starts.push(starts[k]! + (tick - ticks[k]!) * lengths[k]!);
    ticks.push(tick);
    lengths.push(microsecondsPerBeat / 1e6 / ticksPerBeat);
  }
  return (tick) => {
    const k = Math.max(0, firstFrom(ticks, tick + 1) - 1);
    return starts[k]! + (tick - ticks[k]!) * lengths[k]!;
  };
}

/** Index of the first of the ascending `values` that is at least `least`; their number where there is none. */
function firstFrom(values: readonly number[], least: number): number {
  let low = 0;
  for (let high = values.length; low < high; ) {
    const middle = (low + high) >> 1;
    if (values[middle]! < least) low = middle + 1;
    else high = middle;
  }
  return low;
}

function pairNotes(track: readonly Timed[], end: number, percussion: boolean): TickNote[] {
  const notes: TickNote[] = [];
  const open = new Map<number, TickNote[]>();
  for (const event of track) {
    if (event.type !== "noteOn" && event.type !== "noteOff") continue;
    const { channel, noteNumber: pitch, velocity, tick } = event;
    if (channel === 9 && !percussion) continue;
    const key = channel * 128 + pitch;
    const sounding = open.get(key) ?? [];
    if (event.type === "noteOn") {
      const note = { pitch, velocity, channel, on: tick, off: end };
      notes.push(note);
      sounding.push(note);
      open.set(key, sounding);
      continue;
    }
    // A note-off at the tick where the note is struck again belongs to the notes before, where there are any.
    let before = sounding.length;
    while (before > 0 && sounding[before - 1]!.on === tick) before--;
    for (const note of sounding.splice(0, before || sounding.length)) note.off = tick;
  }
  return notes.filter((note) => note.off > note.on);
}

/** Of a channel's pedal the ticks at which it is pressed, and for each of them when it is lifted. */
interface Pedal {
  down: number[];
  up: number[];
}

function pedalTimes(tracks: readonly Timed[][]): Pedal[] {
  const pedals: Pedal[] = Array.from({ length: 16 }, () => ({ down: [], up: [] }));
  const events = tracks.flat().sort((a, b) => a.tick - b.tick);
  for (const event of events) {
    if (event.type !== "controller" || event.controllerType !== 64) continue;
    const { down, up } = pedals[event.channel]!;
    const held = up.at(-1) === Infinity;
    if (event.value >= 64 && !held) {
      down.push(event.tick);
      up.push(Infinity);
    }
    if (event.value < 64 && held) up[up.length - 1] = event.tick;
  }
  return pedals;
}

/** Lengthens the notes that end while the pedal is down. */
function hold(notes: TickNote[], pedals: readonly Pedal[], end: number): void {
  const strikes = new Map<number, number[]>();
  for (const { channel, pitch, on } of notes) {
    const key = channel * 128 + pitch;
    const list = strikes.get(key);
    if (list) list.push(on);
    else strikes.set(key, [on]);
  }
  for (const list of strikes.values()) list.sort((a, b) => a - b);
  for (const note of notes) {
    const { down, up } = pedals[note.channel]!;
    const lifted = up[firstFrom(down, note.off + 1) - 1] ?? -1;
    if (lifted <= note.off) continue;
    const again = strikes.get(note.channel * 128 + note.pitch)!;
    note.off = Math.max(note.off, Math.min(lifted, again[firstFrom(again, note.off)] ?? Infinity, end));
  }
}
