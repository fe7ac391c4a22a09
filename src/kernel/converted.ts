/** A cell as tslab compiled it. */
export interface Converted {
  diagnostics: unknown[];
  hasToplevelAwait: boolean;
  /** What this cell and those before it declare. */
  declOutput?: string;
  /** Files that the cell imports and that are compiled with it. */
  sideOutputs?: { path: string; data: string }[];
}
