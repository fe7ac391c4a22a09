import type ts from "typescript";

/**
 * Lets `{ name }` find a variable of an earlier cell.
 *
 * tslab turns such variables into `exports.name`, except where an object's property has the variable's name for its
 * value: that fails with "name is not defined". Names that the cell declares itself are left alone.
 */
export function shorthandProperties(typescript: typeof ts): ts.TransformerFactory<ts.SourceFile> {
  const { factory } = typescript;
  return (context) => (file) => {
    let own = declaredNames(typescript, file);
    const visit = (node: ts.Node): ts.Node => {
      if (typescript.isFunctionLike(node)) {
        const outer = own;
        own = new Set([...outer, ...declaredNames(typescript, node)]);
        const visited = typescript.visitEachChild(node, visit, context);
        own = outer;
        return visited;
      }
      // What stands left of an assignment is a pattern, not an object.
      if (typescript.isBinaryExpression(node) && node.operatorToken.kind === typescript.SyntaxKind.EqualsToken) {
        const right = typescript.visitNode(node.right, visit) as ts.Expression;
        return factory.updateBinaryExpression(node, node.left, node.operatorToken, right);
      }
      if (
        !typescript.isShorthandPropertyAssignment(node) ||
        node.objectAssignmentInitializer ||
        own.has(node.name.text)
      ) {
        return typescript.visitEachChild(node, visit, context);
      }
      const { text } = node.name;
      const name = (): ts.Identifier => factory.createIdentifier(text);
      const earlier = factory.createPropertyAccessExpression(factory.createIdentifier("exports"), text);
      const isEarlier = factory.createBinaryExpression(
        factory.createStringLiteral(text),
        typescript.SyntaxKind.InKeyword,
        factory.createIdentifier("exports"),
      );
      const value = factory.createConditionalExpression(isEarlier, undefined, earlier, undefined, name());
      return typescript.setTextRange(factory.createPropertyAssignment(text, value), node);
    };
    return typescript.visitEachChild(file, visit, context);
  };
}

/** The names that a file or a function declares: variables, parameters, functions, classes, imports; not those of inner functions. */
function declaredNames(typescript: typeof ts, scope: ts.Node): Set<string> {
  const names = new Set<string>();
  const visit = (node: ts.Node): void => {
    const { name } = node as { name?: ts.Node };
    const declares =
      typescript.isVariableDeclaration(node) ||
      typescript.isParameter(node) ||
      typescript.isBindingElement(node) ||
      typescript.isFunctionLike(node) ||
      typescript.isClassLike(node) ||
      typescript.isImportClause(node) ||
      typescript.isImportSpecifier(node) ||
      typescript.isNamespaceImport(node);
    if (declares && name && typescript.isIdentifier(name)) names.add(name.text);
    if (!typescript.isFunctionLike(node)) typescript.forEachChild(node, visit);
  };
  typescript.forEachChild(scope, visit);
  return names;
}
