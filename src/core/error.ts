/** Stable names of what can go wrong; tests and callers match on these, people read the message. */
export type ErrorCode =
  | "OPTION"
  | "FILE"
  | "FORMAT"
  | "INDEX"
  | "LABEL"
  | "CHECK"
  | "RECORD"
  | "STALE"
  | "LOCKED"
  | "SPLIT"
  | "LEAK"
  | "ENVIRONMENT"
  | "TRAINING"
  | "ABORTED";

/** One thing wrong with a dataset: where it is and what it is, in the grammar `subject: actual, expected … (where)`. */
export interface Problem {
  /** Machine-readable kind, for example "missing" or "sampleRate". */
  kind: string;
  /** The file, relative to the dataset's folder. */
  file: string;
  /** 1-based line of the file, where it has lines. */
  line?: number;
  message: string;
}

/** Takes a problem of one line of a file. */
export type ReportLine = (line: number, kind: string, message: string) => void;

/** Adds problems of the lines of a file to a list, each with its place behind the message. */
export function lineReporter(file: string, problems: Problem[]): ReportLine {
  return (line, kind, message) => void problems.push({ kind, file, line, message: `${message} (${file}:${line})` });
}

/**
 * Every error this library throws on purpose.
 *
 * `code` is stable; `message` says what was found, what was expected, where, and what to do next;
 * `problems` lists each finding when a whole dataset was checked.
 *
 * @example
 * try {
 *   await dataset.generateRecords();
 * } catch (error) {
 *   if (error instanceof DatasetError && error.code === "CHECK") console.log(error.problems.length);
 * }
 */
export class DatasetError extends Error {
  override readonly name = "DatasetError";
  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly problems: readonly Problem[] = [],
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** The error about one line of a file, with its place behind the message and in `problems`. */
export function lineError(
  code: ErrorCode,
  { kind, file, line, message, cause }: Problem & { line: number; cause?: unknown },
): DatasetError {
  const placed = `${message} (${file}:${line})`;
  return new DatasetError(code, placed, [{ kind, file, line, message: placed }], { cause });
}

/** Folds many problems into one error whose message shows the first twenty and counts the rest. */
export function problemsError(code: ErrorCode, subject: string, problems: readonly Problem[]): DatasetError {
  const shown = problems.slice(0, 20).map((p) => `  ${p.message}`);
  const more = problems.length > 20 ? [`  … and ${problems.length - 20} more (error.problems has all)`] : [];
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  return new DatasetError(code, [`${subject}: ${count}`, ...shown, ...more].join("\n"), problems);
}
