import { DatasetError } from "./error.js";

/** The names of a call's options; the compiler checks that none is missing. */
export type OptionNames<T> = Readonly<Record<keyof Required<T>, true>>;

/**
 * Refuses an option that a call doesn't have: what is mistyped would be ignored without a word.
 * @throws DatasetError "OPTION" with the name that may be meant
 */
export function checkKnown<T extends object>(call: string, given: T, names: OptionNames<T>): void {
  if (typeof given !== "object" || given === null) {
    throw new DatasetError("OPTION", `${call}: options ${JSON.stringify(given)}, expected an object`);
  }
  const strange = Object.keys(given).find((name) => !Object.hasOwn(names, name));
  if (strange === undefined) return;
  const known = Object.keys(names);
  const near = known.find((name) => distance(name.toLowerCase(), strange.toLowerCase()) <= 2);
  const hint = near === undefined ? "" : `; did you mean ${near}?`;
  throw new DatasetError("OPTION", `${call}: option "${strange}", expected one of ${known.join(", ")}${hint}`);
}

/** Of options that several calls share those that one of them has. */
export function optionsOf<T extends object>(given: T, names: OptionNames<T>): T {
  return Object.fromEntries(Object.entries(given).filter(([name]) => Object.hasOwn(names, name))) as T;
}

/** Letters to add, drop or change until one text is the other. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}
