/** The three sides of a split. */
export type SplitName = "train" | "validate" | "test";

/** All of them, in their order. */
export const splitNames = ["train", "validate", "test"] as const satisfies readonly SplitName[];

const TRAIN = ["train", "training"];
const DEV = ["dev", "development"];
const SIDES = new Map<string, SplitName>([
  ...[...TRAIN, ...DEV].map((name): [string, SplitName] => [name, "train"]),
  ...["val", "valid", "validation", "validate"].map((name): [string, SplitName] => [name, "validate"]),
  ...["test", "testing", "eval", "evaluation"].map((name): [string, SplitName] => [name, "test"]),
]);

const plain = (text: string): string => text.trim().toLowerCase();

/** What each name of a set's splits means; undefined for names that aren't usual. */
export type SplitReader = (text: string) => SplitName | undefined;

/**
 * Reads the split names of one set, as public datasets use them (`val`, `validation`, `eval`, …). `dev` depends on the
 * others: beside `train` it is for validation (LibriSpeech, Common Voice), alone or beside `test` and `eval` it is what
 * there is to train on (FSD50K, DCASE, VoxCeleb).
 * @param texts all the names that occur in the set
 * @param column what their column is called: one such as `is_test` has 1 and 0, or true and false, where 1 is the side that it
 * names; 0 is for training, and of `is_train` for the test
 */
export function splitReader(texts: Iterable<string>, column = ""): SplitReader {
  const names = new Set(Array.from(texts, plain));
  const flagged = flagOf(column);
  if (flagged && [...names].every((name) => FLAGS.has(name))) {
    const other = flagged === "train" ? "test" : "train";
    return (text) => (FLAGS.get(plain(text)) ? flagged : other);
  }
  const validates = TRAIN.some((name) => names.has(name));
  return (text) => (validates && DEV.includes(plain(text)) ? "validate" : SIDES.get(plain(text)));
}

/** What a column of ones and zeros says. */
const FLAGS = new Map([
  ...["1", "true", "yes"].map((name): [string, boolean] => [name, true]),
  ...["0", "false", "no"].map((name): [string, boolean] => [name, false]),
]);

/** The side that a column such as `is_test` tells. */
const flagOf = (column: string): SplitName | undefined => SIDES.get(/^is[ _-]?(.*)$/.exec(plain(column))?.[1] ?? "");

/** Usual names of the column of splits, the plainest first. */
const COLUMNS = ["split", "subset", "set", "partition", "fold"];

/** What `findSplits` found: the column and what its names mean, or a column that looks like one but can't be read. */
export type FoundSplits = { column: string; read: SplitReader } | { unread: string; values: string[] } | undefined;

/**
 * The column that holds the splits, by its name and by what is in it: `split`, `Split`, `subset`, `set`, `partition` or
 * `fold`, each cell of which names a split; else one of any other name, whose cells name two sides or three and nothing else;
 * else one such as `is_test`.
 */
export function findSplits(columns: readonly string[], cellsOf: (column: string) => Iterable<string>): FoundSplits {
  let unread: FoundSplits;
  for (const usual of COLUMNS) {
    for (const column of columns.filter((name) => plain(name) === usual)) {
      const values = [...new Set(cellsOf(column))];
      const read = splitReader(values);
      const known = values.filter((value) => read(value) !== undefined).length;
      if (known > 0 && known === values.length) return { column, read };
      // A subset "small" or a set "A" is something else; a split or a fold is meant as one.
      if (values.length > 0 && (known > 0 || usual === "split" || usual === "fold"))
        unread ??= { unread: column, values };
    }
  }
  for (const column of columns) {
    const read = sidesOnly(cellsOf(column));
    if (read) return { column, read };
  }
  const flags = columns.filter((column) => flagOf(column) !== undefined);
  for (const column of flags) {
    const values = [...new Set(cellsOf(column))];
    const read = splitReader(values, column);
    const sides = new Set(values.map(read));
    if (sides.has(undefined) || sides.size < 2) continue;
    // Two of them say three sides together, which one alone doesn't.
    return flags.length === 1 ? { column, read } : { unread: column, values };
  }
  return unread;
}

/** Reads cells that all name splits, and not one alone. */
function sidesOnly(cells: Iterable<string>): SplitReader | undefined {
  const values = new Set<string>();
  for (const cell of cells) {
    if (!SIDES.has(plain(cell))) return undefined;
    values.add(cell);
  }
  const read = splitReader(values);
  return new Set(Array.from(values, read)).size > 1 ? read : undefined;
}

/** A few of many texts, for a message. */
export function someOf(texts: readonly string[], most = 3): string {
  const shown = texts.slice(0, most).map((text) => JSON.stringify(text));
  return shown.join(", ") + (texts.length > most ? ", …" : "");
}
