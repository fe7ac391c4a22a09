/** A cell as tslab compiled it. */
export interface Converted {
  diagnostics: Diagnostic[];
  hasToplevelAwait: boolean;
  /** What this cell and those before it declare. */
  declOutput?: string;
  /** Files that the cell imports and that are compiled with it. */
  sideOutputs?: { path: string; data: string }[];
}

/** An error that tslab found, its place counted from 0. */
export interface Diagnostic {
  start: { line: number; character: number };
  messageText: string;
  code: number;
  fileName?: string;
}
