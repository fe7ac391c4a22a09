import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { deserialize, serialize } from "node:v8";
import type { AuditOptions } from "../audit/audit.js";
import type { CheckOptions } from "../check/check.js";
import type { Progress } from "../notebook/progress.js";
import type { OpenOptions } from "../records/open-original.js";
import type { IndexScan } from "../sources/index-csv.js";
import type { Split } from "../split/split.js";
import { fileError, writeRenamed } from "../system/atomic-file.js";
import { isMissing } from "../system/missing.js";
import type { Outcome } from "../system/task.js";

/** What a job does. Folders are as the cluster's machines see them. */
export type Request =
  | {
      method: "records";
      planFile: string;
      /** SHA-256 of the plan: of another one it is another job. */
      plan: string;
      overwrite: boolean;
    }
  | { method: "check"; directory: string; index: IndexScan; options: CheckOptions }
  | {
      method: "audit";
      directory: string;
      name: string;
      fingerprint: string;
      open: OpenOptions;
      split: Split;
      options: AuditOptions;
    };

/**
 * The folder by which the notebook and a job talk: `D/.N.ray-METHOD`, in the dataset's folder, which both see. It holds the
 * request, the job's id, how far it is, and what came of it; each file is written whole.
 */
export class JobFolder {
  constructor(readonly path: string) {}

  static of(directory: string, name: string, method: Request["method"]): JobFolder {
    return new JobFolder(join(directory, `.${name}.ray-${method}`));
  }

  /** Empties the folder and writes what a new job is to do, and its id. */
  async begin(request: Uint8Array, id: string): Promise<void> {
    try {
      await this.remove();
      await mkdir(this.path);
    } catch (error) {
      throw fileError(error, this.path);
    }
    await writeRenamed(join(this.path, "request"), request);
    await this.write("id", id);
  }

  /** The job whose folder this is, if any. */
  id(): Promise<string | undefined> {
    return this.read("id");
  }

  async request(): Promise<Request> {
    return deserialize(await readFile(join(this.path, "request"))) as Request;
  }

  async writeProgress(progress: Progress): Promise<void> {
    await this.write("progress", progress);
  }

  progress(): Promise<Progress | undefined> {
    return this.read("progress");
  }

  async writeOutcome(outcome: Outcome<unknown>): Promise<void> {
    await this.write("outcome", outcome);
  }

  outcome<T>(): Promise<Outcome<T> | undefined> {
    return this.read("outcome");
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }

  private async write(file: string, value: unknown): Promise<void> {
    await writeRenamed(join(this.path, file), serialize(value));
  }

  private async read<T>(file: string): Promise<T | undefined> {
    try {
      // NFS remembers for half a minute that a file isn't there, but lists a folder as it is.
      if (!(await readdir(this.path)).includes(file)) return undefined;
      return deserialize(await readFile(join(this.path, file))) as T;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw fileError(error, join(this.path, file));
    }
  }
}
