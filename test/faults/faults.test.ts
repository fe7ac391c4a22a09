// A small part of `npm run faults`, spread over all calls.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { missing } from "../support/programs.js";
import { compileFaults, disturb, KINDS, prepare } from "./disturb.js";
import { WORKS } from "./works.js";

const skip = process.platform === "linux" ? missing("gcc") : "only Linux preloads libraries";

test("kills, torn and refused writes, read errors, short transfers and power cuts leave the old records or the new", {
  skip,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), "faults-library-"));
  try {
    const library = compileFaults(folder);
    for (const [w, work] of Object.keys(WORKS).entries()) {
      const prepared = await prepare(work);
      for (const [k, kind] of KINDS.entries()) {
        // Every other pair, and each kind at another place of each work.
        if ((w + k) % 2 === 1) continue;
        const first = 4 + 9 * ((2 * w + 3 * k) % 6);
        const { faults, killed, failures } = await disturb(prepared, kind, library, { first, most: 1 });
        assert.deepEqual(failures, []);
        if (["kill", "torn", "power", "names"].includes(kind)) assert.equal(killed, faults, `${work} ${kind}`);
      }
      rmSync(prepared.folder, { recursive: true, force: true });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
