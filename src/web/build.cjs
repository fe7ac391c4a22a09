// Bundles what runs in the browser: dist/web/index.js, a library without TensorFlow.js, dist/web/page.js, the page's
// script with it, and dist/web/inline.js, which begins that in a page of one document.
const { copyFileSync, mkdirSync } = require("node:fs");
const { dirname, join } = require("node:path");
const { build } = require("esbuild");

const node = join(__dirname, "node.ts");
const root = join(__dirname, "../..");
const common = {
  bundle: true,
  minify: true,
  platform: "browser",
  target: "es2022",
  legalComments: "none",
  absWorkingDir: root,
  inject: [node],
  alias: {
    "node:fs": node,
    "node:path": node,
    "node:worker_threads": node,
    "pffft.wasm": join(dirname(require.resolve("@echogarden/pffft-wasm/simd")), "pffft.wasm"),
    "loops.wasm": join(root, "dist/loops.wasm"),
  },
  loader: { ".wasm": "binary" },
  define: { "require.resolve": "String", __dirname: '""', "process.emitWarning": "console.warn" },
  logLevel: "warning",
};

mkdirSync(join(root, "dist/web"), { recursive: true });
const wasm = join(dirname(require.resolve("@tensorflow/tfjs-backend-wasm")), "tfjs-backend-wasm-simd.wasm");
copyFileSync(wasm, join(root, "dist/web/tensorflow.wasm"));

Promise.all([
  build({ ...common, entryPoints: ["src/web/index.ts"], format: "esm", outfile: "dist/web/index.js" }),
  build({ ...common, entryPoints: ["src/web/page.ts"], format: "iife", outfile: "dist/web/page.js" }),
  build({ ...common, entryPoints: ["src/web/inline.ts"], format: "iife", outfile: "dist/web/inline.js" }),
]).catch(() => process.exit(1));
