#!/usr/bin/env node
// The command's entry. It stands outside dist/ so that npm can link it before anything is built.
const { existsSync } = require("node:fs");
const { join } = require("node:path");

const [command, ...args] = process.argv.slice(2);
if (command === "setup" || command === "lab") require("./setup/bootstrap.cjs");
else if (command === "new") require("./setup/new-project.cjs").newProject(args);
else if (existsSync(join(__dirname, "../dist/cli.js"))) require("../dist/cli.js").main(process.argv.slice(2));
else {
  console.error("deep-audio-dataset: not built yet, run `npm start` (or `npm test`) once");
  process.exitCode = 1;
}
