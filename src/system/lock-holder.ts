import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { processExists } from "./process-exists.js";

/** Who holds a lock: for messages, and to notice at once that a process of this machine is gone. */
export interface Holder {
  pid: number;
  host: string;
  /** When it took the lock: ISO 8601. */
  since: string;
  /** The running system and the set of processes in which `pid` is counted; absent where that isn't known. */
  machine?: string | undefined;
}

export function thisProcess(): Holder {
  return { pid: process.pid, host: hostname(), since: new Date().toISOString(), machine: thisMachine() };
}

export function holderText(holder: Holder): string {
  return `${JSON.stringify(holder)}\n`;
}

/** The holder that a lock file names; undefined where it is empty, cut or not ours. */
export function holderOf(text: string): Holder | undefined {
  let value: Partial<Holder> | null;
  try {
    value = JSON.parse(text) as Partial<Holder> | null;
  } catch {
    return undefined;
  }
  const { pid, host, since, machine } = value ?? {};
  if (!Number.isSafeInteger(pid) || pid! < 1 || typeof host !== "string" || typeof since !== "string") return undefined;
  // Nothing but a name and a time gets into a message.
  if (!/^[\w.-]{1,255}$/.test(host) || !/^[\w:.+-]{1,40}$/.test(since)) return undefined;
  return { pid: pid!, host, since, machine: typeof machine === "string" ? machine : undefined };
}

/**
 * Whether a holder is certainly gone: only of processes counted as this one is, and of another number, since a number can
 * be given to a new process. Everything else shows by the heartbeat.
 */
export function isGone(holder: Holder | undefined, self: Holder): boolean {
  if (holder?.machine === undefined || holder.machine !== self.machine || holder.pid === self.pid) return false;
  return !processExists(holder.pid);
}

/** Containers may share host name and process numbers, but not both the system's start and the set of processes. */
function thisMachine(): string | undefined {
  try {
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return undefined; // not Linux
  }
}
