// `npx deep-audio-dataset new FOLDER`: copies the files of template/ and fills in the name and the version.
var fs = require("node:fs");
var path = require("node:path");

function newProject(args) {
  var folder = args[0];
  if (args.length !== 1 || folder.startsWith("-"))
    return fail("expected one folder: npx deep-audio-dataset new my-project");
  if (fs.existsSync(folder) && fs.readdirSync(folder).length > 0)
    return fail(`${folder}: not empty, expected a new folder`);
  var name =
    path
      .basename(path.resolve(folder))
      .toLowerCase()
      .replace(/[^a-z0-9._-]+/g, "-")
      .replace(/^[._-]+/, "") || "project";
  var version = require("../../package.json").version;
  var template = path.join(__dirname, "template");
  fs.mkdirSync(folder, { recursive: true });
  fs.readdirSync(template).forEach((file) => {
    var text = fs
      .readFileSync(path.join(template, file), "utf8")
      .replaceAll("PROJECT", name)
      .replaceAll("VERSION", version);
    // npm leaves a file called .gitignore out of a package.
    fs.writeFileSync(path.join(folder, file === "gitignore" ? ".gitignore" : file), text, { flag: "wx" });
  });
  console.log(`${folder}: made. Next:\n  cd ${folder}\n  npm install\n  npx deep-audio-dataset lab`);
}

function fail(line) {
  console.error(`new: ${line}`);
  process.exitCode = 1;
}

exports.newProject = newProject;
