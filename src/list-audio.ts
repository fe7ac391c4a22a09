import { readdir } from "node:fs/promises";
import { join, posix } from "node:path";

/** What counts as an audio file when a folder is listed. */
export const AUDIO_FILE: RegExp = /\.(wav|wave|flac|ogg|oga|opus|mp3)$/i;

/** The audio files in `folder` and below, relative to it with `/`, sorted; hidden files and folders don't count. */
export async function listAudio(folder: string): Promise<string[]> {
  const found: string[] = [];
  const walk = async (below: string): Promise<void> => {
    for (const entry of await readdir(join(folder, below), { withFileTypes: true })) {
      if (entry.name.startsWith(".")) continue;
      const file = posix.join(below, entry.name);
      if (entry.isDirectory()) await walk(file);
      else if (AUDIO_FILE.test(entry.name)) found.push(file);
    }
  };
  await walk("");
  return found.sort((a, b) => (a < b ? -1 : 1));
}
