/** Wavs of pairs → shards, against `cp -r` of the same wavs, which flushes nothing to the disk and checks nothing. */
import { compare, measureCommand } from "./harness.js";
import { withWavs } from "./harness-wavs.js";

void withWavs(async ({ folder, work, details, records, fresh }) => {
  const copy = fresh(() => measureCommand(`mkdir ${folder}/copy && cp -r ${folder}/in ${folder}/out ${folder}/copy`));
  await compare({ name: "records-cp", work, peer: "cp -r of the same wavs", target: 0.5, details }, records, copy, {
    same: false,
  });
});
