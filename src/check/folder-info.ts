import { basename, resolve } from "node:path";
import { DatasetError } from "../core/error.js";
import { CLASS, type DatasetIndex, isPart, type Row } from "../core/rows.js";
import { type SplitName, splitNames } from "../core/split-name.js";
import { isFolder } from "../sources/folders.js";
import { recognise, type Recognised } from "../sources/recognise.js";
import { check } from "./check.js";
import type { CheckedFile } from "./check-files.js";
import type { CheckReport } from "./report.js";

/** Classes that are shown with their numbers of sounds. */
const SHOWN = 10;

/** What a downloaded folder is and holds. */
export interface FolderInfo {
  directory: string;
  /** The set or format that it looks like. */
  what: string;
  /** Sounds that it has, and those that are listed. */
  sounds: number;
  listed: number;
  /** Of the listed sounds, as far as it is known. */
  seconds: number;
  sampleRates: number[];
  examples: number;
  /** Examples that are parts of sounds. */
  parts: number;
  /** Examples of each class, where there are classes. */
  classes?: { name: string; examples: number }[];
  /** Examples of each side, where the publisher divided them. */
  split?: Record<SplitName, number>;
  errors: number;
  warnings: number;
  /** The lines that load it. */
  code: string[];
  /** Other calls that load it. */
  others: { what: string; code: string }[];
}

/**
 * Looks at a folder of sounds as it was downloaded: which set or format it looks like, how much of what it holds, and the
 * lines that load it.
 * @throws DatasetError "FILE" without such a folder, "INDEX" where there is nothing that is known
 */
export async function folderInfo(directory: string): Promise<FolderInfo> {
  if (!(await isFolder(directory))) throw new DatasetError("FILE", `folder ${directory}: not found`);
  const { ways, sounds, tried } = await recognise(directory);
  const [best, ...others] = ways;
  if (!best) {
    const found = `folder ${directory}: ${sounds} sounds and no labels that are known`;
    const what = "expected a table, a manifest or a folder for each class, see docs/labels.md";
    throw new DatasetError("INDEX", [`${found}, ${what}`, ...tried.map((line) => `  ${line}`)].join("\n"));
  }
  const report = await check(directory, best.index, { deep: false, onProgress: false });
  return {
    ...{ directory, what: best.what, sounds, ...contents(best.index, report) },
    code: script(directory, best),
    others: others.map(({ code, what }) => ({ what, code })),
  };
}

function contents(
  { rows, labels, kind }: DatasetIndex,
  { files, errors, warnings }: CheckReport,
): Omit<FolderInfo, "directory" | "what" | "sounds" | "code" | "others"> {
  const length = ({ frames, sampleRate }: CheckedFile): number => (frames && sampleRate ? frames / sampleRate : 0);
  const has = ({ values, events }: Row, k: number): boolean =>
    events ? events.some((event) => event[2] === k) : (values?.[k] ?? 0) !== 0;
  const classes = labels?.map((name, k) => ({ name, examples: rows.filter((row) => has(row, k)).length }));
  const on = (side: SplitName): number => rows.filter(({ split }) => split === side).length;
  return {
    listed: files.length,
    seconds: files.reduce((sum, file) => sum + length(file), 0),
    sampleRates: [...new Set(files.flatMap(({ sampleRate }) => sampleRate ?? []))].sort((a, b) => a - b),
    examples: rows.length,
    parts: rows.filter(isPart).length,
    ...(classes && kind !== "values" ? { classes } : {}),
    ...(rows.some(({ split }) => split)
      ? { split: { train: on("train"), validate: on("validate"), test: on("test") } }
      : {}),
    errors: errors.length,
    warnings: warnings.length,
  };
}

/** The same as text. */
export function infoText(info: FolderInfo): string {
  const { sounds, listed, seconds, sampleRates, examples, parts, classes, split, errors, warnings } = info;
  const count = listed < sounds ? `${listed} of ${sounds}` : String(listed);
  const lines = [
    `${info.directory}: ${info.what}`,
    `sounds   ${count}, ${(seconds / 3600).toFixed(2)} hours, ${sampleRates.join(", ") || "unknown"} Hz`,
  ];
  if (examples !== listed || parts > 0)
    lines.push(`examples ${examples}${parts > 0 ? `, ${parts} of them parts of sounds` : ""}`);
  if (classes) {
    const shown = classes.slice(0, SHOWN).map((one) => `${one.name} ${one.examples}`);
    lines.push(`classes  ${classes.length}: ${shown.join(", ")}${classes.length > SHOWN ? ", …" : ""}`);
  }
  const sides = split && splitNames.map((side) => `${side} ${split[side]}`).join(", ");
  lines.push(`split    ${sides ?? "none; load makes one"}`);
  if (errors + warnings > 0) lines.push(`check    ${errors} errors, ${warnings} warnings`);
  const others = info.others.map(({ code, what }) => `// ${code}; // ${what}`);
  return [...lines, "", ...info.code, ...(others.length > 0 ? ["", "// or", ...others] : [])].join("\n");
}

function script(directory: string, { calls, code, index }: Recognised): string[] {
  const kind = CLASS[index.kind];
  const name = basename(resolve(directory)).replace(/\W+/g, "_").toLowerCase() || "dataset";
  const size = index.kind === "frames" || index.kind === "pairs" ? "{ inputSize: 256 }" : "";
  return [
    `import { ${[kind, ...calls].join(", ")} } from "deep-audio-dataset";`,
    `const D = ${JSON.stringify(directory)};`,
    `const index = ${code};`,
    `const dataset = new ${kind}(D, ${JSON.stringify(name)});`,
    "console.log(String(await dataset.check({ index })));",
    "await dataset.generateRecords({ index });",
    `await dataset.load(${size});`,
  ];
}
