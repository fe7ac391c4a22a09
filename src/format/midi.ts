import type { MidiData, MidiEvent } from "midi-file";
import { DatasetError } from "../core/error.js";
import { checkKnown, type OptionNames } from "../core/known-options.js";
import { ascii } from "./mpeg-info.js";

/** Loaded with the first MIDI file. */
export const midiFile = (): typeof import("midi-file") => require("midi-file");

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
  /** How many notes were never ended and are held to the end of the file. */
  hanging: number;
  /** How many percussion notes (channel 10) were left out. */
  leftOut: number;
}

/** Their names. */
export const MIDI_OPTIONS: OptionNames<MidiOptions> = { sustain: true, percussion: true };

/**
 * Reads the notes of a MIDI file (formats 0 and 1, also inside RIFF; unknown chunks are skipped) with all changes of
 * tempo, or in SMPTE time.
 *
 * A note ends at the next note-off of its pitch and channel in its track, or when all notes of its channel are switched off
 * (controllers 120 and 123 to 127); one that is never ended, at the file's end.
 * @param where the file's name, for errors
 * @throws DatasetError "FORMAT" where it is no MIDI file, damaged or cut short
 * @example readMidi(await readFile("song.mid"), "song.mid").notes[0].pitch
 */
export function readMidi(bytes: Uint8Array, where: string, options: MidiOptions = {}): MidiNotes {
  checkKnown("readMidi", options, MIDI_OPTIONS);
  const { header, tracks } = parse(plainMidi(bytes, where), where);
  if (header.format === 2 && tracks.length > 1) {
    throw new DatasetError("FORMAT", `MIDI format: 2 (independent patterns), expected 0 or 1 (${where})`);
  }
  const timed = tracks.map((track) => absolute(track, where));
  const seconds = clock(header, timed, where);
  const last = Math.max(0, ...timed.map((track) => track.at(-1)?.tick ?? 0));
  const paired = timed.map((track) => pairNotes(track, last));
  const all = paired.flatMap(({ notes }) => notes);
  const notes = options.percussion ? all : all.filter(({ channel }) => channel !== PERCUSSION);
  const pedals = options.sustain ? pedalTimes(timed) : [];
  if (options.sustain) hold(notes, pedals, last);
  const found = notes
    .map(({ on, off, ...note }) => ({ ...note, onset: seconds(on), offset: seconds(off) }))
    .sort((a, b) => a.onset - b.onset || a.pitch - b.pitch || a.channel - b.channel);
  const hanging = paired
    .flatMap(({ open }) => open)
    .filter(({ channel }) => options.percussion || channel !== PERCUSSION);
  return { notes: found, duration: seconds(last), hanging: hanging.length, leftOut: all.length - notes.length };
}

/** The channel of percussion, counted from 0. */
export const PERCUSSION = 9;

/** Controllers that switch off all notes of a channel: all sound off, all notes off, and the four changes of mode. */
const ALL_OFF: ReadonlySet<number> = new Set([120, 123, 124, 125, 126, 127]);

type Timed = MidiEvent & { tick: number };
type TickNote = Omit<Note, "onset" | "offset"> & { on: number; off: number };

/** The header and the track chunks alone, each whole: what the parser takes. */
function plainMidi(given: Uint8Array, where: string): Uint8Array {
  const bytes = riffData(given, where);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const id = (at: number): string => ascii(bytes, at, 4);
  if (id(0) !== "MThd" || bytes.length < 14) {
    throw new DatasetError("FORMAT", `MIDI header: none, expected a file that starts with MThd (${where})`);
  }
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = at + 8 <= bytes.length ? view.getUint32(at + 4) : Infinity;
    const known = id(at) === "MThd" || id(at) === "MTrk";
    if (at === 0 && size < 6) throw new DatasetError("FORMAT", `MIDI header: ${size} bytes, expected 6 (${where})`);
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

/** What a RIFF MIDI file holds; another file as it is. */
function riffData(bytes: Uint8Array, where: string): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const id = (at: number): string => ascii(bytes, at, 4);
  if (id(0) !== "RIFF" || id(8) !== "RMID") return bytes;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const size = view.getUint32(at + 4, true);
    if (id(at) === "data") return bytes.subarray(at + 8, at + 8 + size);
    at += 8 + size + (size % 2);
  }
  throw new DatasetError("FORMAT", `RIFF MIDI: no data chunk, the file is damaged (${where})`);
}

/**
 * The parser reads a length of any number of bytes in 32 bits with a sign, and goes back in the file by a negative one,
 * forever. The format has 28 bits for it; tracks are walked through before they are parsed.
 */
function checkLengths(bytes: Uint8Array, where: string): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let chunk = 0; chunk < bytes.length; ) {
    const from = chunk + 8;
    const end = from + view.getUint32(chunk + 4);
    if (bytes[chunk + 3] === TRACK_ID) walkTrack(bytes, from, end, where);
    chunk = end;
  }
}

/** The last letter of MTrk; the header is MThd. */
const TRACK_ID = 0x6b;

function walkTrack(bytes: Uint8Array, from: number, end: number, where: string): void {
  let at = from;
  let running = 0;
  const damaged = (what: string): DatasetError =>
    new DatasetError("FORMAT", `MIDI event at byte ${at - from} of its track: ${what}, the file is damaged (${where})`);
  const variable = (): number => {
    for (let value = 0; at < end; ) {
      const byte = bytes[at++]!;
      value = value * 128 + (byte & 127);
      if (value >= 2 ** 28) throw damaged("a number of more than 28 bits, expected at most 28");
      if (byte < 128) return value;
    }
    throw damaged("no whole number, expected one before the track ends");
  };
  while (at < end) {
    variable();
    const status = bytes[at++]!;
    if (status === 0xff) at++;
    if (status === 0xff || status === 0xf0 || status === 0xf7) {
      const length = variable();
      if (length > end - at) throw damaged(`${length} bytes, expected at most the ${end - at} that are left`);
      at += length;
      continue;
    }
    if (status > 0xf0) return; // the parser says so
    running = status >= 0x80 ? status : running;
    const one = running >> 4 === 0xc || running >> 4 === 0xd;
    at += (status >= 0x80 ? 1 : 0) + (one ? 0 : 1);
  }
}

function parse(bytes: Uint8Array, where: string): MidiData {
  checkLengths(bytes, where);
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
    const broken = tick >= 0 ? brokenEvent(event) : "no time";
    if (broken !== undefined) {
      throw new DatasetError("FORMAT", `MIDI event at tick ${tick}: ${broken}, the file is damaged (${where})`);
    }
    return { ...event, tick };
  });
}

/** What is wrong with an event that decides on notes or their times. */
function brokenEvent(event: MidiEvent): string | undefined {
  const { type } = event;
  if (type === "noteOn" || type === "noteOff") {
    return event.noteNumber < 128 && event.velocity < 128 ? undefined : "no valid note";
  }
  if (type === "controller") return event.value < 128 ? undefined : "no valid controller";
  if (type !== "setTempo" || event.microsecondsPerBeat > 0) return undefined;
  return `tempo ${event.microsecondsPerBeat} microseconds per beat, expected more than 0`;
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

/** The notes of a track, and those of them that nothing ended. */
function pairNotes(track: readonly Timed[], end: number): { notes: TickNote[]; open: TickNote[] } {
  const notes: TickNote[] = [];
  const open = new Map<number, TickNote[]>();
  for (const event of track) {
    if (event.type === "controller" && ALL_OFF.has(event.controllerType)) endAll(open, event.channel, event.tick);
    if (event.type !== "noteOn" && event.type !== "noteOff") continue;
    const { channel, noteNumber: pitch, velocity, tick } = event;
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
  return { notes: notes.filter((note) => note.off > note.on), open: [...open.values()].flat() };
}

function endAll(open: Map<number, TickNote[]>, channel: number, tick: number): void {
  for (const [key, sounding] of open) {
    if (key >> 7 !== channel) continue;
    for (const note of sounding) note.off = tick;
    open.delete(key);
  }
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
