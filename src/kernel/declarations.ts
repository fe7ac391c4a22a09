import type ts from "typescript";
import type { Converted } from "./converted.js";

/** The part of tslab's converter that is told what earlier cells declared. */
export interface Converter {
  convert(declarations: string, code: string): Converted;
  inspect(declarations: string, code: string, position: number): unknown;
  complete(declarations: string, code: string, position: number): unknown;
}

/** A cell that runs. */
interface Running {
  /** Declarations before it and, should it end well, after it. */
  before: string;
  after: string;
  /** The variables as they were. */
  held: Record<string, unknown>;
}

/** tslab's variables: those of all cells. */
const variables = (): Record<string, unknown> =>
  (globalThis as unknown as { __tslab__: { exports: Record<string, unknown> } }).__tslab__.exports;

/**
 * Lets `converter` know what a cell declared before it failed or was interrupted, with its type; what it would have
 * declared later stays as it was. tslab forgets all of such a cell, and has unset the variables of those names.
 *
 * @returns what runs a cell: a function of `execute`, which tells whether the cell ended well
 */
export function keepDeclarations(
  typescript: typeof ts,
  converter: Converter,
): (execute: () => Promise<boolean>) => Promise<boolean> {
  const { convert, inspect, complete } = converter;
  let current = "";
  let running: Running | undefined;

  /** Takes over what the cell that ran last has left, where it didn't end well: it may have been ended by force. */
  function settle(): string {
    if (!running) return current;
    const { before, after, held } = running;
    running = undefined;
    const now = variables();
    const isNew = (name: string): boolean => now[name] !== undefined && now[name] !== held[name];
    const added = newDeclarations(typescript, before, after, isNew);
    for (const [name, value] of Object.entries(held)) if (now[name] === undefined) now[name] = value;
    const converted = added === "" ? undefined : convert(before, added);
    current = converted?.declOutput !== undefined && converted.diagnostics.length === 0 ? converted.declOutput : before;
    return current;
  }

  converter.convert = (_, code) => {
    const before = settle();
    const converted = convert(before, code);
    if (converted.diagnostics.length === 0)
      running = { before, after: converted.declOutput ?? "", held: { ...variables() } };
    return converted;
  };
  converter.inspect = (_, code, position) => inspect(running?.before ?? current, code, position);
  converter.complete = (_, code, position) => complete(running?.before ?? current, code, position);

  return async (execute) => {
    const ending = execute();
    const mine = running;
    const good = await ending;
    // A cell that was interrupted may end while a later one runs.
    if (mine && running === mine && good) {
      current = mine.after;
      running = undefined;
    }
    return good;
  };
}

/** Of the declarations `after` those that aren't in `before`, of types and of variables that `isNew` tells. */
function newDeclarations(
  typescript: typeof ts,
  before: string,
  after: string,
  isNew: (name: string) => boolean,
): string {
  const parse = (text: string): ts.SourceFile =>
    typescript.createSourceFile("cells.d.ts", text, typescript.ScriptTarget.ES2022, true);
  const old = new Set(parse(before).statements.map((statement) => statement.getText()));
  return parse(after)
    .statements.filter((statement) => !old.has(statement.getText()))
    .flatMap((statement) => {
      if (!typescript.isVariableStatement(statement))
        return namesOf(statement).every(isNew) ? [statement.getText()] : [];
      return statement.declarationList.declarations
        .filter(({ name }) => isNew(name.getText()))
        .map((declaration) => `declare ${keyword(statement)} ${declaration.getText()};`);
    })
    .join("\n");

  function keyword({ declarationList: { flags } }: ts.VariableStatement): string {
    return flags & typescript.NodeFlags.Const ? "const" : "let";
  }

  /** The variables that a statement declares; none for types. */
  function namesOf(statement: ts.Statement): string[] {
    if (typescript.isImportDeclaration(statement)) {
      const { name, namedBindings } = statement.importClause ?? {};
      if (statement.importClause?.isTypeOnly) return [];
      const named = !namedBindings
        ? []
        : typescript.isNamespaceImport(namedBindings)
          ? [namedBindings.name.text]
          : namedBindings.elements.filter(({ isTypeOnly }) => !isTypeOnly).map((element) => element.name.text);
      return name ? [name.text, ...named] : named;
    }
    const hasValue =
      typescript.isFunctionDeclaration(statement) ||
      typescript.isClassDeclaration(statement) ||
      typescript.isEnumDeclaration(statement);
    return hasValue && statement.name ? [statement.name.text] : [];
  }
}
