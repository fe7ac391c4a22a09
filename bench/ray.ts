/**
 * Shards of 100 MB on a Ray cluster of a head and two raylets with a CPU each, beside the same in two threads of this process. What
 * counts is CPU, not time: that of a job of few shards is taken from that of one of many, which leaves what a shard takes; what a job
 * takes before its first shard is given apart.
 */
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeWav, random, SimpleAudioClassificationDataset } from "../dist/index.js";
import { startCluster } from "../test/ray/cluster.js";
import { compare, type Measure, measure, round, tiny } from "./harness.js";

const FEW = 2;
const MANY = tiny ? 4 : 40;
/** Four sounds a shard. */
const SOUNDS = 4;
const BYTES = tiny ? 1e6 : 25e6;
/** Linux counts CPU in hundredths of a second. */
const TICKS = 100;
const SAMPLE_MS = 100;

/** CPU seconds of each process that comes from `root`, the latest that were seen. */
function watchTree(root: number): { seen: Map<number, number>; end: () => void } {
  const seen = new Map<number, number>();
  const look = (): void => {
    const parents = new Map<number, number>();
    const cpu = new Map<number, number>();
    for (const pid of readdirSync("/proc").map(Number).filter(Boolean)) {
      let stat: string[];
      try {
        stat = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)!.split(" ");
      } catch {
        continue; // It has just ended.
      }
      parents.set(pid, Number(stat[1]));
      cpu.set(pid, (Number(stat[11]) + Number(stat[12])) / TICKS);
    }
    const isBelow = (pid: number | undefined): boolean =>
      pid !== undefined && (pid === root || isBelow(parents.get(pid)));
    for (const [pid, seconds] of cpu) if (isBelow(pid)) seen.set(pid, seconds);
  };
  look();
  const timer = setInterval(look, SAMPLE_MS);
  return {
    seen,
    end: () => {
      clearInterval(timer);
      look();
    },
  };
}

/** In memory where there is room: what waiting for a disk costs differs from run to run by more than what is measured. */
function emptyFolder(): string {
  const memory = "/dev/shm";
  const { bavail, bsize } = existsSync(memory) ? statfsSync(memory) : { bavail: 0, bsize: 0 };
  const fits = bavail * bsize > 2 * MANY * SOUNDS * BYTES;
  return mkdtempSync(join(fits ? memory : tmpdir(), "bench-ray-"));
}

const sum = (numbers: Iterable<number>): number => [...numbers].reduce((a, b) => a + b, 0);

async function main(): Promise<void> {
  const folder = emptyFolder();
  const cluster = await startCluster();
  const starts = { ours: [] as number[], theirs: [] as number[] };
  try {
    const noise = random("ray");
    const wav = join(folder, "noise.wav");
    const samples = Int16Array.from({ length: BYTES / 2 }, () => 3000 * noise.gaussian());
    writeFileSync(wav, encodeWav({ sampleRate: 44100, channels: 1, samples }));
    const set = (name: string, shards: number): SimpleAudioClassificationDataset => {
      const directory = join(folder, name);
      mkdirSync(join(directory, "in"), { recursive: true });
      const names = Array.from({ length: SOUNDS * shards }, (_, i) => `${i}.wav`);
      for (const one of names) linkSync(wav, join(directory, "in", one));
      writeFileSync(join(directory, "set"), names.map((one, i) => `${one},${i % 2},${1 - (i % 2)}\n`).join(""));
      return new SimpleAudioClassificationDataset(directory, "set");
    };
    const sets = { few: set("few", FEW), many: set("many", MANY) };
    const options = { onProgress: false, examplesPerFile: SOUNDS, workers: 2 } as const;
    const build = async (which: keyof typeof sets, onRay: boolean): Promise<Measure> => {
      const { directory } = sets[which];
      for (const file of readdirSync(directory))
        if (/^\.?set./.test(file)) rmSync(join(directory, file), { recursive: true });
      const tree = watchTree(cluster.pid);
      const before = new Map(tree.seen);
      const own = await measure(async () => {
        await sets[which].generateRecords(onRay ? { ...options, ray: cluster.ray } : options);
        return JSON.parse(readFileSync(join(directory, "set.manifest.json"), "utf8")).fingerprint;
      });
      tree.end();
      // Without those that were there: dashboard and agents work all the time.
      const job = sum([...tree.seen].flatMap(([pid, seconds]) => (before.has(pid) ? [] : [seconds])));
      return { ...own, cpuSeconds: onRay ? job : own.cpuSeconds };
    };
    const side = (onRay: boolean) => async (): Promise<Measure> => {
      const [few, many] = [await build("few", onRay), await build("many", onRay)];
      // Not below what the clock tells apart.
      const shard = Math.max(1 / TICKS, (many.cpuSeconds - few.cpuSeconds) / (MANY - FEW));
      starts[onRay ? "ours" : "theirs"].push(round(few.cpuSeconds - FEW * shard));
      return { ...many, seconds: shard, cpuSeconds: shard };
    };
    await compare(
      {
        name: "ray",
        work: `CPU seconds of a shard of ${(SOUNDS * BYTES) / 1e6} MB, of ${MANY}, on Ray`,
        peer: "generateRecords in two threads",
        target: 1 / 1.15,
        details: { cpuSecondsBeforeTheFirstShard: starts },
      },
      side(true),
      side(false),
      { pairs: 5 },
    );
  } finally {
    await cluster.close();
    rmSync(folder, { recursive: true });
  }
}

void main();
