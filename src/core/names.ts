import { posix, win32 } from "node:path";

/** What is wrong with a file name by its text alone: it must be relative and stay inside its folder. */
export function nameProblem(name: string): string | undefined {
  if (name === "") return "is empty, expected a file name";
  if (name.includes("\0")) return "contains a NUL character, expected a plain file name";
  if (posix.isAbsolute(name) || win32.isAbsolute(name)) return "is absolute, expected a name relative to its folder";
  if (name.split(/[/\\]/).includes("..")) return 'leaves the folder with "..", expected a name inside it';
  return undefined;
}

/** One spelling of a file name: with forward slashes, without redundant parts. */
export function plainName(name: string): string {
  return posix.normalize(name.replaceAll("\\", "/"));
}

/** The same for names that look the same: one Unicode form, without characters that can't be seen. */
export function sameName(name: string): string {
  return name.normalize("NFC").replace(/[\u200B-\u200D\u2060\uFEFF]/g, "");
}
