import type ts from "typescript";

/** What a block or a cell uses, to be ended with it in the opposite order. */
class Scope {
  private readonly ends: (() => unknown)[] = [];
  private failure: { error: unknown } | undefined;

  /** Takes a resource and returns it. @throws TypeError for a value that doesn't say how it ends */
  add<T>(value: T, isAsync: boolean): T {
    if (value === null || value === undefined) return value;
    const { [Symbol.dispose]: dispose, [Symbol.asyncDispose]: later } = value as Partial<Disposable & AsyncDisposable>;
    const end = isAsync ? (later ?? dispose) : dispose;
    if (typeof end !== "function") {
      const named = isAsync ? "[Symbol.asyncDispose] or [Symbol.dispose]" : "[Symbol.dispose]";
      throw new TypeError(`using: a value without a method ${named}, expected one that says how it ends`);
    }
    this.ends.push(() => end.call(value));
    return value;
  }

  /** Takes what ended the block. Of several errors the later holds the earlier, as the language says. */
  fail(error: unknown): void {
    const { failure } = this;
    if (failure) {
      const both = Object.assign(new Error("An error was suppressed during disposal"), {
        error,
        suppressed: failure.error,
        cause: error,
      });
      both.name = "SuppressedError";
      this.failure = { error: both };
    } else this.failure = { error };
  }

  /** Ends all. @throws what failed in the block or while ending */
  end(): void {
    for (let end = this.ends.pop(); end; end = this.ends.pop()) {
      try {
        end();
      } catch (error) {
        this.fail(error);
      }
    }
    this.raise();
  }

  /** As `end`, waiting for each. */
  async endLater(): Promise<void> {
    for (let end = this.ends.pop(); end; end = this.ends.pop()) {
      try {
        await end();
      } catch (error) {
        this.fail(error);
      }
    }
    this.raise();
  }

  private raise(): void {
    const { failure } = this;
    this.failure = undefined;
    if (failure) throw failure.error;
  }
}

/** By this name compiled cells find scopes. */
const NAME = "deep-audio-dataset.scopes";

let cell = new Scope();

/** Gives cells what their `using` declarations need. */
export function provideScopes(): void {
  Object.assign(globalThis, { [Symbol.for(NAME)]: { open: () => new Scope(), cell: () => cell } });
}

/** Ends what the cell that ran used outside of blocks. @throws what fails while ending */
export async function endCellScope(): Promise<void> {
  const ended = cell;
  cell = new Scope();
  await ended.endLater();
}

/** Makes the code of scopes. */
export interface ScopeFactory {
  /** The scope of the cell. */
  cellScope(): ts.Expression;
  added(scope: ts.Expression, value: ts.Expression, isAsync: boolean): ts.Expression;
  constants(name: ts.BindingName, value?: ts.Expression): ts.VariableDeclarationList;
  constant(name: ts.BindingName, value: ts.Expression): ts.Statement;
  /** Statements in a scope that ends with them. */
  scoped(scope: ts.Identifier, inside: readonly ts.Statement[], isAsync: boolean): ts.Statement[];
}

/** The code of scopes, as trees of this TypeScript's. */
export function scopeFactory({ factory, NodeFlags }: typeof ts): ScopeFactory {
  const call = (on: ts.Expression, name: string, ...given: ts.Expression[]): ts.Expression =>
    factory.createCallExpression(factory.createPropertyAccessExpression(on, name), undefined, given);
  const all = (): ts.Expression =>
    factory.createElementAccessExpression(
      factory.createIdentifier("globalThis"),
      call(factory.createIdentifier("Symbol"), "for", factory.createStringLiteral(NAME)),
    );
  const constants: ScopeFactory["constants"] = (name, value) =>
    factory.createVariableDeclarationList(
      [factory.createVariableDeclaration(name, undefined, undefined, value)],
      NodeFlags.Const,
    );
  const constant: ScopeFactory["constant"] = (name, value) =>
    factory.createVariableStatement(undefined, constants(name, value));
  const block = (...statements: ts.Statement[]): ts.Block => factory.createBlock(statements, true);
  return {
    cellScope: () => call(all(), "cell"),
    added: (scope, value, isAsync) => call(scope, "add", value, isAsync ? factory.createTrue() : factory.createFalse()),
    constants,
    constant,
    scoped: (scope, inside, isAsync) => {
      const error = factory.createUniqueName("error");
      const ended = call(scope, isAsync ? "endLater" : "end");
      const failed = factory.createExpressionStatement(call(scope, "fail", error));
      const end = factory.createExpressionStatement(isAsync ? factory.createAwaitExpression(ended) : ended);
      return [
        constant(scope, call(all(), "open")),
        factory.createTryStatement(
          block(...inside),
          factory.createCatchClause(factory.createVariableDeclaration(error), block(failed)),
          block(end),
        ),
      ];
    },
  };
}
