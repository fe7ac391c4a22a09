// Writes docs/licences.md, the licences of everything that is installed for users: `npm run licences`. Needs a set-up clone.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { lockEntries } from "../../src/setup/lock.js";
import { UNUSED } from "./package.js";
import { python, root } from "./python.js";

interface Entry {
  name: string;
  version: string;
  licence: string;
}

/** What isn't installed, but parts of which are in dist/web. */
const BUILT_IN = ["plotly.js-dist"];

const FILE = join(root, "docs/licences.md");

interface Locked {
  version: string;
  license?: string;
  optional?: boolean;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

/** The npm packages that users get: what the library's dependencies lead to, without what only their installation needs. */
export function npmPackages(): (Entry & { optional: boolean })[] {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    packages: Record<string, Locked>;
  };
  const found = new Map<string, Entry & { optional: boolean }>();
  const visit = (from: string, name: string, optional: boolean): void => {
    // As Node looks for it: in the package's own folder, then in those around it.
    let folder = from;
    while (folder !== "" && !packages[`${folder}/node_modules/${name}`])
      folder = folder.replace(/(^|\/)node_modules\/(@[^/]+\/)?[^/]+$/, "");
    const path = `${folder === "" ? "" : `${folder}/`}node_modules/${name}`;
    const entry = packages[path];
    if (!entry || UNUSED.includes(name) || (found.has(path) && (optional || !found.get(path)!.optional))) return;
    found.set(path, { name, version: entry.version, licence: entry.license ?? "not stated", optional });
    for (const next of Object.keys(entry.dependencies ?? {})) visit(path, next, optional);
    for (const next of Object.keys(entry.optionalDependencies ?? {})) visit(path, next, true);
  };
  const own = packages[""]!;
  for (const name of Object.keys(own.optionalDependencies ?? {})) visit("", name, true);
  for (const name of [...Object.keys(own.dependencies ?? {}), ...BUILT_IN]) visit("", name, false);
  return [...found.values()].sort((x, y) =>
    x.name < y.name ? -1 : x.name > y.name ? 1 : x.version < y.version ? -1 : 1,
  );
}

/** The Python packages of the lock that this machine has, and what they say of their licence. */
export function pythonPackages(): Entry[] {
  const names = lockEntries(readFileSync(join(root, "python/requirements.txt"), "utf8")).map(({ name }) => name);
  return python(
    `
import importlib.metadata as m
out = []
for name in dict.fromkeys(input):
    try: d = m.metadata(name)
    except m.PackageNotFoundError: continue
    classes = [c.split(" :: ")[-1] for c in d.get_all("Classifier") or [] if c.startswith("License ::")]
    text = d.get("License-Expression") or ", ".join(classes) or (d.get("License") or "not stated").strip().split("\\n")[0][:60]
    out.append(dict(name=name, version=d["Version"], licence=text))
print(json.dumps(out))`,
    names,
  );
}

/** The page. */
export function licencesPage(): string {
  const npm = npmPackages();
  const table = (entries: readonly Entry[]): string =>
    [
      "| package | version | licence |",
      "|---|---|---|",
      ...entries.map(({ name, version, licence }) => `| ${name} | ${version} | ${licence} |`),
    ].join("\n");
  return `# Licences

The library itself is under the MIT licence. What is installed with it has its own, as each package states it. Written by \`npm run licences\`.

Two parts are under the LGPL, loaded as libraries of their own that can be exchanged: libsndfile (LGPL-2.1, with FLAC, Vorbis, Opus and mpg123) inside
PyPI's \`soundfile\`, and mpg123 (LGPL-2.1) inside the optional npm package \`mpg123-decoder\`.

## npm packages

${table(npm.filter(({ optional }) => !optional))}

Optional, for machines without libsndfile: installing with \`--omit=optional\` leaves them out.

${table(npm.filter(({ optional }) => optional))}

## Python packages

Those of x64 Linux without a GPU; other platforms have a few more of the same kinds, and CUDA's under NVIDIA's own terms.

${table(pythonPackages())}
`;
}

if (require.main === module) writeFileSync(FILE, licencesPage());
