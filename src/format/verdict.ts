import { DatasetError, type Problem } from "../core/error.js";

/** What happens where a part of a file's sound is lost: an error, or a warning with what is left. */
export type OnDamaged = "error" | "warn";

/** Something about a file that can be read all the same. */
export interface Finding {
  message: string;
  /** What to do, where sound is missing. */
  advice?: string;
}

/**
 * What was found as problems of a file: of kind "truncated" where sound is missing and that is an error, else of kind "damaged", a
 * warning.
 */
export function problemsOf(findings: readonly Finding[], file: string, onDamaged: OnDamaged = "error"): Problem[] {
  return findings.map(({ message, advice }) =>
    advice !== undefined && onDamaged === "error"
      ? { kind: "truncated", file, message: `${message}; ${advice} (${file})` }
      : { kind: "damaged", file, message: `${message} (${file})` },
  );
}

/** What is found while a file is read. */
export class Verdict {
  readonly findings: Finding[] = [];

  /**
   * @param where the file's name, for errors
   * @param onDamaged whether lost sound is an error; default "error"
   */
  constructor(
    readonly where: string,
    private readonly onDamaged: OnDamaged = "error",
  ) {}

  /** Something unusual, by which no sound is lost. */
  note(message: string): void {
    this.findings.push({ message });
  }

  /** Sound is missing. @throws DatasetError "FORMAT" unless damage is only to be warned of */
  lost(message: string, advice = "the file is cut short: copy it again"): void {
    if (this.onDamaged === "error") this.damaged(`${message}; ${advice}`);
    this.findings.push({ message, advice });
  }

  /** The file can't be read, whatever the option. @throws DatasetError "FORMAT" */
  damaged(message: string): never {
    throw new DatasetError("FORMAT", `${message} (${this.where})`);
  }
}

/** @throws DatasetError "OPTION" where it is none of the two */
export function checkOnDamaged(value: unknown): void {
  if (value === undefined || value === "error" || value === "warn") return;
  throw new DatasetError("OPTION", `onDamaged: ${JSON.stringify(value)}, expected "error" or "warn"`);
}
