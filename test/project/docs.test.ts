// What people read must be true: the site builds without a warning, examples compile (and give what they say),
// links lead somewhere, and every export has a docstring.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import ts from "typescript";
import { launchBrowser, noBrowser } from "../support/lab.js";
import { npmPackages } from "../support/licences.js";
import { root } from "../support/python.js";
import { guidePrograms } from "../support/guides.js";
import { docExamples, filesIn, markdown, readmeExamples, WORLD, wholeText } from "../support/snippets.js";

test("the site builds without a warning, and works without a server or a network", async () => {
  const bin = join(root, "node_modules/typedoc/bin/typedoc");
  const out = join(root, "build/docs");
  const text = execFileSync(process.execPath, [bin, "--out", out], { cwd: root, encoding: "utf8", stdio: "pipe" });
  assert.doesNotMatch(text, /warning|error/i);
  const pages = (readdirSync(out, { recursive: true }) as string[]).filter((file) => file.endsWith(".html"));
  assert.ok(pages.includes("index.html") && pages.includes("classes/API.AudioDataset.html") && pages.length > 200);
  const ids = new Map(pages.map((page) => [page, idsOf(readFileSync(join(out, page), "utf8"))]));
  const wrong = pages.flatMap((page) =>
    [...readFileSync(join(out, page), "utf8").matchAll(/<(\w+)[^>]*? (?:href|src)="([^"]*)"/g)]
      .filter(([, tag, link]) => !leads(ids, page, tag!, link!, out))
      .map(([, tag, link]) => `${page}: ${tag} ${link}`),
  );
  assert.deepEqual(wrong.slice(0, 20), []);
});

const idsOf = (html: string): Set<string> => new Set(Array.from(html.matchAll(/ id="([^"]*)"/g), (match) => match[1]!));

/** Whether a link of a page leads to a file, and to a place in it; what a page loads must be among the files. */
function leads(ids: Map<string, Set<string>>, page: string, tag: string, link: string, out: string): boolean {
  if (/^(https?|data):/.test(link)) return tag === "a";
  const [path, anchor] = decodeURI(link.replaceAll("&amp;", "&")).split("#") as [string, string?];
  const target = path === "" ? page : join(dirname(page), path);
  if (!existsSync(join(out, target))) return false;
  return !anchor || !ids.has(target) || ids.get(target)!.has(anchor);
}

test("the site's pages fit a phone and a desk, and its search finds an error message", {
  skip: noBrowser,
}, async () => {
  const browser = await launchBrowser();
  try {
    const page = await browser.newPage();
    const open = (file: string): Promise<unknown> => page.goto(pathToFileURL(join(root, "build/docs", file)).href);
    const documents = filesIn("build/docs/documents", ".html").map((file) => file.replace("build/docs/", ""));
    const wide: string[] = [];
    for (const width of [390, 1200]) {
      await page.setViewportSize({ width, height: 900 });
      for (const file of ["index.html", "classes/API.AudioDataset.html", ...documents]) {
        await open(file);
        const found = await page.evaluate("document.documentElement.scrollWidth");
        if ((found as number) > width) wide.push(`${file}: ${found}, expected ${width}`);
      }
    }
    assert.deepEqual(wide, []);
    await open("index.html");
    await page.click("#tsd-search-trigger");
    await page.locator("#tsd-search-input").fill("held by expected nobody");
    await page.locator("#tsd-search-results").getByText("Troubleshooting").waitFor();
  } finally {
    await browser.close();
  }
});

test("every example compiles", () => {
  const snippets = [...docExamples(), ...readmeExamples(), ...guidePrograms()];
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
    exactOptionalPropertyTypes: true,
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
      const told = /^(?:const |let )?([\w.]+\(.*\).*?);? *\/\/ (-?[\d.]+(?: -?[\d.]+)*)$/.exec(line);
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

test("every export has a docstring", () => {
  const files = ["src/index.ts", "src/show/index.ts"].map((file) => join(root, file));
  const options = { module: ts.ModuleKind.Node16, target: ts.ScriptTarget.ES2022, noEmit: true, skipLibCheck: true };
  const program = ts.createProgram(files, options);
  const checker = program.getTypeChecker();
  const bare: string[] = [];
  let count = 0;
  for (const file of files) {
    for (const found of checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(file)!)!)) {
      const symbol = found.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(found) : found;
      const tags = symbol.getJsDocTags(checker);
      // A namespace's text stands at its module's head; a deprecated name points at the new one.
      const said = symbol.getDocumentationComment(checker).length > 0 || tags.some(({ name }) => name === "deprecated");
      if (!said && !(symbol.flags & ts.SymbolFlags.ValueModule)) bare.push(found.name);
      count++;
    }
  }
  assert.ok(count > 100, `${count} exports`);
  assert.deepEqual(bare, []);
});

test("the README fits on a few screens", () => {
  assert.ok(readFileSync(join(root, "README.md"), "utf8").split("\n").length <= 121);
});

/** The name by which a heading is linked to, as GitHub and the site make it. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(" ", "-");

test("relative links lead somewhere, to a heading that is there", () => {
  const texts = markdown.map((file) => ({ file, text: readFileSync(join(root, file), "utf8") }));
  for (const file of filesIn("notebooks", ".ipynb")) {
    const { cells } = JSON.parse(readFileSync(join(root, file), "utf8"));
    for (const { cell_type, source } of cells) {
      if (cell_type === "markdown") texts.push({ file, text: [source].flat().join("") });
    }
  }
  assert.ok(texts.length > 30);
  const leads = (file: string, link: string): boolean => {
    const [path, anchor] = link.split("#") as [string, string?];
    const target = path === "" ? file : join(dirname(file), path);
    if (!existsSync(join(root, target))) return false;
    if (anchor === undefined) return true;
    const headings = [...readFileSync(join(root, target), "utf8").matchAll(/^#+ (.*)$/gm)];
    return headings.some(([, heading]) => anchorOf(heading!) === anchor);
  };
  const missing = texts.flatMap(({ file, text }) =>
    [...text.replace(/^```.*?^```/gms, "").matchAll(/\]\(([^)\s]+)\)/g)]
      .map((link) => link[1]!)
      .filter((link) => !/^[a-z]+:/.test(link) && !leads(file, link))
      .map((link) => `${file}: ${link}`),
  );
  assert.deepEqual(missing, []);
});

test("the list of licences names every npm package that users get", () => {
  const page = readFileSync(join(root, "docs/licences.md"), "utf8");
  const missing = npmPackages().filter(
    ({ name, version, licence }) => !page.includes(`| ${name} | ${version} | ${licence} |`),
  );
  assert.deepEqual(missing, [], "run npm run licences");
  assert.ok(npmPackages().length > 50 && !npmPackages().some(({ name }) => name === "tar"));
});
