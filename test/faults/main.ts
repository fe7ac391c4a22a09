// `npm run faults -- --every N --only WORK`: generate, record, repair and publish, each disturbed at every (N-th) call by which it
// reads or writes a file: kill -9, torn writes, a full disk, a failing one, short transfers, power cuts.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { compileFaults, disturb, KINDS, type Kind, prepare } from "./disturb.js";
import { WORKS } from "./works.js";

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      every: { type: "string", default: "1" },
      first: { type: "string", default: "1" },
      only: { type: "string", multiple: true, default: Object.keys(WORKS) },
      kind: { type: "string", multiple: true, default: [...KINDS] },
    },
  });
  const folder = mkdtempSync(join(tmpdir(), "faults-library-"));
  try {
    const library = compileFaults(folder);
    let failed = 0;
    for (const work of values.only) {
      const prepared = await prepare(work);
      for (const kind of values.kind as Kind[]) {
        const where = { every: Number(values.every), first: Number(values.first) };
        const { faults, killed, refused, done, failures } = await disturb(prepared, kind, library, where);
        console.log(
          `${work.padEnd(9)}${kind.padEnd(7)} ${faults} faults: ${killed} killed, ${refused} refused, ${done} done, ${failures.length} failures`,
        );
        for (const failure of failures) console.log(`  ${failure}`);
        failed += failures.length;
      }
      rmSync(prepared.folder, { recursive: true, force: true });
    }
    process.exitCode = failed > 0 ? 1 : 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

void main();
