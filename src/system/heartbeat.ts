/**
 * A lock's heartbeat: the program of a thread of its own, since the main one may compute for minutes. It sets the time of
 * change of the holder's file, which needs no room on the disk and doesn't create the file again where another deleted it.
 */
import { utimesSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { isMissing } from "./missing.js";

const { file, beatMs } = workerData as { file: string; beatMs: number };

/** Some file systems keep times to two seconds: each beat is later by that at least, whatever the clock says. */
const STEP_MS = 2000;

let time = 0;
const timer = setInterval(() => {
  time = Math.max(Date.now(), time + STEP_MS);
  try {
    utimesSync(file, time / 1000, time / 1000);
  } catch (error) {
    // A disk that doesn't answer for the moment may do so at the next beat.
    if (!isMissing(error)) return;
    clearInterval(timer);
    parentPort?.postMessage("lost");
  }
}, beatMs);
