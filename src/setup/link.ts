import { existsSync, lstatSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { project, tfjsFolder } from "./paths.js";

/**
 * Lets a project that installed the library import TensorFlow.js's package for Node by its own name. The library brings
 * its own copy of it, without what it would download while being installed; npm may drop the link, and the next set-up
 * makes it again.
 */
export function linkTensorFlow(): void {
  const link = join(project, "node_modules/@tensorflow/tfjs-node-gpu");
  if (existsSync(link)) return;
  // A link whose target is gone.
  if (lstatSync(link, { throwIfNoEntry: false })) rmSync(link);
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync(tfjsFolder(), link, "junction");
}
