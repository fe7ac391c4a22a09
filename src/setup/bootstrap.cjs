// What `npm start`, `npm test`, `npm run bench` and `npx deep-audio-dataset setup` run first. Node may be any version, and of a clone
// no package is there yet, so this file is plain old JavaScript: it checks Node, takes the lock, installs a clone's npm packages and
// hands over to main.ts.
var child = require("child_process");
var crypto = require("crypto");
var fs = require("fs");
var path = require("path");

var NODE = [20, 19];
var root = path.join(__dirname, "../..");
// The project that installed the library with npm; of a clone the clone itself.
var project = root.split(path.sep + "node_modules" + path.sep)[0];
var installed = project !== root;
var lock = path.join(root, "build/setup.lock");
var modules = path.join(root, "node_modules");
var stamp = path.join(modules, ".stamp-packages");

function fail(line) {
  console.error("set-up: " + line);
  process.exit(1);
}

function checkNode() {
  var v = process.versions.node.split(".").map(Number);
  if (v[0] > NODE[0] || (v[0] === NODE[0] && v[1] >= NODE[1])) return;
  fail("Node " + process.versions.node + ", expected " + NODE.join(".") + " or newer: install it from nodejs.org");
}

// TensorFlow's wheels exist for 3.10 to 3.13; a newer Python is taken only where there is no other.
function findPython() {
  var windows = process.platform === "win32";
  var own = path.join(project, windows ? ".venv/Scripts/python.exe" : ".venv/bin/python");
  var names = ["python3", "python", "python3.13", "python3.12", "python3.11", "python3.10"];
  var code =
    "import sys, importlib.util as u; print(sys.version_info[0], sys.version_info[1], int(all(u.find_spec(m) for m in ('venv', 'ensurepip'))))";
  var newer, tooOld, noVenv;
  var candidates = (fs.existsSync(own) ? [own] : []).concat(process.env.PYTHON ? [process.env.PYTHON] : names);
  for (var i = 0; i < candidates.length; i++) {
    var run = child.spawnSync(candidates[i], ["-c", code], { encoding: "utf8" });
    if (run.status !== 0) continue;
    var found = run.stdout.trim().split(" ").map(Number);
    var version = found[0] + "." + found[1];
    if (found[0] !== 3 || found[1] < 10) tooOld = tooOld || version;
    else if (candidates[i] !== own && !found[2]) noVenv = noVenv || version;
    else if (found[1] > 13) newer = newer || candidates[i];
    else return candidates[i];
  }
  if (newer) return newer;
  if (noVenv)
    fail(
      "Python " +
        noVenv +
        " has no venv module: install it (Debian, Ubuntu: sudo apt install python3-venv), then run the same command again",
    );
  if (tooOld)
    fail(
      "Python " +
        tooOld +
        ", expected 3.10 to 3.13: install one from python.org, or name one: PYTHON=/path/to/python3 before the command",
    );
  return fail(
    "Python not found, expected 3.10 to 3.13: install it from python.org or your system's packages (with its venv module)",
  );
}

function alive(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === "EPERM";
  }
}

// Beats for the processes that the lock names, and clears it away when none of them is there any more: a child can outlive a
// killed parent, npm for one clears up for some seconds after it was told to end.
var HEART = [
  "var fs = require('fs'), path = require('path'), file = process.argv[1];",
  String(alive),
  "setInterval(function () {",
  "  try {",
  "    var now = new Date();",
  "    if (fs.readFileSync(file, 'utf8').split(' ').map(Number).filter(Boolean).some(alive)) return fs.utimesSync(file, now, now);",
  "    fs.unlinkSync(file);",
  "    fs.rmdirSync(path.dirname(file));",
  "  } catch (error) {}",
  "  process.exit();",
  "}, 500);",
].join("\n");

// The lock is a folder with one file, which is called by a random token and names the processes at work. It is free when that file
// hasn't changed in 200 looks, whoever has those numbers by then: they may be another container's.
var LOOKS = 200;
var token = crypto.randomBytes(16).toString("hex");
var held = path.join(lock, token);

// The lock's file, what it says and when it changed last; undefined where nobody has it.
function lookAtLock() {
  try {
    var file = path.join(lock, fs.readdirSync(lock)[0] || ".");
    return { file: file, holders: fs.readFileSync(file, "utf8"), beat: fs.statSync(file).mtimeMs };
  } catch (error) {
    if (error.code === "ENOENT" || error.code === "EISDIR") return undefined;
    // A lock of an earlier version is a file.
    if (error.code !== "ENOTDIR") throw error;
    fs.rmSync(lock, { force: true });
  }
}

function takeLock() {
  fs.mkdirSync(path.dirname(lock), { recursive: true });
  var ready = lock + "." + token;
  var watched;
  var looks = 0;
  for (;;) {
    var seen = lookAtLock();
    if (!seen) {
      try {
        fs.rmdirSync(lock);
      } catch (error) {
        if (error.code !== "ENOENT" && error.code !== "ENOTEMPTY") throw error;
      }
      try {
        fs.mkdirSync(ready);
        fs.writeFileSync(path.join(ready, token), String(process.pid));
        fs.renameSync(ready, lock);
        break;
      } catch (error) {
        fs.rmSync(ready, { recursive: true, force: true });
        // Somebody was faster; Windows says EPERM.
        if (["ENOTEMPTY", "EEXIST", "EPERM"].indexOf(error.code) < 0) throw error;
      }
    } else {
      if (!watched)
        console.log("set-up: waiting for another set-up (process " + seen.holders.trim().replace(" ", ", ") + ") to finish");
      looks = watched && watched.file === seen.file && watched.beat === seen.beat ? looks + 1 : 0;
      watched = seen;
      if (looks >= LOOKS) fs.rmSync(seen.file, { force: true });
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  }
  child.spawn(process.execPath, ["-e", HEART, held], { detached: true, stdio: "ignore", windowsHide: true }).unref();
  process.on("exit", releaseLock);
}

// A child that is still at work keeps the lock, for which its heart goes on beating.
function releaseLock() {
  try {
    var installer = fs.readFileSync(held, "utf8").split(" ")[1];
    if (installer && alive(Number(installer))) return nameHolders(installer);
    fs.unlinkSync(held);
    fs.rmdirSync(lock);
  } catch (error) {
    if (error.code !== "ENOENT" && error.code !== "ENOTEMPTY") throw error;
  }
}

function nameHolders(text) {
  // In one step: an empty file would mean that nobody is at work.
  fs.writeFileSync(lock + "." + token, text);
  fs.renameSync(lock + "." + token, held);
}

function holdLockWith(pid) {
  try {
    nameHolders(process.pid + " " + pid);
  } catch (error) {
    if (error.code !== "ENOENT" && error.code !== "ENOTDIR") throw error;
    fs.rmSync(lock + "." + token, { force: true });
    fail("another set-up has taken over while this one stood still: run the same command again");
  }
}

function packagesKey() {
  return crypto
    .createHash("sha256")
    .update(process.platform + process.arch)
    .update(fs.readFileSync(path.join(root, "package-lock.json")))
    .digest("hex");
}

function installPackages(done) {
  var key = packagesKey();
  if (fs.existsSync(stamp) && fs.readFileSync(stamp, "utf8") === key) return done();
  fs.rmSync(stamp, { force: true });
  process.stdout.write("npm packages: installing from package-lock.json … ");
  var start = Date.now();
  // npm's own script where this runs under npm: it needs no shell, on Windows neither.
  var npm = process.env.npm_execpath;
  var args = ["ci", "--no-progress", "--loglevel=error"];
  var output = "";
  var run =
    npm && /\.c?js$/.test(npm)
      ? child.spawn(process.execPath, [npm].concat(args), { cwd: root, stdio: ["ignore", "pipe", "pipe"] })
      : child.spawn("npm", args, { cwd: root, stdio: ["ignore", "pipe", "pipe"], shell: process.platform === "win32" });
  if (run.pid) holdLockWith(run.pid);
  var kill = function () {
    run.kill("SIGTERM");
  };
  process.on("exit", kill);
  run.stdout.on("data", function (data) {
    output += data;
  });
  run.stderr.on("data", function (data) {
    output += data;
  });
  run.on("error", function (error) {
    fail("npm: " + error.message + ": is npm on the PATH?");
  });
  run.on("close", function (code) {
    process.off("exit", kill);
    if (code !== 0) {
      console.log("failed\n" + output.trim().split("\n").slice(-15).join("\n"));
      var offline = /ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ECONNRESET|ENETUNREACH|network/i.test(output);
      fail(
        offline
          ? "npm packages: no network (or npm's registry is out of reach): connect, then run the same command again"
          : "npm packages: `npm ci` ended with " + code + ": fix the errors above, then run the same command again",
      );
    }
    fs.writeFileSync(stamp, key);
    holdLockWith("");
    console.log(((Date.now() - start) / 1000).toFixed(1) + " s");
    done();
  });
}

checkNode();
var python = findPython();
takeLock();
// Only now: waiting for the lock keeps listeners from being called, so Ctrl+C would not end it.
["SIGINT", "SIGTERM", "SIGHUP"].forEach(function (signal, i) {
  process.on(signal, function () {
    process.exit(128 + [2, 15, 1][i]);
  });
});
function handOver(main) {
  main.main(process.argv[2], process.argv.slice(3), {
    python: python,
    releaseLock: releaseLock,
    holdLockWith: holdLockWith,
  });
}
if (installed) handOver(require("../../dist/setup/main.js"));
else
  installPackages(function () {
    require(path.join(modules, "tsx/dist/cjs/index.cjs"));
    handOver(require("./main.ts"));
  });
