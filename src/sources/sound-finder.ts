import { posix } from "node:path";
import { addressProblem, plainName, sameName } from "../core/names.js";

/** A sound that a name means, or why there is none. */
export interface FoundSound {
  sound?: string;
  problem?: string;
}

/** The sound at an address. */
export function soundAt(address: string): FoundSound {
  const problem = addressProblem(address);
  return problem === undefined ? { sound: address } : { problem };
}

const withoutEnding = (file: string): string => file.replace(/\.[^./]+$/, "");

/** Finds the sound that a table means: by its path, its path without ending, or its name alone where that is one sound's. */
export function soundFinder(sounds: readonly string[]): (name: string) => FoundSound {
  const forms: readonly ((file: string) => string)[] = [
    (file) => file,
    withoutEnding,
    (file) => posix.basename(file),
    (file) => withoutEnding(posix.basename(file)),
  ];
  const maps = forms.map((form) => {
    const map = new Map<string, string[]>();
    for (const sound of sounds) {
      const key = sameName(form(sound));
      const list = map.get(key);
      if (list) list.push(sound);
      else map.set(key, [sound]);
    }
    return map;
  });
  // A table names each sound many times.
  const known = new Map<string, FoundSound>();
  const find = (given: string): FoundSound => {
    const name = sameName(plainName(given));
    for (const key of [name, posix.basename(name), withoutEnding(posix.basename(name))]) {
      for (const map of maps) {
        const found = map.get(key);
        if (found?.length === 1) return { sound: found[0]! };
        if (found) return { problem: `means ${found.slice(0, 3).join(" and ")}, expected one sound; give its path` };
      }
    }
    return { problem: "not found, expected a sound of that name" };
  };
  return (given) => {
    const before = known.get(given);
    if (before) return before;
    const found = find(given);
    known.set(given, found);
    return found;
  };
}
