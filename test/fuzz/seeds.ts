import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AudioClassificationDataset, encodeWav, formatEvents, writeNotes } from "../../dist/index.js";
import { WaveFile } from "wavefile";
import { encodeExample } from "../../dist/format/example.js";
import { random } from "../../dist/signal/random.js";
import { sealedText } from "../../dist/system/sealed-json.js";
import { find } from "../support/programs.js";

/** A fifth of a second of two notes and noise. */
function sound(channels: number, sampleRate: number): Int16Array {
  const noise = random("fuzz");
  return Int16Array.from({ length: (sampleRate / 5) * channels }, (_, i) => {
    const t = Math.floor(i / channels) / sampleRate;
    return 9000 * Math.sin(1400 * t) + 6000 * Math.sin(5000 * t) + 900 * noise.gaussian();
  });
}

/** Other programs' commands that turn `IN` into `OUT`; each makes a form that their files have in the world. */
const FORMS: readonly [file: string, command: string][] = [
  ["u8.wav", "sox IN -b 8 OUT"],
  ["s24.wav", "sox IN -b 24 OUT"],
  ["s32.wav", "sox IN -b 32 OUT"],
  ["f32.wav", "sox IN -b 32 -e floating-point OUT"],
  ["f64.wav", "ffmpeg -i IN -c:a pcm_f64le OUT"],
  ["alaw.wav", "sox IN -e a-law OUT"],
  ["adpcm.wav", "sox IN -e ms-adpcm OUT"],
  ["tagged.wav", "ffmpeg -i IN -metadata title=t -metadata artist=a OUT"],
  ["rf64.wav", "ffmpeg -i IN -rf64 always OUT"],
  ["16.flac", "flac -f -s -o OUT IN"],
  ["8.flac", "flac -f -s -8 --blocksize=1152 -o OUT IN"],
  ["24.flac", "ffmpeg -i IN -sample_fmt s32 -bits_per_raw_sample 24 OUT"],
  ["picture.flac", "ffmpeg -i IN -metadata title=t OUT"],
  ["vorbis.ogg", "ffmpeg -i IN -c:a libvorbis OUT"],
  ["flac.ogg", "ffmpeg -i IN -c:a flac OUT"],
  ["opus.ogg", "ffmpeg -i IN -c:a libopus OUT"],
  ["opus.opus", "ffmpeg -i IN -c:a libopus -b:a 32k OUT"],
  ["cbr.mp3", "ffmpeg -i IN -c:a libmp3lame -b:a 64k OUT"],
  ["vbr.mp3", "ffmpeg -i IN -c:a libmp3lame -q:a 6 -metadata title=t OUT"],
  ["bare.mp3", "ffmpeg -i IN -c:a libmp3lame -b:a 32k -ar 22050 -write_xing 0 -id3v2_version 0 OUT"],
  ["s16.aiff", "sox IN OUT"],
  ["f32.aiff", "ffmpeg -i IN -c:a pcm_f32be OUT"],
  ["s16.au", "sox IN OUT"],
  ["s24.caf", "ffmpeg -i IN -c:a pcm_s24be OUT"],
  ["alac.caf", "ffmpeg -i IN -c:a alac OUT"],
  ["s16.w64", "ffmpeg -i IN OUT"],
  ["s16.sph", "sox IN OUT"],
  ["stereo.mp2", "ffmpeg -i IN -c:a mp2 OUT"],
  ["gsm.wav", "sox IN -r 8000 -c 1 -e gsm-full-rate OUT"],
  ["ima.wav", "sox IN -e ima-adpcm OUT"],
  ["mpeg2.mp3", "ffmpeg -i IN -c:a libmp3lame -ar 16000 -ac 1 OUT"],
];

/** Fills a folder with whole files of every format, small ones: what other programs and the library itself write. */
export async function makeSeeds(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const file = (name: string): string => join(folder, name);
  const stereo = { sampleRate: 44100, channels: 2, samples: sound(2, 44100) };
  writeFileSync(file("stereo.wav"), encodeWav(stereo));
  writeFileSync(file("mono.wav"), encodeWav({ sampleRate: 16000, channels: 1, samples: sound(1, 16000) }));
  for (const [name, command] of FORMS) {
    const [program, ...args] = command
      .split(" ")
      .map((part) => (part === "IN" ? file("stereo.wav") : part === "OUT" ? file(name) : part));
    if (!find(program!)) continue;
    const quiet = program === "ffmpeg" ? ["-v", "error", "-y"] : [];
    execFileSync(program!, [...quiet, ...args], { stdio: ["ignore", "ignore", "pipe"] });
  }
  const notes = Array.from({ length: 12 }, (_, i) => ({
    pitch: 50 + i,
    onset: i / 8,
    offset: i / 8 + 0.3,
    velocity: 40 + i * 5,
  }));
  writeFileSync(file("own.mid"), writeNotes(notes));
  const fixture = join(__dirname, "..", "fixtures");
  for (const path of readdirSync(fixture, { recursive: true }) as string[]) {
    if (path.endsWith(".mid")) cpSync(join(fixture, path), file(path.replaceAll("/", "-")));
  }
  const labels = [0, 1, 2].map((i) => ({ onset: i / 2, offset: i / 2 + 0.25, label: `label ${i % 2}` }));
  writeFileSync(file("dcase-events.tsv"), formatEvents(labels, "dcase", { file: "a.wav" }));
  writeFileSync(file("audacity-events.tsv"), formatEvents(labels, "audacity"));
  writeFileSync(file("named-events.tsv"), "file,Start Time (ms),Duration (ms),note,velocity\na.wav,250,500,60,90\n");
  writeFileSync(file("kaldi.segments"), "u1 rec 0.5 1.25\nu2 rec 1.5 2\n");
  const recording = { id: "r", sources: [{ type: "file", channels: [0], source: "a.wav" }], duration: 2 };
  const cut = { id: "c", start: 0.5, duration: 1, recording, supervisions: [{ label: "x" }] };
  const entries = [
    { audio_filepath: "a.wav", offset: 0.5, duration: 1, label: "x" },
    cut,
    { file_name: "a.wav", label: "x" },
  ];
  for (const [k, entry] of entries.entries())
    writeFileSync(file(`${k}-listing.json`), `${JSON.stringify(entry)}\n`.repeat(2));
  writeFileSync(file("own.TextGrid"), formatEvents(labels, "textgrid", { duration: 2 }));
  writeFileSync(file("own.jams"), formatEvents(labels, "jams", { duration: 2 }));
  const wav = new WaveFile(encodeWav({ sampleRate: 16000, channels: 1, samples: sound(1, 16000) }));
  wav.setCuePoint({ position: 50, label: "point" } as never);
  writeFileSync(file("cues.wav"), wav.toBuffer());
  writeFileSync(file("a_key.csv"), "TIME STAMP,C4,D4\n0,0,0\n1,1,0.5\n2,0,1\n40,0,0\n");
  writeFileSync(file("b_key.csv"), '\uFEFF"TIME STAMP","a, b"\r\n0.0,1e-3\r\n0.25,-2\r\n');
  writeFileSync(file("pairs-index.csv"), 'input,target\n"a, b.wav",c.wav\nd.wav,e.wav\n');
  writeFileSync(file("classes-index.csv"), "file,dog,cat\na.wav,1,0\nb.wav,0,1\nc.wav,0.5,0.5\n");
  writeFileSync(file("frames-index.csv"), "a.wav,a_key.csv\nb.wav,b.mid\n");
  writeFileSync(file("own-table.csv"), 'file,class,split,group\na.wav,dog,train,x\nb.wav,"cat, big",test,y\n');
  writeFileSync(
    file("own-metadata.json"),
    '{ "a.wav": { "artist": "A", "split": "test" }, "b.wav": { "split": "train" } }\n',
  );
  writeFileSync(file("csv-metadata.json"), "file,artist,split\na.wav,A,test\nb.wav,B,train\n");
  const samples = new Uint8Array(64).map((_, i) => i * 7);
  const features = {
    a_in: { kind: "bytes", values: [samples] },
    b_ind: { kind: "int64", values: [0, 3, 2 ** 40] },
    b_val: { kind: "float", values: Float32Array.of(1, -0.5) },
  } as const;
  writeFileSync(file("own.example"), encodeExample(features as never));
  await makeRecords(file("records"), notes);
}

/** Records of three sounds with notes, and a journal as it lies there while they are published. */
async function makeRecords(directory: string, notes: Parameters<typeof writeNotes>[0]): Promise<void> {
  mkdirSync(directory, { recursive: true });
  for (const name of ["a", "b", "c"]) {
    writeFileSync(
      join(directory, `${name}.wav`),
      encodeWav({ sampleRate: 8000, channels: 1, samples: sound(1, 8000) }),
    );
    writeFileSync(
      join(directory, `${name}.mid`),
      writeNotes(notes.map((note) => ({ ...note, onset: note.onset / 10, offset: note.offset / 10 }))),
    );
  }
  writeFileSync(join(directory, "set"), "a.wav,a.mid\nb.wav,b.mid\nc.wav,c.mid\n");
  const dataset = new AudioClassificationDataset(directory, "set");
  await dataset.generateRecords({ examplesPerFile: 2, onProgress: false });
  await dataset.load({ inputSize: 256, batchSize: 1, trainSplit: 0.34, valSplit: 0.33, testSplit: 0.33 });
  await dataset.saveSplit(join(directory, "set.split.json"));
  const json = (name: string): object => {
    const { checksum: _, ...value } = JSON.parse(readFileSync(join(directory, name), "utf8"));
    return value;
  };
  const journal = {
    format: 1,
    manifest: json("set.manifest.json"),
    plan: json("set.plan.json"),
    move: [],
    remove: ["set7.tfrecord"],
  };
  mkdirSync(join(directory, ".set.build"), { recursive: true });
  writeFileSync(join(directory, ".set.build/publish.json"), sealedText(journal));
}
