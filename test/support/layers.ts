// The order of src/'s folders, from CONTRIBUTING.md's table, and the lint rules that follow from it.
// Run by itself (`npm run layers`) it writes them into biome.json.
import { readFileSync, writeFileSync } from "node:fs";
import { join, posix } from "node:path";
import { root } from "./python.js";

export interface Layer {
  folder: string;
  charter: string;
  imports: string[];
}

/** The rows of the table, top to bottom. */
export function layers(): Layer[] {
  const table = readFileSync(join(root, "CONTRIBUTING.md"), "utf8").split("| folder | charter | imports |\n")[1]!;
  return table
    .slice(0, table.indexOf("\n\n"))
    .split("\n")
    .slice(1)
    .map((line) => {
      const [folder, charter, imports] = line
        .split("|")
        .slice(1)
        .map((cell) => cell.trim());
      return { folder: folder!, charter: charter!, imports: imports!.split(", ").filter((name) => name !== "") };
    });
}

/** One override of biome's per folder: of what lies above it, only the folders of its row may be imported. */
export function layerOverrides(): object[] {
  return layers().map(({ folder, imports }) => {
    const up = "../".repeat(folder.split("/").length);
    const others = layers().filter((other) => other.folder !== folder && other.folder.startsWith(`${folder}/`));
    // A folder beside this one is reached by going up once.
    const pathTo = (name: string): string => (name.startsWith(`${folder}/`) ? up + name : posix.relative(folder, name));
    const allowed = imports.map((name) => `!${pathTo(name)}/*`);
    // A folder inside this one is reached without going up.
    const inside = others
      .filter((other) => !imports.includes(other.folder))
      .map((other) => `./${other.folder.split("/").pop()}/*`);
    const patterns: object[] = [
      {
        group: ["../**", ...inside, ...allowed],
        message: `${folder}/ imports ${imports.join(", ") || "no other folder"} (CONTRIBUTING.md).`,
      },
    ];
    if (["format", "signal", "figure", "statistics"].includes(folder)) {
      patterns.push({ group: ["node:fs", "node:fs/**"], message: "Files are read and written by stages and workers." });
    }
    return {
      includes: [`src/${folder}/*.ts`],
      linter: { rules: { style: { noRestrictedImports: { level: "error", options: { patterns } } } } },
    };
  });
}

if (require.main === module) {
  const path = join(root, "biome.json");
  const config = JSON.parse(readFileSync(path, "utf8"));
  writeFileSync(path, `${JSON.stringify({ ...config, overrides: layerOverrides() }, null, 2)}\n`);
}
