import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { build, type Plugin } from "esbuild";
import { root } from "../../support/python.js";

const scope = join(root, "node_modules", "@tensorflow");
const node = join(scope, "tfjs-node-gpu", "dist");

/**
 * Bundles the test suite of tfjs-core, as tfjs-node runs it, with the backend and this library's kernels.
 *
 * The packages come as CommonJS with a copy each of tfjs-core in bundled form; the tests need the one that they are part of.
 *
 * @returns path of a script that runs the suite and writes `{ run, failed }` as json to the file named by SUITE_REPORT
 */
export async function bundleSuite(): Promise<string> {
  const outfile = join(root, "build", `core-suite-${process.pid}.cjs`);
  mkdirSync(dirname(outfile), { recursive: true });
  await build({
    stdin: { contents: ENTRY, resolveDir: root, loader: "js" },
    bundle: true,
    platform: "node",
    format: "cjs",
    outfile,
    // The tests are marked as free of side effects, and would be left out.
    ignoreAnnotations: true,
    external: ["jasmine", "@mapbox/node-pre-gyp", "*.node"],
    plugins: [oneCopy],
    logLevel: "error",
  });
  return outfile;
}

const ENTRY = `
const { writeFileSync } = require("node:fs");
require("./dist/tensorflow/load.js").loadTensorFlow();
require("./node_modules/@tensorflow/tfjs-node-gpu/dist/run_tests.js");
const report = { run: 0, failed: [] };
jasmine.getEnv().addReporter({
  specDone({ fullName, status, failedExpectations }) {
    if (status === "excluded" || status === "pending") return;
    report.run++;
    if (status === "failed") report.failed.push({ name: fullName, message: failedExpectations[0].message });
  },
  jasmineDone() { writeFileSync(process.env.SUITE_REPORT, JSON.stringify(report)); },
});
`;

const oneCopy: Plugin = {
  name: "one-copy",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^@tensorflow\/tfjs(-[a-z-]+)?$/ }, ({ path }) => ({
      path: join(root, "node_modules", path, "dist", "index.js"),
    }));
    onResolve({ filter: /^yargs$/ }, () => ({ path: "yargs", namespace: "stub" }));
    onLoad({ filter: /.*/, namespace: "stub" }, () => ({ contents: "module.exports = { argv: { grep: '.*' } };" }));
    onLoad({ filter: /tfjs-node-gpu\/dist\/.*\.js$/ }, ({ path }) => ({
      contents: readFileSync(path, "utf8")
        // ES5 code that extends a class.
        .replace("_super.call(this)", "Reflect.construct(_super, [], this.constructor)")
        .replaceAll("__dirname", JSON.stringify(node)),
      loader: "js",
    }));
    onLoad({ filter: /dist\/tensorflow\/load\.js$/ }, ({ path }) => {
      // The package's folder is found as from the built file; the package itself is the one in the bundle.
      const source = readFileSync(path, "utf8");
      const here = `require("node:module").createRequire(${JSON.stringify(path)})`;
      assert.match(source, /require\.resolve\(.*require\(PACKAGE\)/s);
      const contents = source
        .replaceAll("require.resolve(", `${here}.resolve(`)
        .replaceAll("require(PACKAGE)", 'require("@tensorflow/tfjs-node-gpu")');
      return { contents, loader: "js" };
    });
  },
};
