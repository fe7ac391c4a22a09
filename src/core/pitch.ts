const NAMES = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];

/** Name of a MIDI pitch: 60 is C4. */
export function pitchName(pitch: number): string {
  return `${NAMES[((pitch % 12) + 12) % 12]}${Math.floor(pitch / 12) - 1}`;
}

/** The MIDI pitch that a name says: C4 is 60; undefined where it names none. */
export function pitchOf(name: string): number | undefined {
  const [, note, octave] = /^([A-G]#?)(-?\d)$/.exec(name) ?? [];
  if (note === undefined) return undefined;
  const pitch = NAMES.indexOf(note) + 12 * (Number(octave) + 1);
  return NAMES.includes(note) && pitch >= 0 && pitch <= 127 ? pitch : undefined;
}
