import { readdir, realpath } from "node:fs/promises";
import { join, posix } from "node:path";
import { linkTarget, statOf } from "../system/file-names.js";
import { inTurns } from "../system/event-loop.js";

/** What counts as an audio file when a folder is listed. */
export const AUDIO_FILE: RegExp =
  /\.(wav|wave|rf64|w64|flac|ogg|oga|opus|mp3|mp2|aif|aiff|aifc|au|snd|caf|nist|sph|m4a|mp4|aac|wma|webm|mka|amr|wv|ape|tta|ac3)$/i;

/** What an index says instead of its csv where the names of the files alone define its rows. */
export const FILE_NAMES = "file names";

/** The audio files in `folder` and below, relative to it with `/`, sorted; hidden files and folders don't count. */
export async function listAudio(folder: string): Promise<string[]> {
  return (await listFiles(folder)).audio;
}

/**
 * As `listAudio`, with the files that are no audio by their names, and the symbolic links that aren't followed: those that
 * lead out of `root`, to nothing, or back to a folder that they lie in.
 * @param root default `folder`
 */
export async function listFiles(
  folder: string,
  root = folder,
): Promise<{ audio: string[]; silent: string[]; links: string[] }> {
  const audio: string[] = [];
  const silent: string[] = [];
  const links: string[] = [];
  const walk = async (below: string, above: readonly string[]): Promise<void> => {
    for (const entry of await readdir(join(folder, below), { withFileTypes: true })) {
      if (entry.name.startsWith(".")) continue;
      const file = posix.join(below, entry.name);
      let isFolder = entry.isDirectory();
      let way = above;
      if (entry.isSymbolicLink()) {
        const target = await linkTarget(root, join(folder, file));
        if (target === undefined || above.includes(target.path)) {
          links.push(file);
          continue;
        }
        isFolder = target.isFolder;
        way = [...above, target.path];
      }
      if (isFolder) await walk(file, entry.isSymbolicLink() ? way : [...above, join(above.at(-1)!, entry.name)]);
      else (AUDIO_FILE.test(entry.name) ? audio : silent).push(file);
    }
  };
  await walk("", [await realpath(folder)]);
  const byName = (a: string, b: string): number => (a < b ? -1 : 1);
  return { audio: audio.sort(byName), silent: silent.sort(byName), links: links.sort(byName) };
}

/** The audio files in several folders of `directory`, relative to it, each once. Folders that aren't there are empty. */
export async function listFolders(directory: string, folders: readonly string[]): Promise<string[]> {
  const found = new Set<string>();
  for (const folder of folders) {
    if (!(await statOf(join(directory, folder)))?.isDirectory()) continue;
    await inTurns(await listAudio(join(directory, folder)), (file) => void found.add(posix.join(folder, file)));
  }
  return [...found];
}
