// Makes the folder that is published, build/package: `npm run package`. TensorFlow.js's packages travel in it, without what they
// need for their own installation only, so that installing the library runs no script and asks no host but the registry.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "./python.js";

interface PackageJson {
  name: string;
  version: string;
  license?: string;
  main?: string;
  types?: string;
  files: string[];
  dependencies?: Record<string, string>;
  [key: string]: unknown;
}

const TENSORFLOW = ["tfjs-node-gpu", "tfjs", "tfjs-core", "tfjs-layers", "tfjs-converter", "tfjs-data"]
  .concat(["tfjs-backend-cpu", "tfjs-backend-webgl"])
  .map((name) => `@tensorflow/${name}`);

/** What they use while being installed, in programs of their own, and where Node has no `fetch`. */
export const UNUSED: readonly string[] = [
  ...["@mapbox/node-pre-gyp", "adm-zip", "https-proxy-agent", "rimraf", "tar"],
  ...["argparse", "chalk", "core-js", "regenerator-runtime", "yargs", "node-fetch", "@types/node-fetch"],
];

/** How the package for Node finds its addon, and what takes its place: the one path where the set-up compiles it. */
const FINDS_ADDON = /var binary = require\('@mapbox\/node-pre-gyp'\);\nvar bindingPath = binary\.find\([^\n]*\);/;
const ADDON = "var bindingPath = path.join(__dirname, '../lib/napi-v8/tfjs_binding.node');";

const read = (file: string): PackageJson => JSON.parse(readFileSync(file, "utf8"));

/** Copies what is used of one of TensorFlow.js's packages; returns its dependencies. */
function prune(name: string, target: string): Record<string, string> {
  const source = join(root, "node_modules", name);
  const { version, license, main, types, dependencies = {} } = read(join(source, "package.json"));
  const node = name.endsWith("tfjs-node-gpu");
  const wanted = (file: string): boolean => {
    if (/_test\.|run_tests|\.map$|\.html$/.test(file)) return false;
    if (file.endsWith(".d.ts")) return file.startsWith("dist/");
    return file === main || (node && /^(dist\/.*\.js|binding\/.*\.(cc|h))$/.test(file));
  };
  for (const file of readdirSync(source, { recursive: true }) as string[]) {
    if (!wanted(file)) continue;
    mkdirSync(dirname(join(target, file)), { recursive: true });
    cpSync(join(source, file), join(target, file));
  }
  const own = { name, version, license, main, types };
  writeFileSync(join(target, "package.json"), `${JSON.stringify(own, null, 2)}\n`);
  if (node) {
    const index = join(target, "dist/index.js");
    const text = readFileSync(index, "utf8");
    if (!FINDS_ADDON.test(text)) throw new Error(`${index}: finds its addon in another way than expected`);
    writeFileSync(index, text.replace(FINDS_ADDON, ADDON));
  }
  return dependencies;
}

/** Makes the folder and returns its path. The library must be built. */
export function makePackage(): string {
  const folder = join(root, "build/package");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const { devDependencies, scripts, workspaces, typedocOptions, ...own } = read(join(root, "package.json"));
  for (const file of [...own.files, "README.md", "LICENSE"]) {
    if (!existsSync(join(root, file)))
      throw new Error(`${file}: not found, expected what package.json's "files" lists`);
    cpSync(join(root, file), join(folder, file), { recursive: true });
  }
  const needed: Record<string, string> = {};
  for (const name of TENSORFLOW) Object.assign(needed, prune(name, join(folder, "node_modules", name)));
  for (const name of [...TENSORFLOW, ...UNUSED]) delete needed[name];
  const bundled = Object.fromEntries(
    TENSORFLOW.map((name) => [name, read(join(root, "node_modules", name, "package.json")).version]),
  );
  const json = { ...own, dependencies: { ...needed, ...own.dependencies, ...bundled }, bundleDependencies: TENSORFLOW };
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(json, null, 2)}\n`);
  return folder;
}

if (require.main === module) console.log(makePackage());
