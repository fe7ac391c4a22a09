// What people read must be true: the API reference builds without a warning, examples compile (and give what they say),
// links lead somewhere.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";
import ts from "typescript";
import { root } from "../support/python.js";

interface Snippet {
  where: string;
  code: string;
  /** The module that it is an example of. */
  module?: string;
}

/** What examples take as given. */
const WORLD: Record<string, string> = {
  tf: 'import * as tf from "@tensorflow/tfjs-node-gpu";',
  readFile: 'import { readFile } from "node:fs/promises";',
  dataset: "declare const dataset: AudioDataset;",
  model: 'declare const model: import("@tensorflow/tfjs-node-gpu").LayersModel;',
  records: "declare const records: Records;",
  split: "declare const split: Split;",
  samples: "declare const samples: Float32Array;",
  judged: "declare const judged: Judged[];",
  items: "declare const items: ExampleLike[];",
  notes: "declare const notes: Note[];",
  songs: "declare const songs: { singer: string; genre: string }[];",
  output: 'declare const output: import("@tensorflow/tfjs-node-gpu").Tensor;',
  label: "declare const label: Float32Array;",
  i: "declare const i: number;",
  bytes: "declare const bytes: Uint8Array;",
  index: "declare const index: DatasetIndex;",
  recipe: "declare const recipe: Recipe;",
  recipeRows: 'import { recipeRows } from "../../dist/generate/recipe.js";',
  readFileSync: 'import { readFileSync } from "node:fs";',
  writeFileSync: 'import { writeFileSync } from "node:fs";',
  prediction: "declare const prediction: Float32Array;",
};

const filesIn = (folder: string, end: string, recursive = false): string[] =>
  (readdirSync(join(root, folder), { recursive }) as string[])
    .filter((file) => file.endsWith(end))
    .map((file) => join(folder, file));
const sources = filesIn("src", ".ts", true);
const exportsOf = (module: string): string[] => Object.keys(require(join(root, "dist", module)));
const index = readFileSync(join(root, "src/index.ts"), "utf8") + readFileSync(join(root, "src/show/index.ts"), "utf8");
const library = new Set([
  ...exportsOf("index.js"),
  ...[...index.replaceAll("type ", "").matchAll(/[{,]\s*(\w+)/g)].map((match) => match[1]!),
]);

function docExamples(): Snippet[] {
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
        found.push({ where: `${file}:${line + 1}`, code: ts.getTextOfJSDocComment(comment) ?? "", module });
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return found;
}

const markdown = [".", "bench", "docs"].flatMap((folder) => filesIn(folder, ".md"));

function readmeExamples(): Snippet[] {
  return markdown.flatMap((file) =>
    [...readFileSync(join(root, file), "utf8").matchAll(/^```ts\n(.*?)^```/gms)].map((block, k) => ({
      where: `${file}, example ${k + 1}`,
      code: block[1]!,
    })),
  );
}

/** The example with what it takes as given in front. */
function wholeText({ code, module }: Snippet): string {
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

test("the API reference builds without a warning", () => {
  const bin = join(root, "node_modules/typedoc/bin/typedoc");
  const out = join(root, "build/docs");
  const text = execFileSync(process.execPath, [bin, "--out", out], { cwd: root, encoding: "utf8", stdio: "pipe" });
  assert.doesNotMatch(text, /warning|error/i);
  assert.ok(existsSync(join(out, "classes/AudioDataset.html")));
});

test("every example compiles", () => {
  const snippets = [...docExamples(), ...readmeExamples()];
  assert.ok(snippets.length > 40, `${snippets.length} examples`);
  const texts = new Map(
    snippets.map((snippet, k) => [join(root, "notebooks", `__example${k}__.ts`), wholeText(snippet)]),
  );
  const options: ts.CompilerOptions = {
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    target: ts.ScriptTarget.ES2022,
    lib: ["lib.es2022.d.ts"],
    esModuleInterop: true,
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: ["node"],
    typeRoots: [join(root, "node_modules/@types")],
  };
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (file) => texts.has(file) || fileExists(file);
  host.readFile = (file) => texts.get(file) ?? readFile(file);
  host.getSourceFile = (file, version, ...rest) =>
    texts.has(file)
      ? ts.createSourceFile(file, texts.get(file)!, version, true)
      : getSourceFile(file, version, ...rest);
  const files = [...texts.keys()];
  const problems = ts.getPreEmitDiagnostics(ts.createProgram(files, options, host)).map(({ file, messageText }) => {
    const k = files.indexOf(file?.fileName ?? "");
    return `${snippets[k]?.where ?? file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`;
  });
  assert.deepEqual(problems, []);
});

test("examples that say what they give are right", () => {
  const { ...names } = require(join(root, "dist/index.js")) as Record<string, unknown>;
  const lines = docExamples().flatMap(({ code, where, module }) =>
    code.split("\n").flatMap((line) => {
      const told = /^(?:const |let )?(\w+\(.*\).*?);? *\/\/ (-?[\d.]+(?: -?[\d.]+)*)$/.exec(line);
      const known = told && Object.keys(WORLD).every((name) => !new RegExp(`\\b${name}\\b`).test(told[1]!));
      return known ? [{ where, module: module!, expression: told[1]!, result: told[2]! }] : [];
    }),
  );
  assert.ok(lines.length >= 2, `${lines.length} lines`);
  for (const { where, module, expression, result } of lines) {
    const scope = { ...names, ...require(join(root, "dist", module)) } as Record<string, unknown>;
    const value: unknown = new Function(...Object.keys(scope), `return ${expression}`)(...Object.values(scope));
    assert.equal(
      ArrayBuffer.isView(value) ? Array.from(value as Float32Array).join(" ") : String(value),
      result,
      where,
    );
  }
});

test("relative links lead somewhere", () => {
  const texts = markdown.map((file) => ({ file, text: readFileSync(join(root, file), "utf8") }));
  for (const file of filesIn("notebooks", ".ipynb")) {
    const { cells } = JSON.parse(readFileSync(join(root, file), "utf8"));
    for (const { cell_type, source } of cells) {
      if (cell_type === "markdown") texts.push({ file, text: [source].flat().join("") });
    }
  }
  assert.ok(texts.length > 5);
  const missing = texts.flatMap(({ file, text }) =>
    [...text.matchAll(/\]\(([^)\s]+)\)/g)]
      .map((link) => link[1]!)
      .filter((link) => !/^[a-z]+:|^#/.test(link) && !existsSync(join(root, dirname(file), link.replace(/#.*/, ""))))
      .map((link) => `${relative(root, file) || file}: ${link}`),
  );
  assert.deepEqual(missing, []);
});
