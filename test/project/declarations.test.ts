// What a user's compiler reads. Notebooks compile with the TypeScript inside tslab (5.0.4), which turns declarations it can't read into `any` without
// a word. Here the public declarations are read by that very compiler, with its options, and nothing may be lost.
import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type tsType from "typescript";
import projectTs from "typescript";
import { root } from "../support/python.js";

const fromTslab = createRequire(require.resolve("tslab/dist/main.js"));
const ts = fromTslab("@tslab/typescript-for-tslab") as typeof tsType;
const folder = join(root, "notebooks");

function compile(source: string): { program: tsType.Program; entry: string; errors: string[] } {
  const entry = join(folder, "__check__.ts");
  const options: tsType.CompilerOptions = {
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Node10,
    esModuleInterop: true,
    target: ts.ScriptTarget.ES2022,
    lib: ["lib.es2022.d.ts"],
    noEmit: true,
    // tslab itself skips them, and so never says what it could not read.
    skipLibCheck: false,
    typeRoots: [join(root, "node_modules/@types")],
  };
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.getCurrentDirectory = () => folder;
  host.fileExists = (file) => file === entry || fileExists(file);
  host.readFile = (file) => (file === entry ? source : readFile(file));
  host.getSourceFile = (file, version, ...rest) =>
    file === entry ? ts.createSourceFile(file, source, version, true) : getSourceFile(file, version, ...rest);
  const program = ts.createProgram([entry], options, host);
  const errors = ts
    .getPreEmitDiagnostics(program)
    .filter(({ file }) => file && (file.fileName === entry || file.fileName.startsWith(join(root, "dist"))))
    .map(({ file, messageText }) => `${file!.fileName}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`);
  return { program, entry, errors };
}

const whole = compile('import * as library from "deep-audio-dataset"; export const all = library;');

test("the public declarations have no error under tslab's TypeScript", () => {
  assert.equal(ts.version, "5.0.4");
  assert.deepEqual(whole.errors, []);
});

test("a wrong use of the library is an error there, so its types do arrive", () => {
  const { errors } = compile(
    'import { AudioDataset } from "deep-audio-dataset"; export const d: number = new AudioDataset("./data", "name");',
  );
  assert.equal(errors.length, 1);
  assert.match(errors[0]!, /Type 'AudioDataset' is not assignable to type 'number'/);
});

test("nothing that is exported is any, in its parameters, results and members", () => {
  const { program, entry } = whole;
  const checker = program.getTypeChecker();
  const [symbol] = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(entry)!)!);
  const lost: string[] = [];
  const seen = new Set<tsType.Type>();
  const visit = (type: tsType.Type, path: string, depth: number): void => {
    if (type.flags & ts.TypeFlags.Any) lost.push(path);
    if (depth > 4 || seen.has(type)) return;
    seen.add(type);
    const ours = type.symbol?.declarations?.some((d) => d.getSourceFile().fileName.startsWith(join(root, "dist")));
    if (!ours && depth > 0 && type.getCallSignatures().length === 0) {
      for (const argument of checker.getTypeArguments(type as tsType.TypeReference))
        visit(argument, `${path}<>`, depth + 1);
      return;
    }
    for (const signature of [...type.getCallSignatures(), ...type.getConstructSignatures()]) {
      for (const parameter of signature.getParameters()) {
        const declaration = parameter.valueDeclaration;
        if (declaration)
          visit(checker.getTypeOfSymbolAtLocation(parameter, declaration), `${path}(${parameter.name})`, depth + 1);
      }
      visit(signature.getReturnType(), `${path}()`, depth + 1);
    }
    for (const property of type.getProperties()) {
      const declaration = property.valueDeclaration ?? property.declarations?.[0];
      if (!declaration?.getSourceFile().fileName.startsWith(join(root, "dist"))) continue;
      if (ts.getCombinedModifierFlags(declaration as tsType.Declaration) & ts.ModifierFlags.Private) continue;
      visit(checker.getTypeOfSymbolAtLocation(property, declaration), `${path}.${property.name}`, depth + 1);
    }
  };
  const all = checker.getTypeOfSymbolAtLocation(symbol!, symbol!.valueDeclaration!);
  assert.ok(all.getProperties().length > 5, "the library exports nothing");
  visit(all, "library", 0);
  assert.deepEqual(lost, []);
});

/** A folder as a user has it: the library's published declarations among the packages that it depends on, linked. */
function userProject(): string {
  const folder = mkdtempSync(join(tmpdir(), "user-"));
  const modules = join(folder, "node_modules");
  mkdirSync(join(modules, "deep-audio-dataset"), { recursive: true });
  for (const part of ["package.json", "dist"])
    cpSync(join(root, part), join(modules, "deep-audio-dataset", part), { recursive: true });
  for (const name of readdirSync(join(root, "node_modules"))) {
    if (name.startsWith(".") || name === "deep-audio-dataset") continue;
    symlinkSync(join(root, "node_modules", name), join(modules, name), "dir");
  }
  return folder;
}

const PROGRAM = `
import { AudioDataset, batches, openRecords, splitExamples, type Augment, type LoadOptions } from "deep-audio-dataset";
const waves = ["sin", "saw"] as const;
const gain: readonly [number, number] = [-6, 6];
export async function main(augmented: boolean, options: LoadOptions): Promise<readonly string[]> {
  const dataset = new AudioDataset("./data", "set");
  await dataset.generate(10, 100, 200, { waves, duration: 0.1 });
  const augment: Augment | undefined = augmented ? { gain } : undefined;
  await dataset.load({ ...options, augment });
  const records = await openRecords("./data", "set");
  const { train } = splitExamples(records.count, { groups: records.groups, seed: 1 });
  const { inputSize } = records.manifest;
  await batches(records, train, { inputSize, seed: 1 }).forEachAsync(({ xs }) => xs.dispose());
  return dataset.labels ?? [];
}
// @ts-expect-error: the library's types arrive, so what isn't an option is an error
export const wrong = new AudioDataset("./data", "set").load({ batchSise: 3 });
`;

for (const [name, module, moduleResolution] of [
  ["nodenext", projectTs.ModuleKind.NodeNext, projectTs.ModuleResolutionKind.NodeNext],
  ["bundler", projectTs.ModuleKind.ESNext, projectTs.ModuleResolutionKind.Bundler],
] as const) {
  test(`the declarations compile in a user's strict project, module ${name}, library checks on`, (t) => {
    const user = userProject();
    t.after(() => rmSync(user, { recursive: true, force: true }));
    const entry = join(user, "main.ts");
    writeFileSync(entry, PROGRAM);
    writeFileSync(join(user, "package.json"), JSON.stringify({ name: "user", type: "module" }));
    const program = projectTs.createProgram([entry], {
      module,
      moduleResolution,
      target: projectTs.ScriptTarget.ES2022,
      lib: ["lib.es2022.d.ts"],
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      noPropertyAccessFromIndexSignature: true,
      verbatimModuleSyntax: true,
      isolatedModules: true,
      skipLibCheck: false,
      noEmit: true,
      types: ["node"],
      typeRoots: [join(user, "node_modules/@types")],
    });
    const read = program.getSourceFiles().filter(({ fileName }) => fileName.startsWith(user));
    assert.ok(read.length > 20, "the copy's declarations weren't read");
    const errors = [
      ...program.getOptionsDiagnostics(),
      ...read.flatMap((file) => projectTs.getPreEmitDiagnostics(program, file)),
    ].map(({ file, messageText }) => `${file?.fileName}: ${projectTs.flattenDiagnosticMessageText(messageText, " ")}`);
    assert.deepEqual(errors, []);
  });
}
