import { posix, win32 } from "node:path";

/** What is wrong with a file name by its text alone: it must be relative and stay inside its folder. */
export function nameProblem(name: string): string | undefined {
  if (name === "") return "is empty, expected a file name";
  if (name.includes("\0")) return "contains a NUL character, expected a plain file name";
  if (posix.isAbsolute(name) || win32.isAbsolute(name)) return "is absolute, expected a name relative to its folder";
  if (name.split(/[/\\]/).includes("..")) return 'leaves the folder with "..", expected a name inside it';
  return undefined;
}

/** Whether a name is an address on another machine, not that of a file in a folder. */
export function isAddress(name: string): boolean {
  return /^[a-z][a-z0-9+.-]+:\/\//i.test(name);
}

/** What is wrong with the address of a file by its text alone. Addresses are stored and shown, so they hold nothing secret. */
export function addressProblem(address: string): string | undefined {
  const [, scheme = "", rest = ""] = /^([^:]*):\/\/(.*)$/s.exec(address) ?? [];
  if (!["s3", "https", "http"].includes(scheme)) return `begins with ${scheme}://, expected s3://, https:// or http://`;
  if (/^[^/]*@/.test(rest)) return "holds a user name or password, expected none; s3:// takes those of AWS's tools";
  if (/[?#]/.test(rest)) return "has a query or fragment, expected none; ? and # in a name are %3F and %23";
  if (/[\0-\x1f\x7f\\]/.test(rest)) return "contains a control character or a backslash, expected none";
  if (!/^[^/]+\/./.test(rest)) return "names no file, expected s3://bucket/file or https://host/file";
  try {
    decodeURIComponent(rest);
    if (scheme !== "s3") new URL(address);
    return undefined;
  } catch {
    return "can't be read, expected a host's name, and % in a file's name as %25";
  }
}

/** What is wrong with the name of a sound, which is a file's in its folder or an address. */
export function soundProblem(name: string): string | undefined {
  return isAddress(name) ? addressProblem(name) : nameProblem(name);
}

/** A name to show: of an address without what may be secret. */
export function shownName(name: string): string {
  return isAddress(name) ? name.replace(/^([^:]*:\/\/).*@/s, "$1…@").replace(/[?#].*$/s, "?…") : name;
}

/** A sound's name relative to the dataset's folder, given relative to a folder in it; an address stays as it is. */
export function soundIn(folder: string, name: string): string {
  return isAddress(name) ? name : posix.join(folder, name);
}

/** One spelling of a file name: with forward slashes, without redundant parts. Addresses have one. */
export function plainName(name: string): string {
  if (isAddress(name)) return name;
  return posix.normalize(name.replaceAll("\\", "/"));
}

/** The same for names that look the same: one Unicode form, without characters that can't be seen. */
export function sameName(name: string): string {
  return name.normalize("NFC").replace(/[\u200B-\u200D\u2060\uFEFF]/g, "");
}
