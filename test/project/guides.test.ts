// Every block of the guides runs as a reader would run it, page by page from top to bottom, and prints what the page says.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, before, describe, it, mock } from "node:test";
import { format } from "node:util";
import ts from "typescript";
import * as library from "../../dist/index.js";
import { type Block, blocksOf, guides, HAVE } from "../support/guides.js";
import { pythonPath, root } from "../support/python.js";

describe("the guides", () => {
  const work = realpathSync(mkdtempSync(join(tmpdir(), "guides-")));
  const home = process.cwd();
  before(() => {
    const put = (name: string, line: string): void => {
      writeFileSync(join(work, "bin", name), `#!/bin/sh\n${line}\n`);
      chmodSync(join(work, "bin", name), 0o755);
    };
    mkdirSync(join(work, "bin"));
    put("npx", `test "$1" = deep-audio-dataset && shift && exec "${process.execPath}" "${root}/src/cli.cjs" "$@"`);
    put("python", `exec "${pythonPath}" "$@"`);
    mkdirSync(join(work, "node_modules/@tensorflow"), { recursive: true });
    symlinkSync(root, join(work, "node_modules/deep-audio-dataset"));
    const tensorflow = "node_modules/@tensorflow/tfjs-node-gpu";
    symlinkSync(join(root, tensorflow), join(work, tensorflow));
  });
  after(() => {
    process.chdir(home);
    if (!process.env.KEEP) rmSync(work, { recursive: true, force: true });
  });

  it("each has what its reader has", () => {
    assert.ok(guides.length > 10);
    assert.deepEqual([...guides].sort(), Object.keys(HAVE).sort());
  });

  for (const guide of guides) {
    it(guide, async () => {
      const folder = join(work, guide);
      mkdirSync(folder);
      HAVE[guide]!(folder);
      process.chdir(folder);
      library.show.displayFile("displays.html");
      const blocks = blocksOf(guide);
      assert.ok(blocks.length > 0);
      const said = mock.method(console, "log", () => {});
      library.show.table([{ guide }]); // says where displays go
      said.mock.resetCalls();
      const done = (k: number): void => {
        const lines = said.mock.calls.map(({ arguments: values }) => format(...(values as unknown[])));
        said.mock.resetCalls();
        compare(lines.join("\n"), blocks[k]!, guide);
      };
      try {
        await programOf(blocks)(createRequire(join(folder, "x.js")), {}, done, (k: number) => {
          console.log(runShell(blocks[k]!, work));
          done(k);
        });
      } finally {
        said.mock.restore();
        process.chdir(home);
      }
    });
  }
});

type Program = (require: NodeJS.Require, exports: object, done: unknown, shell: unknown) => Promise<void>;

/** A page as one function, which says after each block that it is done. */
function programOf(blocks: readonly Block[]): Program {
  const parts = blocks.map(({ language, code }, k) => (language === "ts" ? `${code}\ndone(${k});` : `shell(${k});`));
  const { CommonJS } = ts.ModuleKind;
  const options = { target: ts.ScriptTarget.ES2022, module: CommonJS, esModuleInterop: true };
  const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor as FunctionConstructor;
  const names = ["require", "exports", "done", "shell"];
  return new AsyncFunction(...names, ts.transpile(parts.join("\n"), options)) as unknown as Program;
}

function runShell({ language, code }: Block, work: string): string {
  const [program, args] = language === "python" ? [pythonPath, ["-c", code]] : ["sh", ["-ec", code]];
  const PATH = [join(work, "bin"), process.env.PATH].join(delimiter);
  const env = { ...process.env, PATH, TF_CPP_MIN_LOG_LEVEL: "3", CUDA_VISIBLE_DEVICES: "-1" };
  return execFileSync(program as string, args as string[], {
    encoding: "utf8",
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/**
 * Compares what was printed with what the page says, in which `…` stands for anything and decimals for what is within a tenth:
 * training ends a little differently on every processor. `REVIEWED=1` writes what was printed into the page.
 */
function compare(printed: string, { prints, code }: Block, guide: string): void {
  if (prints === undefined) return;
  const plain = (text: string): string => text.replace(/[ \t]+$/gm, "").trim();
  const decimals = (text: string): number[] => Array.from(text.matchAll(DECIMAL), Number);
  const [found, expected] = [plain(printed), plain(prints)];
  const pattern = expected
    .split(new RegExp(`(…|${DECIMAL.source})`))
    .map((part) => (part === "…" ? "[^]*?" : part.replace(DECIMAL, "\0").replace(/[.*+?^${}()|[\]\\]/g, "\\$&")))
    .join("")
    .replaceAll("\0", `(${DECIMAL.source})`);
  const match = new RegExp(`^${pattern}$`).exec(found);
  const near =
    match &&
    decimals(expected).every(
      (value, k) => Math.abs(value - Number(match[k + 1])) <= 0.1 * Math.max(1, Math.abs(value)),
    );
  if (near) return;
  if (!process.env.REVIEWED) assert.equal(found, expected, `${guide}: what\n${code}prints`);
  const file = join(root, "docs/guides", `${guide}.md`);
  const block = (text: string): string => `${code}\`\`\`\n\n\`\`\`text\n${text}\`\`\`\n`;
  writeFileSync(
    file,
    readFileSync(file, "utf8").replace(block(prints), () => block(`${found}\n`)),
  );
}

const DECIMAL = /-?\d+\.\d+/g;
