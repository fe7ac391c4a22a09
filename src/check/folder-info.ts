import { basename, resolve } from "node:path";
import { DatasetError } from "../core/error.js";
import { CLASS, type DatasetIndex, isPart } from "../core/rows.js";
import { splitNames } from "../core/split-name.js";
import { isFolder } from "../sources/folders.js";
import { recognise, type Recognised } from "../sources/recognise.js";
import { check } from "./check.js";
import type { CheckReport } from "./report.js";

/** Classes that are shown with their numbers of sounds. */
const SHOWN = 10;

/**
 * Looks at a folder of sounds as it was downloaded and says in text which set or format it looks like, how much of what it
 * holds, and the lines that load it.
 * @throws DatasetError "FILE" without such a folder, "INDEX" where there is nothing that is known
 */
export async function folderInfo(directory: string): Promise<string> {
  if (!(await isFolder(directory))) throw new DatasetError("FILE", `folder ${directory}: not found`);
  const { ways, sounds, tried } = await recognise(directory);
  const [best, ...others] = ways;
  if (!best) {
    const found = `folder ${directory}: ${sounds} sounds and no labels that are known`;
    const what = "expected a table, a manifest or a folder for each class, see docs/labels.md";
    throw new DatasetError("INDEX", [`${found}, ${what}`, ...tried.map((line) => `  ${line}`)].join("\n"));
  }
  const report = await check(directory, best.index, { deep: false, onProgress: false });
  return [
    `${directory}: ${best.what}`,
    ...contents(best.index, report, sounds),
    "",
    ...script(directory, best),
    ...(others.length > 0 ? ["", "// or", ...others.map(({ code, what }) => `// ${code}; // ${what}`)] : []),
  ].join("\n");
}

function contents(
  { rows, labels, kind }: DatasetIndex,
  { files, errors, warnings }: CheckReport,
  sounds: number,
): string[] {
  const seconds = files.reduce(
    (sum, { frames, sampleRate }) => sum + (frames && sampleRate ? frames / sampleRate : 0),
    0,
  );
  const rates = [...new Set(files.flatMap(({ sampleRate }) => sampleRate ?? []))].sort((a, b) => a - b);
  const count = files.length < sounds ? `${files.length} of ${sounds}` : String(files.length);
  const lines = [`sounds   ${count}, ${(seconds / 3600).toFixed(2)} hours, ${rates.join(", ") || "unknown"} Hz`];
  const parts = rows.filter(isPart).length;
  if (rows.length !== files.length || parts > 0)
    lines.push(`examples ${rows.length}${parts > 0 ? `, ${parts} of them parts of sounds` : ""}`);
  if (labels && kind !== "values") {
    const counts = labels.map((name, k) => {
      const has = rows.filter(({ values, events }) => (events ? events.some((event) => event[2] === k) : values?.[k]));
      return `${name} ${has.length}`;
    });
    lines.push(`classes  ${labels.length}: ${counts.slice(0, SHOWN).join(", ")}${counts.length > SHOWN ? ", …" : ""}`);
  }
  const sides = splitNames.map((side) => `${side} ${rows.filter(({ split }) => split === side).length}`);
  lines.push(`split    ${rows.some(({ split }) => split) ? sides.join(", ") : "none; load makes one"}`);
  if (errors.length + warnings.length > 0) lines.push(`check    ${errors.length} errors, ${warnings.length} warnings`);
  return lines;
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
