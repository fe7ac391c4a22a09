// Completion and Shift-Tab, as a front end asks for them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { drive } from "./drive.js";

test("completion and inspection answer while a cell runs, and the kernel stays busy", async () => {
  const code = "/** Twice a number. */\nfunction twice(n: number): number { return 2 * n }";
  const { results, cells } = await drive([
    ["send", code],
    ["wait"],
    ["send", "await new Promise<void>((resolve) => setTimeout(resolve, 2000)); twice(4)"],
    ["request", "complete_request", { code: "twi", cursor_pos: 3 }],
    ["request", "inspect_request", { code: "twice(2)", cursor_pos: 2, detail_level: 0 }],
    ["wait"],
  ]);
  assert.equal(results[0].type, "complete_reply");
  assert.ok(results[0].matches.includes("twice"));
  assert.deepEqual([results[0].cursor_start, results[0].cursor_end], [0, 3]);
  assert.match(results[1].data["text/plain"], /function twice\(n: number\): number/);
  assert.match(results[1].data["text/plain"], /Twice a number\./);
  assert.equal(cells[1]!.outputs.find((output) => output.type === "execute_result")?.data["text/plain"], "8");
});

test("the library's own names are completed and explained, with their documentation", async () => {
  const { results, cells } = await drive([
    ["send", 'import { AudioDataset } from "deep-audio-dataset";'],
    ["wait"],
    ["request", "complete_request", { code: "new AudioDa", cursor_pos: 11 }],
    ["request", "complete_request", { code: 'new AudioDataset("./data", "d").gener', cursor_pos: 37 }],
    ["request", "inspect_request", { code: 'new AudioDataset("./data", "d")', cursor_pos: 8, detail_level: 0 }],
    ["request", "inspect_request", { code: 'new AudioDataset("./data", "d").load()', cursor_pos: 34, detail_level: 0 }],
  ]);
  assert.equal(cells[0]!.reply.status, "ok");
  assert.ok(results[0].matches.includes("AudioDataset"), results[0].matches.slice(0, 20).join());
  assert.ok(results[1].matches.includes("generate"), results[1].matches.slice(0, 20).join());
  const text: string = results[2].data["text/plain"];
  assert.match(
    text,
    /new AudioDataset\(directory: string, [\s\S]*\n\n@param directory folder of the dataset, D[^\n]*\n@param name/,
  );
  const method: string = results[3].data["text/plain"];
  assert.match(
    method,
    /\n\nOpens the records[\s\S]*\n\n@throws DatasetError "RECORD"[\s\S]*\n@example\nawait dataset\.load/,
  );
});

test("between the parentheses of a call its function is explained; signs of two units don't shift the cursor", async () => {
  const setUp = `/** Twice a number. */
function twice(n: number, options?: { exact?: boolean }): number { return 2 * n }
/** What a number is called. */
function nameOf(n: number, where: string): string { return String(n) }`;
  const inspect = (code: string): unknown[] => [
    "request",
    "inspect_request",
    { code: code.replace("|", ""), cursor_pos: [...code.slice(0, code.indexOf("|"))].length, detail_level: 0 },
  ];
  const { results } = await drive([
    ["send", setUp],
    ["wait"],
    inspect("twice(|)"),
    inspect('nameOf(twice(3), "a (b|")'),
    inspect("nameOf(twice(|3), 'x')"),
    inspect("if (|1) {}"),
    inspect('const s = "🎵🎵 ("; twi|ce(3)'),
    ["request", "complete_request", { code: 'const s = "🎵"; twi', cursor_pos: 18 }],
  ]);
  const texts = results.map((result) => result.data?.["text/plain"] ?? "");
  assert.match(texts[0], /function twice\(n: number, options\?.*Twice a number\./s);
  assert.match(texts[1], /function nameOf\(.*What a number is called\./s);
  assert.match(texts[2], /function twice\(/);
  assert.equal(results[3].found, false);
  assert.match(texts[4], /function twice\(/);
  assert.ok(results[5].matches.includes("twice"));
  assert.deepEqual([results[5].cursor_start, results[5].cursor_end], [15, 18]);
});
