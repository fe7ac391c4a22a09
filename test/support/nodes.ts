import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { root } from "./python.js";

/** The oldest Node that the library takes, and the newest of each line after it. */
export const VERSIONS = ["20.19.0", "22.23.3", "24.21.0"];
/** A Node of that version, from npm's packages of its binaries, kept in `build`. */
export function nodeBinary(version: string): string {
  if (process.versions.node === version) return process.execPath;
  const name = `node-${process.platform}-${process.arch}`;
  const prefix = join(root, "build", "nodes", version);
  const binary = join(prefix, "node_modules", name, "bin", "node");
  if (!existsSync(binary)) {
    const install = ["install", "--no-save", "--ignore-scripts", "--prefix", prefix, `${name}@${version}`];
    execFileSync("npm", install, { stdio: ["ignore", "ignore", "inherit"] });
  }
  return binary;
}
