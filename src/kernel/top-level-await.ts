import type ts from "typescript";

/**
 * Whether a cell awaits outside of its functions.
 *
 * tslab finds that by an error of TypeScript's, which is missing for `await (…)` and `for await`: such cells would run
 * without being waited for.
 */
export function awaits(typescript: typeof ts, code: string): boolean {
  if (!code.includes("await")) return false;
  // As a module, since elsewhere `await (…)` is a call.
  const file = typescript.createSourceFile("cell.ts", `export {};\n${code}`, typescript.ScriptTarget.ES2022);
  const visit = (node: ts.Node): boolean => {
    if (typescript.isAwaitExpression(node)) return true;
    if (typescript.isForOfStatement(node) && node.awaitModifier) return true;
    if (typescript.isFunctionLike(node) || typescript.isClassLike(node)) return false;
    return typescript.forEachChild(node, (child) => visit(child) || undefined) ?? false;
  };
  return visit(file);
}
