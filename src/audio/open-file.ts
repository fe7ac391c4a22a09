import { openToRead } from "../system/open-to-read.js";
import { closeSync } from "node:fs";
import type { ByteSource } from "../format/byte-source.js";
import { type OnDamaged, Verdict } from "../format/verdict.js";
import { fileError } from "../system/atomic-file.js";
import { fileSource } from "./file-source.js";
import { readHeader } from "./open-audio.js";
import type { Sound } from "./sound.js";

/** Opens a file, works with its bytes and closes it. @throws DatasetError "FILE" where there is none */
export async function withFile<T>(path: string, work: (source: ByteSource) => Promise<T>): Promise<T> {
  let file: number | undefined;
  try {
    file = openToRead(path);
    return await work(fileSource(file));
  } catch (error) {
    throw fileError(error, path);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** A file whose sound is open. */
export interface OpenedFile {
  sound: Sound;
  verdict: Verdict;
  close(): void;
}

/** Opens a file and its sound. @throws DatasetError "FILE", and as `readHeader` */
export async function openFile(path: string, onDamaged: OnDamaged | undefined): Promise<OpenedFile> {
  const closing: (() => void)[] = [];
  const close = (): void => closing.reverse().forEach((one) => void one());
  try {
    const file = openToRead(path);
    closing.push(() => closeSync(file));
    const verdict = new Verdict(path, onDamaged);
    const header = await readHeader(fileSource(file), verdict);
    closing.push(() => header.close());
    const sound = await header.open();
    closing.push(() => sound.close());
    return { sound, verdict, close };
  } catch (error) {
    close();
    throw fileError(error, path);
  }
}

/** Opens a file and its sound, works with it and closes both. */
export async function withSound<T>(
  path: string,
  onDamaged: OnDamaged | undefined,
  work: (sound: Sound, verdict: Verdict) => Promise<T>,
): Promise<T> {
  const opened = await openFile(path, onDamaged);
  try {
    return await work(opened.sound, opened.verdict);
  } catch (error) {
    throw fileError(error, path);
  } finally {
    opened.close();
  }
}
