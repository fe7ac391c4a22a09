import { isAbsolute } from "node:path";
import type ts from "typescript";
import type { Converted } from "./converted.js";

/** "File … is not under 'rootDir'": said of each file that a cell imports from outside the notebook's folder. */
export const NOT_UNDER_ROOT = 6059;

const SOURCE = /^(\.{1,2}\/.*)\.([cm]?)tsx?$/;

/** Compiled files from outside the notebook's folder, for which tslab has no place. */
let outside: { path: string; data: string }[] = [];

/** Makes what tslab's compiler host emits of files outside the notebook's folder known to `addOutside`; `before` transforms all. */
export function keepOutside<
  T extends { afterProgramCreate?: (builder: ts.EmitAndSemanticDiagnosticsBuilderProgram) => void },
>(host: T, toCommonJs: (code: string) => string, before: ts.TransformerFactory<ts.SourceFile>): T {
  let created: T["afterProgramCreate"];
  return Object.defineProperty(host, "afterProgramCreate", {
    get: () => created,
    set: (callback: NonNullable<T["afterProgramCreate"]>) => {
      created = (builder) => {
        const { emit } = builder;
        builder.emit = (file, write, cancel, onlyDeclarations, transformers) =>
          emit.call(
            builder,
            file,
            (path, data, ...more) => {
              if (!isAbsolute(path)) write!(path, data, ...more);
              else if (path.endsWith(".js")) outside.push({ path, data: toCommonJs(data) });
            },
            cancel,
            onlyDeclarations,
            { ...transformers, before: [...(transformers?.before ?? []), before] },
          );
        callback(builder);
      };
    },
  });
}

/** Adds to a compiled cell what it imports from outside the notebook's folder. */
export function addOutside(converted: Converted): void {
  if (outside.length > 0) converted.sideOutputs = [...(converted.sideOutputs ?? []), ...outside];
  outside = [];
}

/** Lets `import "./file.ts"` find what was compiled of it, as `"./file"` does. */
export function importedSources(typescript: typeof ts): ts.TransformerFactory<ts.SourceFile> {
  return (context) => (file) => {
    const visit = (node: ts.Node): ts.Node => {
      const named =
        typescript.isImportDeclaration(node) || typescript.isExportDeclaration(node)
          ? node.moduleSpecifier
          : typescript.isCallExpression(node) && node.expression.kind === typescript.SyntaxKind.ImportKeyword
            ? node.arguments[0]
            : undefined;
      const visited = typescript.visitEachChild(node, visit, context);
      if (!named || !typescript.isStringLiteral(named) || !SOURCE.test(named.text)) return visited;
      const found = context.factory.createStringLiteral(named.text.replace(SOURCE, "$1.$2js"));
      return typescript.visitEachChild(visited, (child) => (child === named ? found : child), context);
    };
    return typescript.visitEachChild(file, visit, context);
  };
}

/** A cell without the word `export` before its declarations: all that a cell declares is there for the next. */
export function withoutExport(typescript: typeof ts, code: string): string {
  if (!code.includes("export")) return code;
  const file = typescript.createSourceFile("cell.ts", code, typescript.ScriptTarget.ES2022, true);
  let plain = code;
  // In place of what is left out come blanks, so that places stay.
  const blank = (from: number, to: number): void => {
    plain = plain.slice(0, from) + plain.slice(from, to).replace(/[^\n]/g, " ") + plain.slice(to);
  };
  for (const statement of file.statements) {
    const { SyntaxKind } = typescript;
    if (typescript.isExportDeclaration(statement) && !statement.moduleSpecifier) {
      blank(statement.getStart(), statement.end);
      continue;
    }
    const modifiers = typescript.canHaveModifiers(statement) ? (typescript.getModifiers(statement) ?? []) : [];
    for (const { kind, end } of modifiers) {
      if (kind === SyntaxKind.ExportKeyword) blank(end - "export".length, end);
      if (kind === SyntaxKind.DefaultKeyword) blank(end - "default".length, end);
    }
    if (typescript.isExportAssignment(statement)) blank(statement.getStart(), statement.expression.getStart());
  }
  return plain;
}
