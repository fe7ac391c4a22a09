import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Where a program is on the PATH, the first of `names` that is there. */
export function find(...names: string[]): string | undefined {
  return (process.env.PATH ?? "")
    .split(delimiter)
    .flatMap((folder) => names.map((name) => join(folder, name)))
    .find((file) => existsSync(file));
}

/** For the `skip` option of a test that compares with programs of Debian's: why it can't run. CI installs them and skips nothing. */
export function missing(...programs: string[]): string | false {
  const absent = programs.filter((program) => !find(program));
  if (absent.length === 0 || process.env.CI) return false;
  return `no ${absent.join(", ")}: Debian's packages of these names bring them (sudo apt install ${absent.join(" ")})`;
}
