// Types are checked where no build looks at them: in tests and benchmarks, which run without their types, and in what
// public functions take.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import ts from "typescript";
import { root } from "../support/python.js";

const program = ts.createProgram([join(root, "dist/index.d.ts")], {
  module: ts.ModuleKind.NodeNext,
  target: ts.ScriptTarget.ES2022,
  strict: true,
  skipLibCheck: true,
  types: ["node"],
});
const checker = program.getTypeChecker();
const isOurs = (symbol: ts.Symbol | undefined): boolean =>
  symbol?.declarations?.some((d) => d.getSourceFile().fileName.startsWith(join(root, "dist"))) ?? false;
const typeOf = (symbol: ts.Symbol): ts.Type =>
  checker.getTypeOfSymbolAtLocation(symbol, symbol.valueDeclaration ?? symbol.declarations![0]!);

/** What comes from the library alone, so that nobody has one made of lists of their own. */
const PRODUCTS = ["Records", "BuildPlan"];

/** Mutable arrays in what is taken: in the type, its members and theirs; functions that are taken are called, so left out. */
function mutableIn(type: ts.Type, path: string, seen: ReadonlySet<ts.Type> = new Set()): string[] {
  if (seen.has(type)) return [];
  const deeper = new Set([...seen, type]);
  if (type.isUnionOrIntersection()) return type.types.flatMap((part) => mutableIn(part, path, deeper));
  if (checker.isTupleType(type) || checker.isArrayType(type)) {
    const reference = type as ts.TypeReference;
    const readonly = checker.isTupleType(type)
      ? (reference.target as ts.TupleType).readonly
      : type.symbol.name === "ReadonlyArray";
    const elements = checker.getTypeArguments(reference).flatMap((part) => mutableIn(part, `${path}[]`, deeper));
    return readonly ? elements : [path, ...elements];
  }
  const symbol = type.aliasSymbol ?? type.symbol;
  if (type.getCallSignatures().length > 0 || !isOurs(symbol) || PRODUCTS.includes(symbol.name)) return [];
  return type
    .getProperties()
    .filter((property) => isOurs(property))
    .flatMap((property) => mutableIn(typeOf(property), `${path}.${property.name}`, deeper));
}

/** What the functions of a type take, its methods and constructors included. */
function takenBy(type: ts.Type, path: string, depth = 0): string[] {
  const own = [...type.getCallSignatures(), ...type.getConstructSignatures()].flatMap((signature) => [
    ...signature.parameters.flatMap((p) => mutableIn(typeOf(p), `${path}(${p.name})`)),
    ...(depth === 0 ? takenBy(signature.getReturnType(), `${path}()`, 1) : []),
  ]);
  if (!isOurs(type.symbol) || depth > 1) return own;
  const members = type.getProperties().filter((p) => isOurs(p) && typeOf(p).getCallSignatures().length > 0);
  return [...own, ...members.flatMap((p) => takenBy(typeOf(p), `${path}.${p.name}`, 2))];
}

test("tests and benchmarks have no error of types", () => {
  const args = [join(root, "node_modules/typescript/bin/tsc"), "-p", join(root, "test")];
  const run = spawnSync(process.execPath, args, { encoding: "utf8" });
  assert.equal(run.status, 0, run.stdout + run.stderr);
});

// A caller's frozen list (`as const`, a readonly parameter of its own) is as good as any other.
test("no public function asks for an array that it may change", () => {
  const module = checker.getSymbolAtLocation(program.getSourceFile(join(root, "dist/index.d.ts"))!)!;
  const values = checker.getExportsOfModule(module).filter((symbol) => {
    const { flags } = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    return flags & (ts.SymbolFlags.Function | ts.SymbolFlags.Class | ts.SymbolFlags.Variable);
  });
  assert.ok(values.length > 40, `${values.length} exports`);
  assert.deepEqual([...new Set(values.flatMap((symbol) => takenBy(typeOf(symbol), symbol.name)))], []);
});
