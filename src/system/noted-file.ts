/** Of this thread: where it notes the file that it works on, for those who want to know what it died of. */
let noted: Uint8Array | undefined;

/** Names go to `note` from now on: memory shared with another thread, of which the first two numbers are the length. */
export function noteIn(note: Uint8Array): void {
  noted = note;
}

/** Notes which file is being read. */
export function noteFile(file: string): void {
  if (!noted) return;
  const name = Buffer.from(file).subarray(0, noted.length - 2);
  noted.set(name, 2);
  noted[0] = name.length >> 8;
  noted[1] = name.length & 255;
}

/** The file that was noted last; empty where none was. */
export function notedFile(note: Uint8Array): string {
  return Buffer.from(note.slice(2, 2 + note[0]! * 256 + note[1]!)).toString();
}
