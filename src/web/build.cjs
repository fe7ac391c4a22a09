// Bundles what runs in the browser: dist/web/index.js, a library without TensorFlow.js, dist/web/page.js, the page's
// script with it, dist/web/inline.js, which begins that in a page of one document, dist/web/plotly.js, what the displays
// use of Plotly, and dist/web/charts.js, which draws with it in a page of displays.
const { copyFileSync, mkdirSync, readFileSync } = require("node:fs");
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

/** Traces of the displays besides scatter, which Plotly always has. */
const TRACES = ["bar", "heatmap"];

/**
 * Plotly's bundle as a module from which esbuild can leave out what isn't used: its modules are calls that it otherwise
 * has to keep, inside one function.
 */
function plotlySource() {
  const text = readFileSync(require.resolve("plotly.js-dist"), "utf8");
  const parts =
    /^(\/\*\*[\s\S]*?\*\/)[\s\S]*?\nvar Plotly = \(\(\) => \{\n([\s\S]*)\n {2}return require_index\(\);\n\}\)\(\);/.exec(
      text,
    );
  const list = parts && /Plotly\.register\(\[\s+\/\/ traces[^\]]*\]\)/;
  if (!list?.test(parts[2]))
    throw new Error("plotly.js-dist: built in another way than expected; look at plotlySource");
  const used = TRACES.map((name) => `require_${name}2()`);
  const body = parts[2]
    .replace(list, `Plotly.register([${used.join(", ")}])`)
    .replaceAll("= __commonJS(", "= /* @__PURE__ */ __commonJS(")
    .replaceAll("= __esm(", "= /* @__PURE__ */ __esm(");
  return { banner: parts[1], contents: `${body}\nwindow.Plotly = require_index();` };
}

mkdirSync(join(root, "dist/web"), { recursive: true });
const wasm = join(dirname(require.resolve("@tensorflow/tfjs-backend-wasm")), "tfjs-backend-wasm-simd.wasm");
copyFileSync(wasm, join(root, "dist/web/tensorflow.wasm"));
const { banner, contents } = plotlySource();

Promise.all([
  build({ ...common, entryPoints: ["src/web/index.ts"], format: "esm", outfile: "dist/web/index.js" }),
  build({ ...common, entryPoints: ["src/web/page.ts"], format: "iife", outfile: "dist/web/page.js" }),
  build({ ...common, entryPoints: ["src/web/inline.ts"], format: "iife", outfile: "dist/web/inline.js" }),
  build({ ...common, entryPoints: ["src/web/charts.ts"], format: "iife", outfile: "dist/web/charts.js" }),
  build({
    ...common,
    inject: [],
    stdin: { contents },
    banner: { js: banner },
    format: "iife",
    outfile: "dist/web/plotly.js",
  }),
]).catch(() => process.exit(1));
