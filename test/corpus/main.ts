// `npm run corpus`: audio files of other people's packages, read beside soundfile and FFmpeg. Each file either equals one of them or
// fails as one of them does; what differs on purpose is in exceptions.json with its reason. `-- --tenth` takes a part of it, `-- --only TEXT`
// the files whose path contains a text. Packages are fetched from Debian and PyPI into build/corpus, once.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { readAudio } from "../../dist/audio/read-audio.js";
import { AUDIO_FILE } from "../../dist/sources/list-audio.js";
import { pythonPath, root } from "../support/python.js";

/** Debian's binary packages; those for `--tenth` first. */
const DEBIAN = [
  ...["sound-theme-freedesktop", "pocketsphinx-testdata", "circuslinux-data", "lbreakout2-data", "python3-pygame"],
  ...["asterisk-core-sounds-en-wav", "alienblaster-data", "chromium-bsu-data", "frozen-bubble-data", "hydrogen-data"],
  ...["lmms-common", "mixxx-data", "pingus-data", "sonic-pi-samples", "teeworlds-data", "tuxtype-data"],
];
const SMALL = 5;
/** Source packages of PyPI, whose tests have files. */
const PYPI = ["mutagen==1.47.0", "tinytag==2.1.1"];
const TENTH = 4;

const folder = join(root, "build/corpus");

/** Largest difference of samples that counts as equal: lossy decoders add in different orders; lossless ones are exact. */
const LOSSY = /\.(ogg|oga|opus|mp3|mp2|m4a|mp4|aac|wma|webm|mka|ac3|amr)$/i;
const TOLERANCE = 1e-4;

interface Peer {
  rate: number;
  channels: number;
  samples: Float32Array;
}

type Outcome = Peer | { error: string };

function fetchAll(tenth: boolean): void {
  mkdirSync(folder, { recursive: true });
  const done = (name: string): boolean => existsSync(join(folder, name));
  const debian = DEBIAN.slice(0, tenth ? SMALL : undefined).filter((name) => !done(name));
  for (const name of debian) {
    const work = join(folder, ".new");
    rmSync(work, { recursive: true, force: true });
    mkdirSync(work, { recursive: true });
    const options = ["-qq", "-o", "APT::Sandbox::User=root", "download", name];
    if (spawnSync("apt-get", options, { cwd: work, stdio: "ignore" }).status !== 0) {
      execFileSync("apt-get", ["update", "-qq"], { stdio: "ignore" });
      execFileSync("apt-get", options, { cwd: work, stdio: ["ignore", "ignore", "inherit"] });
    }
    const [deb] = readdirSync(work);
    execFileSync("dpkg-deb", ["-x", join(work, deb!), join(folder, name)]);
    rmSync(work, { recursive: true });
  }
  for (const name of PYPI.filter((name) => !done(name))) {
    const work = join(folder, ".new");
    rmSync(work, { recursive: true, force: true });
    mkdirSync(work, { recursive: true });
    const options = ["-q", "--no-deps", "--no-binary", ":all:", "-d", work];
    execFileSync(pythonPath, ["-m", "pip", "download", ...options, name], { stdio: ["ignore", "ignore", "inherit"] });
    const archive = readdirSync(work).find((file) => file.endsWith(".tar.gz"));
    mkdirSync(join(folder, name));
    execFileSync("tar", ["-xzf", join(work, archive!), "-C", join(folder, name)]);
    rmSync(work, { recursive: true });
  }
}

function filesBelow(at: string): string[] {
  if (!existsSync(at)) return [];
  const names = readdirSync(at, { recursive: true, withFileTypes: true });
  return names
    .filter((entry) => entry.isFile() && AUDIO_FILE.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** scipy's own test files lie in the Python environment. */
function scipyFolder(): string {
  const code = "import os, scipy.io; print(os.path.join(os.path.dirname(scipy.io.__file__), 'tests', 'data'))";
  return execFileSync(pythonPath, ["-c", code], { encoding: "utf8" }).trim();
}

const SOUNDFILE = `
import json, sys, soundfile as sf
for k, path in enumerate(json.load(sys.stdin)):
    try:
        x, rate = sf.read(path, dtype="float32", always_2d=True)
        x.tofile(sys.argv[1] + "/" + str(k))
        print(json.dumps({"rate": rate, "channels": x.shape[1]}), flush=True)
    except Exception as e:
        print(json.dumps({"error": str(e)}), flush=True)
`;
/** Files that one process of Python reads. */
const BATCH = 40;

/** What soundfile says of files; where one of them ends its process, that one's outcome is the crash, and the next process goes on behind it. */
function bySoundfile(paths: readonly string[]): Outcome[] {
  const work = mkdtempSync(join(tmpdir(), "corpus-"));
  const outcomes: Outcome[] = [];
  while (outcomes.length < paths.length) {
    const input = JSON.stringify(paths.slice(outcomes.length));
    const { status, stdout } = spawnSync(pythonPath, ["-c", SOUNDFILE, work], { input, encoding: "utf8" });
    const lines = stdout.split("\n").filter((line) => line !== "");
    for (const [k, line] of lines.entries()) {
      const said = JSON.parse(line);
      if ("error" in said) outcomes.push(said);
      else {
        const samples = new Float32Array(new Uint8Array(readFileSync(join(work, String(k)))).buffer);
        outcomes.push({ ...said, samples });
      }
    }
    if (status !== 0 && outcomes.length < paths.length) outcomes.push({ error: `its process ended with ${status}` });
  }
  rmSync(work, { recursive: true });
  return outcomes;
}

function byFfmpeg(path: string): Outcome {
  const out = spawnSync("ffmpeg", ["-v", "error", "-i", path, "-map", "0:a:0", "-c:a", "pcm_f32le", "-f", "wav", "-"], {
    maxBuffer: 1 << 30,
  });
  const { stdout } = out;
  if (stdout.length < 44) return { error: out.stderr.toString().trim().split("\n")[0] ?? "" };
  const data = stdout.indexOf("data") + 8;
  const channels = stdout.readUInt16LE(22);
  const whole = stdout.length - data - ((stdout.length - data) % (4 * channels));
  const samples = new Float32Array(new Uint8Array(stdout.subarray(data, data + whole)).buffer);
  return { rate: stdout.readUInt32LE(24), channels, samples };
}

async function byUs(path: string): Promise<Outcome> {
  try {
    const { sampleRate, channels, samples } = await readAudio(path, { onDamaged: "warn" });
    return { rate: sampleRate, channels, samples };
  } catch (error) {
    if ((error as Error).name !== "DatasetError") throw error;
    return { error: (error as Error).message };
  }
}

/** How two outcomes differ, in words; "" where they are equal. */
function difference(ours: Outcome, peer: Outcome, tolerance: number): string {
  if ("error" in ours) return "error" in peer ? "" : `we refuse it: ${ours.error}`;
  if ("error" in peer) return `they refuse it: ${peer.error}`;
  if (ours.rate !== peer.rate || ours.channels !== peer.channels) {
    return `${ours.rate} Hz × ${ours.channels}, they ${peer.rate} Hz × ${peer.channels}`;
  }
  if (ours.samples.length !== peer.samples.length) {
    return `${ours.samples.length / ours.channels} frames, they ${peer.samples.length / peer.channels}`;
  }
  let worst = 0;
  for (let i = 0; i < peer.samples.length; i++) {
    const [a, b] = [ours.samples[i]!, peer.samples[i]!];
    if (!Object.is(a, b)) worst = Math.max(worst, Number.isFinite(a - b) ? Math.abs(a - b) : a === b ? 0 : Infinity);
  }
  return worst <= tolerance ? "" : `differs by ${worst}`;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { tenth: { type: "boolean", default: false }, only: { type: "string" } } });
  fetchAll(values.tenth);
  const reasons: Record<string, string> = JSON.parse(readFileSync(join(__dirname, "exceptions.json"), "utf8"));
  const packages = [...DEBIAN.slice(0, values.tenth ? SMALL : undefined), ...PYPI].map((name) => join(folder, name));
  const scipy = scipyFolder();
  const named = [...packages, scipy].flatMap((at) =>
    filesBelow(at).map((path) => ({
      path,
      name: path.startsWith(scipy) ? `scipy/${relative(scipy, path)}` : relative(folder, path),
    })),
  );
  const files = named
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .filter((_, i) => !values.tenth || i % TENTH === 0)
    .filter(({ name }) => values.only === undefined || name.includes(values.only));
  let equal = 0;
  let failAlike = 0;
  const excepted = new Map<string, number>();
  const wrong: string[] = [];
  let known: Outcome[] = [];
  for (const [i, { path, name }] of files.entries()) {
    if (i % BATCH === 0) known = bySoundfile(files.slice(i, i + BATCH).map((file) => file.path));
    const tolerance = LOSSY.test(name) ? TOLERANCE : 0;
    const ours = await byUs(path);
    const soundfile = known[i % BATCH]!;
    const first = difference(ours, soundfile, tolerance);
    const second = first === "" && !("error" in ours) ? "" : difference(ours, byFfmpeg(path), tolerance);
    const reason = Object.keys(reasons).find((pattern) => new RegExp(pattern).test(name));
    if (!("error" in ours) && (first === "" || second === "")) equal++;
    else if ("error" in ours && (first === "" || second === "")) failAlike++;
    else if (reason !== undefined) excepted.set(reason, (excepted.get(reason) ?? 0) + 1);
    else wrong.push(`${name}\n    soundfile: ${first || "alike"}\n    FFmpeg: ${second || "alike"}`);
  }
  for (const line of wrong) console.log(line);
  for (const [pattern, count] of excepted) console.log(`${count} × ${pattern}: ${reasons[pattern]}`);
  const rest = [...excepted.values()].reduce((a, b) => a + b, 0);
  console.log(
    `corpus: ${files.length} files; ${equal} equal soundfile or FFmpeg, ${failAlike} fail as in one of them, ${rest} exceptions, ${wrong.length} wrong`,
  );
  process.exitCode = wrong.length === 0 && files.length > 0 ? 0 : 1;
}

void main();
