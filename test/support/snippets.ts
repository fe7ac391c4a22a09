// The examples in docstrings and markdown files, and the modules that export what they use.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { root } from "./python.js";

export interface Snippet {
  where: string;
  code: string;
  /** The module that it is an example of, and the name, with the class in front of a method's. */
  module?: string;
  name?: string;
}

/** What examples take as given. */
export const WORLD: Record<string, string> = {
  tf: 'import * as tf from "@tensorflow/tfjs-node-gpu";',
  readFile: 'import { readFile } from "node:fs/promises";',
  dataset: "declare const dataset: AudioDataset;",
  model: 'declare const model: import("@tensorflow/tfjs-node-gpu").LayersModel;',
  pipeline: "declare const pipeline: Pipeline;",
  records: "declare const records: Records;",
  split: "declare const split: Split;",
  samples: "declare const samples: Float32Array;",
  judged: "declare const judged: Judged[];",
  items: "declare const items: ExampleLike[];",
  notes: "declare const notes: RollNote[];",
  songs: "declare const songs: { singer: string; genre: string }[];",
  output: 'declare const output: import("@tensorflow/tfjs-node-gpu").Tensor;',
  label: "declare const label: Float32Array;",
  i: "declare const i: number;",
  bytes: "declare const bytes: Uint8Array;",
  index: "declare const index: DatasetIndex;",
  recipe: "declare const recipe: Recipe;",
  recipeRows: 'import { recipeRows } from "../dist/generate/recipe.js";',
  readFileSync: 'import { readFileSync } from "node:fs";',
  writeFileSync: 'import { writeFileSync } from "node:fs";',
  prediction: "declare const prediction: Float32Array;",
};

export const filesIn = (folder: string, end: string, recursive = false): string[] =>
  (readdirSync(join(root, folder), { recursive }) as string[])
    .filter((file) => file.endsWith(end))
    .map((file) => join(folder, file));
const sources = filesIn("src", ".ts", true);
export const exportsOf = (module: string): string[] => Object.keys(require(join(root, "dist", module)));
const index = readFileSync(join(root, "src/index.ts"), "utf8") + readFileSync(join(root, "src/show/index.ts"), "utf8");
export const library = new Set([
  ...exportsOf("index.js"),
  ...[...index.replaceAll("type ", "").matchAll(/[{,]\s*(\w+)/g)].map((match) => match[1]!),
]);

/** `name`, or `Class.name` of a method. */
function nameOf(node: ts.Node): string {
  const own = (node as ts.NamedDeclaration).name?.getText() ?? "";
  return ts.isMethodDeclaration(node) ? `${(node.parent as ts.ClassDeclaration).name!.text}.${own}` : own;
}

export function docExamples(): Snippet[] {
  const found: Snippet[] = [];
  for (const file of sources) {
    const source = ts.createSourceFile(file, readFileSync(join(root, file), "utf8"), ts.ScriptTarget.ES2022, true);
    const visit = (node: ts.Node): void => {
      const tags = ts.isExpressionStatement(node)
        ? []
        : ts.getJSDocTags(node).filter((tag) => tag.parent.parent === node);
      for (const { tagName, comment } of tags) {
        if (tagName.text !== "example") continue;
        const { line } = source.getLineAndCharacterOfPosition(node.getStart());
        const module = file.replace(/^src\/(.*)\.ts$/, "$1.js");
        found.push({
          where: `${file}:${line + 1}`,
          code: ts.getTextOfJSDocComment(comment) ?? "",
          module,
          name: nameOf(node),
        });
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return found;
}

export const markdown = [".", "bench", "docs", "docs/guides"].flatMap((folder) => filesIn(folder, ".md"));

export function readmeExamples(): Snippet[] {
  // A guide is one program: see guides.ts.
  const alone = markdown.filter((file) => !file.startsWith("docs/guides"));
  return alone.flatMap((file) =>
    [...readFileSync(join(root, file), "utf8").matchAll(/^```ts\n(.*?)^```/gms)].map((block, k) => ({
      where: `${file}, example ${k + 1}`,
      code: block[1]!,
    })),
  );
}

/** The example with what it takes as given in front. */
export function wholeText({ code, module }: Snippet): string {
  const has = (name: string): boolean => new RegExp(`(?<![.\\w"'/])${name}\\b(?!['"/:])`).test(code);
  const declares = (name: string): boolean =>
    new RegExp(
      `(const|let|function|class)\\s+${name}\\b|const \\{[^}]*\\b${name}\\b[^}]*\\} =|import[^;]*\\b${name}\\b[^;]*from`,
    ).test(code);
  const given = Object.keys(WORLD).filter((name) => has(name) && !declares(name));
  const head = given.map((name) => WORLD[name]!);
  const used = (name: string): boolean =>
    !declares(name) && (has(name) || head.some((line) => line.includes(`: ${name}`)));
  const names = [...library].filter((name) => name && used(name) && !given.includes(name));
  const own = module
    ? exportsOf(module).filter((name) => !library.has(name) && !given.includes(name) && used(name))
    : [];
  return [
    `import { ${names.join(", ")} } from "deep-audio-dataset";`,
    own.length > 0 ? `import { ${own.join(", ")} } from ${JSON.stringify(`../dist/${module}`)};` : "",
    ...head,
    code,
    "export {};",
  ].join("\n");
}
