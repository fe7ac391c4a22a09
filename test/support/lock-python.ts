// Writes the lists of all Python packages, with versions and hashes, from the environment files: `npm run lock`.
// uv, which comes from PyPI, finds versions that fit together on every Python and platform.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { LOCKS, lockEntries } from "../../src/setup/lock.js";
import { pipRequirements, pythonOf, root } from "../../src/setup/paths.js";

const UV = "uv==0.13.9";
const folder = join(root, "build/lock");
const environment = join(folder, "venv");

/** The oldest Python that a list is for: the benchmarks' matplotlib wants a newer one. */
const OLDEST: Readonly<Record<string, string>> = { "bench/environment.yml": "3.11" };

/** Environments that stand alone: their lists have every package, not only what comes on top of the lists before. */
const ALONE: ReadonlySet<string> = new Set(["test/ray/environment.yml"]);

/** Every build of TensorFlow that some machine takes, see `forThisMachine`. */
function everywhere(requirement: string): string[] {
  const version = /^tensorflow(==.*)$/.exec(requirement)?.[1];
  if (version === undefined) return [requirement];
  const x64 = "(platform_machine == 'x86_64' or platform_machine == 'AMD64') and sys_platform != 'darwin'";
  return [requirement, `tensorflow[and-cuda]${version} ; sys_platform == 'linux'`, `tensorflow-cpu${version} ; ${x64}`];
}

/** Resolves lists together, within what earlier ones have, and returns the text of a requirements file. */
function resolve(lists: string[], within: string[], oldest: string): string {
  const input = join(folder, "wanted.in");
  const output = join(folder, "found.txt");
  writeFileSync(input, lists.flatMap((list) => pipRequirements(join(root, list)).flatMap(everywhere)).join("\n"));
  writeFileSync(output, "");
  const constraints = within.flatMap((text, i) => {
    const file = join(folder, `within${i}.txt`);
    writeFileSync(file, text);
    return ["-c", file];
  });
  const options = ["--quiet", "--universal", "--upgrade", "--generate-hashes", "--no-annotate", "--no-header"];
  execFileSync(
    pythonOf(environment),
    ["-m", "uv", "pip", "compile", ...options, "--python-version", oldest, ...constraints, "-o", output, input],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  return readFileSync(output, "utf8");
}

mkdirSync(folder, { recursive: true });
if (!existsSync(pythonOf(environment))) {
  execFileSync("python3", ["-m", "venv", environment]);
  execFileSync(pythonOf(environment), ["-m", "pip", "install", "-q", UV]);
}
// The tests' packages narrow those of the project (scipy wants an older numpy), so that these are found together first.
const together = resolve(["environment.yml", "test/environment.yml"], [], "3.10");
const written: string[] = [];
for (const [list, lock] of Object.entries(LOCKS)) {
  const below = ALONE.has(list) ? [] : written;
  const found = resolve([list], [together, ...below], OLDEST[list] ?? "3.10");
  const earlier = new Set(below.flatMap((text) => lockEntries(text).map(({ text }) => text)));
  const own = lockEntries(found).filter(({ text }) => !earlier.has(text));
  const text = own.map((entry) => entry.text).join("");
  mkdirSync(dirname(join(root, lock)), { recursive: true });
  writeFileSync(
    join(root, lock),
    `# All packages of ${list} and what they need, written by \`npm run lock\`.\n${text}`,
  );
  written.push(text);
}
