import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readCues, writeCues } from "../../dist/format/cues.js";
import { python } from "../support/python.js";
import { folder } from "../support/records.js";

/** A wav at 8 kHz with one cue point at sample 800, and any number in its count. */
function wavWithCues(count: number): Buffer {
  const chunk = (id: string, ...numbers: number[]): Buffer => {
    const bytes = Buffer.alloc(8 + 4 * numbers.length);
    bytes.write(id, "latin1");
    bytes.writeUInt32LE(bytes.length - 8, 4);
    for (const [i, number] of numbers.entries()) bytes.writeUInt32LE(number, 8 + 4 * i);
    return bytes;
  };
  const data = Buffer.from("data").readUInt32LE();
  const body = Buffer.concat([
    Buffer.from("WAVE"),
    chunk("fmt ", 0x10001, 8000, 16000, 0x100002),
    chunk("cue ", count, 1, 800, data, 0, 0, 800),
    chunk("data"),
  ]);
  const head = Buffer.from("RIFF\0\0\0\0");
  head.writeUInt32LE(body.length, 4);
  return Buffer.concat([head, body]);
}

test("a cue chunk that counts more points than it has room for is an error, not four billion points", () => {
  assert.deepEqual(
    readCues(wavWithCues(1), "a.wav").map(({ onset, label }) => [onset, label]),
    [[0.1, "1"]],
  );
  for (const count of [2, 2 ** 32 - 1]) {
    assert.throws(() => readCues(wavWithCues(count), "a.wav"), {
      code: "LABEL",
      message: `cue points: ${count}, expected at most the 1 that fit into their chunk (a.wav); write the file again`,
    });
  }
});

/** libsndfile's own cue points, by the soundfile package: 280 bytes for each, of which 256 are its name. */
const SNDFILE = `
import soundfile, struct
def points(n):
    return soundfile._ffi.new("char[]", 4 + 100 * 280), 4 + 100 * 280
def write(path, samples):
    file = soundfile.SoundFile(path, "w", 8000, 1, "PCM_16")
    buffer, size = points(len(samples))
    data = struct.pack("<I", len(samples))
    for i, at in enumerate(samples):
        data += struct.pack("<iIiiiI", i + 1, at, 0x61746164, 0, 0, at) + bytes(256)
    soundfile._ffi.memmove(buffer, data, len(data))
    assert soundfile._snd.sf_command(file._file, 0x10CF, buffer, size) == 1
    file.write([0.0] * 8000)
    file.close()
def read(path):
    file = soundfile.SoundFile(path)
    buffer, size = points(100)
    assert soundfile._snd.sf_command(file._file, 0x10CE, buffer, size) == 1
    data = bytes(soundfile._ffi.buffer(buffer, size))
    count = struct.unpack_from("<I", data)[0]
    found = [(struct.unpack_from("<iIiiiI", data, 4 + 280 * i), data[28 + 280 * i : 284 + 280 * i]) for i in range(count)]
    return [[numbers[5], name.split(b"\\0")[0].decode()] for numbers, name in found]
`;

test("cue points that libsndfile wrote are read, and libsndfile reads those written here", (t) => {
  const directory = folder(t);
  const [theirs, ours] = [join(directory, "theirs.wav"), join(directory, "ours.wav")];
  python(`${SNDFILE}\nwrite(input, [0, 801, 7999])\nprint(1)`, theirs);
  const read = readCues(readFileSync(theirs), theirs);
  assert.deepEqual(
    read.map(({ onset, label }) => [onset, label]),
    [
      [0, "1"],
      [801 / 8000, "2"],
      [7999 / 8000, "3"],
    ],
  );
  const events = read.map((event, i) => ({ ...event, label: ["dog", "bark é", "x"][i]! }));
  writeFileSync(ours, writeCues(readFileSync(theirs), events));
  assert.deepEqual(python(`${SNDFILE}\nprint(json.dumps(read(input)))`, ours), [
    [0, "dog"],
    [801, "bark é"],
    [7999, "x"],
  ]);
});
