// Never two holders: whatever a lock's file says of its holder, whoever dies, and whenever. No test waits for the real time
// after which a lock is free: each has a clock of its own.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import files from "node:fs/promises";
import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate as nextTurn, setTimeout as later } from "node:timers/promises";
import { thisProcess } from "../../dist/system/lock-holder.js";
import { DEAD_AFTER_SECONDS, type Lock, type LockClock, withLock } from "../../dist/system/lock.js";
import { writeWhole } from "../../dist/system/atomic-file.js";
import { publish } from "../../dist/records/publish.js";
import { ended, start } from "../support/processes.js";
import { root } from "../support/python.js";
import { folder } from "../support/records.js";

const TOKEN = "00000000-0000-4000-8000-000000000000";
const lockOf = (directory: string): string => join(directory, ".set.lock");

/** A clock that counts its pauses, which take no time, and does `each` in them. */
function fast(each: () => unknown = () => undefined): LockClock & { pauses: number } {
  const clock = {
    pauses: 0,
    beatMs: 1e6,
    holder: thisProcess(),
    pause: async () => {
      clock.pauses++;
      await each();
      await nextTurn();
    },
  };
  return clock;
}

/** A lock as a holder leaves it who dies. */
function leave(directory: string, text: string): void {
  mkdirSync(lockOf(directory));
  writeFileSync(join(lockOf(directory), TOKEN), text);
}

test("a lock without heartbeat is free after 200 looks, ten a second, whatever its file says", async (t) => {
  assert.equal(DEAD_AFTER_SECONDS, 20);
  const self = thisProcess();
  const dead = spawnSync(process.execPath, ["-e", ""]).pid;
  const old = (text: string) => (directory: string) => writeFileSync(lockOf(directory), text);
  const cases: Record<string, [make: (directory: string) => void, pauses: number]> = {
    "an old file of another host": [old('{"pid":7,"host":"yesterday","since":"1970","token":"x"}'), 200],
    "an old file of a process number that lives": [
      old(`{"pid":1,"host":"${hostname()}","since":"x","token":"y"}`),
      200,
    ],
    "an empty file": [old(""), 200],
    "a file of tomorrow": [
      (directory) => {
        old("")(directory);
        utimesSync(lockOf(directory), Date.now() / 1000 + 86400, Date.now() / 1000 + 86400);
      },
      200,
    ],
    "a link to nowhere": [(directory) => symlinkSync(join(directory, "nowhere"), lockOf(directory)), 200],
    "our own host and number, of another system": [(d) => leave(d, JSON.stringify({ ...self, machine: "x" })), 200],
    "our own number": [(d) => leave(d, JSON.stringify(self)), 200],
    "a number that another process has now": [(d) => leave(d, JSON.stringify({ ...self, pid: 1 })), 200],
    "nothing in its file": [(d) => leave(d, ""), 200],
    "not ours": [(d) => leave(d, '{"pid":"../../x","host":"\\u001b[31m","since":7}'), 200],
    "a process of ours that is gone": [(d) => leave(d, JSON.stringify({ ...self, pid: dead })), 0],
    "an empty folder": [(d) => mkdirSync(lockOf(d)), 0],
  };
  for (const [what, [make, pauses]] of Object.entries(cases)) {
    const directory = folder(t);
    make(directory);
    const clock = fast();
    await withLock(directory, "set", async () => assert.equal(readdirSync(lockOf(directory)).length, 1, what), clock);
    if (self.machine !== undefined) assert.equal(clock.pauses, pauses, what);
    assert.deepEqual(readdirSync(directory), [], what);
  }
});

test("one whose heart beats is never taken, however often it is looked at", async (t) => {
  const directory = folder(t);
  leave(directory, JSON.stringify({ ...thisProcess(), host: "elsewhere", machine: "x" }));
  let looks = 0;
  const beat = (): void => {
    // The last beat that still counts, dated back: clocks don't agree.
    if (++looks % 199 === 0) utimesSync(join(lockOf(directory), TOKEN), 1e9 + looks, 1e9 - looks);
  };
  await assert.rejects(
    withLock(directory, "set", async () => assert.fail("two"), fast(beat)),
    {
      code: "LOCKED",
      message:
        /held by process \d+ on elsewhere since .*; wait until it is done: if it dies, the lock is free after 20 s$/,
    },
  );
  assert.equal(looks, 199);
});

test("the heart beats while the main thread computes", async (t) => {
  const directory = folder(t);
  const script = `
const { withLock } = require(${JSON.stringify(join(root, "dist/system/lock.js"))});
const clock = { pause: async () => {}, beatMs: 5, holder: { pid: 1, host: "h", since: "s" } };
withLock(process.argv[1], "set", async () => { console.log("held"); for (;;); }, clock);`;
  const child = start(process.execPath, ["-e", script, directory], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout!, "data");
  const [token] = readdirSync(lockOf(directory));
  const time = (): number => statSync(join(lockOf(directory), token!)).mtimeMs;
  for (let beats = 0, last = time(); beats < 3; last = time()) {
    while (time() === last) await later(1);
    beats++;
  }
  child.kill("SIGKILL");
  await ended(child);
  await withLock(directory, "set", async () => undefined, fast());
});

test("one that was taken for dead stops before it publishes, and leaves the other's lock alone", async (t) => {
  const directory = folder(t);
  const shard = join(directory, ".set.build", "set0.tfrecord");
  // biome-ignore lint/suspicious/noExplicitAny: never looked at
  const journal = { manifest: {} as any, move: ["set0.tfrecord"], remove: [] };
  const held = withLock(
    directory,
    "set",
    async (lock) => {
      mkdirSync(join(directory, ".set.build"));
      writeFileSync(shard, "new");
      // Its heart doesn't beat, as on a suspended machine.
      const other = fast();
      await withLock(
        directory,
        "set",
        async (second) => {
          await assert.rejects(publish(directory, "set", journal, lock), {
            code: "LOCKED",
            message:
              /another process has taken the lock, since this one gave no sign of life for 20 s .*run the same call again/,
          });
          assert.equal(lock.signal.aborted, true);
          await second.check();
        },
        other,
      );
      assert.deepEqual(readdirSync(join(directory, ".set.build")), ["set0.tfrecord"]);
      assert.equal(existsSync(join(directory, "set0.tfrecord")), false);
      leave(directory, "");
    },
    fast(),
  );
  await held;
  assert.deepEqual(readdirSync(lockOf(directory)), [TOKEN]);
});

test("the signal of one that was taken for dead is aborted by its heart", async (t) => {
  const directory = folder(t);
  const lost = withLock(
    directory,
    "set",
    async (lock: Lock) => {
      await files.rm(lockOf(directory), { recursive: true });
      // The heart alone keeps no process alive.
      const awake = setInterval(() => undefined, 1000);
      await once(lock.signal, "abort");
      clearInterval(awake);
      throw new Error("stopped");
    },
    { ...fast(), beatMs: 1 },
  );
  await assert.rejects(lost, (error: Error & { code?: string }) => {
    assert.equal(error.code, "LOCKED");
    assert.equal((error.cause as Error).message, "stopped");
    return true;
  });
});

test("NFS reports a rename as failed that it has done, and a rename as done that it hasn't", async (t) => {
  const { rename } = files;
  t.after(() => {
    files.rename = rename;
  });
  const directory = folder(t);
  const failing = Object.assign(new Error("retried"), { code: "ENOENT" });
  files.rename = async (...args) => {
    await rename(...args);
    throw failing;
  };
  await withLock(directory, "set", async (lock) => lock.check(), fast());
  let lies = 0;
  files.rename = async (...args) => (lies++ === 0 ? undefined : rename(...args));
  await withLock(directory, "set", async (lock) => lock.check(), fast());
  assert.equal(lies, 2);
  assert.deepEqual(readdirSync(directory), []);
});

/** Takes a dead lock, but kills itself at the n-th thing that it does to the disk; prints "done" where there are fewer. */
const KILLED = `
const files = require("node:fs/promises");
let steps = 0;
for (const name of ["mkdir", "writeFile", "rmdir", "rename", "unlink"]) {
  const real = files[name];
  files[name] = (...args) => {
    if (++steps === Number(process.argv[2])) process.kill(process.pid, "SIGKILL");
    return real(...args);
  };
}
const { withLock } = require(${JSON.stringify(join(root, "dist/system/lock.js"))});
const clock = { pause: async () => {}, beatMs: 1e6, holder: { pid: 1, host: "h", since: "s" } };
withLock(process.argv[1], "set", async () => {}, clock).then(() => console.log("done"));`;

test("killed at any step of taking a dead lock and of releasing it, it leaves one that the next can take", async (t) => {
  let last = 1;
  for (let done = false; !done; last++) {
    const directory = folder(t);
    leave(directory, "");
    done =
      spawnSync(process.execPath, ["-e", KILLED, directory, String(last)], { encoding: "utf8" }).stdout === "done\n";
    await withLock(directory, "set", async (lock) => lock.check(), fast());
    assert.deepEqual(readdirSync(directory), [], `step ${last}`);
  }
  assert.equal(last, 9);
});

test("temporary files of killed processes are cleared away, those of the last hour and of others aren't", async (t) => {
  const directory = folder(t);
  const keep = ["set.plan.json", "other.plan.json.0f0f0f0f-0000-4000-8000-000000000000.tmp", "set.mine.tmp", "set.tmp"];
  const remove = [
    "set.plan.json.0f0f0f0f-0000-4000-8000-000000000000.tmp",
    ".set.x.0f0f0f0f-0000-4000-8000-000000000000.tmp",
    "set.recipe.json.host.123.tmp",
    ".set.lock.dead",
  ];
  for (const name of [...keep, ...remove]) {
    writeFileSync(join(directory, name), "");
    utimesSync(join(directory, name), 1e9, 1e9);
  }
  const recent = "set.split.json.0f0f0f0f-0000-4000-8000-000000000000.tmp";
  writeFileSync(join(directory, recent), "");
  await withLock(directory, "set", async () => undefined, fast());
  assert.deepEqual(readdirSync(directory).sort(), [...keep, recent].sort());
  // Two that write the same file at once don't get into each other's way.
  await Promise.all(Array.from({ length: 20 }, (_, i) => writeWhole(join(directory, "set.json"), String(i))));
  assert.deepEqual(readdirSync(directory).sort(), [...keep, recent, "set.json"].sort());
});

/** Takes the lock twenty times and says so, and where another had it too. Some die with it in their hands. */
const CONTENDER = `
const { withLock } = require(${JSON.stringify(join(root, "dist/system/lock.js"))});
const fs = require("node:fs");
const [directory, dies] = process.argv.slice(1);
const inside = directory + "/inside";
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const identity = process.env.REAL ? require(${JSON.stringify(join(root, "dist/system/lock-holder.js"))}).thisProcess() : { pid: 1, host: "same", since: "s", machine: undefined };
const clock = { pause: () => wait(10 + 5 * Math.random()), beatMs: 50, holder: identity };
(async () => {
  for (let had = 0; had < 20; ) {
    try {
      await withLock(directory, "set", async (lock) => {
        had++;
        // Exclusive: fails where another is inside. One that dies says so, since its mark stays.
        fs.mkdirSync(inside);
        await wait(1);
        fs.rmdirSync(inside);
        // Nobody can kill process 1 from within; its end leaves the lock just the same.
        if (had === Number(dies)) process.exit();
      }, clock);
    } catch (error) {
      if (error.code !== "LOCKED") { console.log(error.message); process.exit(1); }
    }
  }
  console.log("had 20");
})();`;

for (const [what, command, env] of [
  ["processes of one name and number", [], {}],
  ["containers of one host name, each with a process 1", ["unshare", "--pid", "--mount-proc", "--fork"], { REAL: "1" }],
] as const) {
  const allowed = command.length === 0 || spawnSync(command[0]!, [...command.slice(1), "true"]).status === 0;
  test(`of ${what}, two of which end while they have the lock, never two have it`, {
    skip: !allowed && "unshare isn't allowed here",
  }, async (t) => {
    const directory = folder(t);
    const outs = await Promise.all(
      [5, 10, 0, 0].map(async (dies) => {
        const [program, ...args] = [...command, process.execPath, "-e", CONTENDER, directory, String(dies)] as string[];
        const options = { stdio: ["ignore", "pipe", "inherit"] as never, env: { ...process.env, ...env } };
        return (await ended(start(program!, args, options))).stdout;
      }),
    );
    assert.deepEqual(outs, ["", "", "had 20\n", "had 20\n"]);
    // One of those that ended may have been the last to have it.
    await withLock(directory, "set", async () => undefined, fast());
    assert.deepEqual(readdirSync(directory), []);
  });
}
