import { readJson } from "../system/sealed-json.js";
import { manifestPath } from "./files.js";
import type { Manifest } from "./manifest.js";
import type { BuildPlan } from "./plan.js";
import { manifestMisfit, planMisfit } from "./stored-form.js";

/**
 * Reads a dataset's manifest; undefined where there is none.
 * @throws DatasetError "RECORD" when it is damaged or of another format
 */
export async function readManifest(directory: string, name: string): Promise<Manifest | undefined> {
  return await readJson<Manifest>(manifestPath(directory, name), {
    what: "manifest",
    misfit: (m) => manifestMisfit(m, name),
    fix: "call repair, or rebuild the records",
  });
}

/**
 * Reads a plan file, of dataset `name` where that is known; undefined where there is none.
 * @throws DatasetError "RECORD" when it is damaged, of another format or leads out of its folder
 */
export async function readPlan(path: string, name?: string): Promise<BuildPlan | undefined> {
  return await readJson<BuildPlan>(path, {
    what: "plan",
    // Earlier versions wrote plans without a checksum.
    unsealed: true,
    misfit: (p) => planMisfit(p, name),
    fix: "save it again",
  });
}
