import type ts from "typescript";
import { scopeFactory } from "./scopes.js";

/** A cell whose `using` reads `const`, every place as it was. */
export interface PlainUsing {
  code: string;
  /** Where the declarations begin that were `using` ones, and whether they were `await using`. */
  places: ReadonlyMap<number, boolean>;
  /** Whether one of them is awaited outside of functions. */
  awaits: boolean;
}

/** What stands behind `using` where it begins a declaration. */
const DECLARED = /^[ \t]+(?!(?:in|instanceof|of|as|satisfies)\b)[\p{ID_Start}$_]/u;

/**
 * Lets tslab's TypeScript, which is older than `using` and `await using`, read a cell with them: as constants, whose
 * disposal `disposing` adds. Where no such declaration may stand, it stays and is an error of syntax.
 */
export function plainUsing(typescript: typeof ts, code: string): PlainUsing {
  const places = new Map<number, boolean>();
  if (!/\busing\b/.test(code)) return { code, places, awaits: false };
  const parse = (text: string): ts.SourceFile =>
    typescript.createSourceFile("cell.ts", text, typescript.ScriptTarget.ES2022, true);
  const put = (text: string, at: number, word: string): string =>
    text.slice(0, at) + word + text.slice(at + word.length);
  let plain = code;
  const given = new Map<number, { from: number; word: string; isAsync: boolean }>();
  const find = (node: ts.Node): void => {
    typescript.forEachChild(node, find);
    if (!typescript.isIdentifier(node) || node.text !== "using" || !DECLARED.test(code.slice(node.end))) return;
    const at = node.getStart();
    const [before] = /\bawait[ \t]+$/.exec(code.slice(0, at)) ?? [""];
    plain = put(put(plain, at, " ".repeat(5)), at - before.length, "const".padEnd(before.length));
    given.set(at - before.length, { from: at - before.length, word: `${before}using`, isAsync: before !== "" });
  };
  find(parse(code));
  let awaits = false;
  const check = (node: ts.Node): void => {
    typescript.forEachChild(node, check);
    if (!typescript.isVariableDeclarationList(node)) return;
    const found = given.get(node.getStart());
    if (!found || !mayUse(typescript, node)) return;
    given.delete(found.from);
    places.set(found.from, found.isAsync);
    let above: ts.Node = node;
    while (above.parent && !typescript.isFunctionLike(above)) above = above.parent;
    awaits ||= found.isAsync && typescript.isSourceFile(above);
  };
  check(parse(plain));
  for (const { from, word } of given.values()) plain = put(plain, from, word);
  return { code: plain, places, awaits };
}

/** Whether the constants may be `using` ones: in a block, or in the head of `for … of`. */
function mayUse(typescript: typeof ts, { parent }: ts.VariableDeclarationList): boolean {
  if (typescript.isForOfStatement(parent)) return true;
  const block = typescript.isVariableStatement(parent) ? parent.parent : undefined;
  return block !== undefined && (typescript.isSourceFile(block) || typescript.isBlock(block));
}

/** What tslab puts before a cell. */
const PREFIX = "export {};\n".length;

/** The `using` declarations of the cell that is compiled. */
let latest: PlainUsing["places"] = new Map();

/** As `plainUsing`, of the cell that is compiled next. */
export function useInCell(typescript: typeof ts, code: string): PlainUsing {
  const plain = plainUsing(typescript, code);
  latest = plain.places;
  return plain;
}

/** Makes the `using` declarations of the cell that is compiled end what they declare; leaves other files alone. */
export function usingOfCell(typescript: typeof ts): ts.TransformerFactory<ts.SourceFile> {
  const transform = disposing(typescript, (at) => latest.get(at - PREFIX));
  return (context) => {
    const inCell = transform(context);
    return (file) => (latest.size > 0 && file.fileName.endsWith("/__tslab__.ts") ? inCell(file) : file);
  };
}

/**
 * Adds to a compiled cell what ends the resources that it uses: those of a block with the block, those outside of blocks
 * with the cell, which then leaves the names to the cells after it.
 * @param place tells whether a declaration that begins there is a `using` one, and whether it is awaited
 */
function disposing(
  typescript: typeof ts,
  place: (at: number) => boolean | undefined,
): ts.TransformerFactory<ts.SourceFile> {
  const { factory } = typescript;
  return (context) => (file) => {
    const made = scopeFactory(typescript);
    const asyncOf = (list: ts.Node): boolean | undefined =>
      typescript.isVariableDeclarationList(list) ? place(list.getStart(file)) : undefined;
    const used = (statement: ts.Node): boolean | undefined =>
      typescript.isVariableStatement(statement) ? asyncOf(statement.declarationList) : undefined;
    const addTo = (scope: ts.Expression, statement: ts.Statement, isAsync: boolean | undefined): ts.Statement => {
      if (isAsync === undefined || !typescript.isVariableStatement(statement)) return statement;
      const { modifiers, declarationList } = statement;
      const declarations = declarationList.declarations.map((declaration) =>
        factory.updateVariableDeclaration(
          declaration,
          declaration.name,
          declaration.exclamationToken,
          declaration.type,
          made.added(scope, declaration.initializer ?? factory.createVoidZero(), isAsync),
        ),
      );
      const list = factory.updateVariableDeclarationList(declarationList, declarations);
      return factory.updateVariableStatement(statement, modifiers, list);
    };
    const visit = (node: ts.Node): ts.Node => {
      if (typescript.isBlock(node)) {
        const kinds = node.statements.map(used);
        const visited = typescript.visitEachChild(node, visit, context);
        if (kinds.every((kind) => kind === undefined)) return visited;
        const scope = factory.createUniqueName("scope");
        const inside = visited.statements.map((statement, i) => addTo(scope, statement, kinds[i]));
        return factory.updateBlock(visited, made.scoped(scope, inside, kinds.includes(true)));
      }
      const isAsync = typescript.isForOfStatement(node) ? asyncOf(node.initializer) : undefined;
      const visited = typescript.visitEachChild(node, visit, context);
      if (isAsync === undefined || !typescript.isForOfStatement(visited)) return visited;
      const [scope, each] = [factory.createUniqueName("scope"), factory.createUniqueName("each")];
      const { name } = (visited.initializer as ts.VariableDeclarationList).declarations[0]!;
      const inside = [made.constant(name, made.added(scope, each, isAsync)), visited.statement];
      const body = factory.createBlock(made.scoped(scope, inside, isAsync), true);
      return factory.updateForOfStatement(
        visited,
        visited.awaitModifier,
        made.constants(each),
        visited.expression,
        body,
      );
    };
    const kinds = file.statements.map(used);
    const visited = typescript.visitEachChild(file, visit, context);
    const statements = visited.statements.map((statement, i) => addTo(made.cellScope(), statement, kinds[i]));
    return factory.updateSourceFile(visited, statements);
  };
}
