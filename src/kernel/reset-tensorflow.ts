/** tfjs's state of work in progress, in the one engine of a process. */
interface Engine {
  state: { scopeStack: unknown[]; gradientDepth: number; kernelDepth: number; activeTape: unknown[] | null };
  endScope(): void;
}

/**
 * Brings tfjs back to what it is between two pieces of work, after code was ended by force in the midst of them:
 * no gradient is being recorded, and what `tidy` would have disposed of is disposed of.
 */
export function resetTensorFlow(): void {
  const engine = (globalThis as { _tfengine?: Engine })._tfengine;
  if (!engine) return;
  Object.assign(engine.state, { gradientDepth: 0, kernelDepth: 0, activeTape: null });
  while (engine.state.scopeStack.length > 0) engine.endScope();
}
