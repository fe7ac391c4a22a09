// An option that a call doesn't have is an error, of every public function: what is mistyped would be ignored without a word.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import ts from "typescript";
import * as library from "../../dist/index.js";
import { root } from "../support/python.js";
import { folder, quiet } from "../support/records.js";

// biome-ignore lint/suspicious/noExplicitAny: wrong on purpose
const wrong: any = { zzz: 1 };
// biome-ignore lint/suspicious/noExplicitAny: the calls end before they look at what else they are given
const any: any = {};

const { show } = library;
const samples = new Float32Array(16);

/** A loaded dataset of ten classes' sounds. */
async function loaded(t: TestContext): Promise<library.SimpleAudioClassificationDataset> {
  const directory = folder(t);
  mkdirSync(join(directory, "in"));
  const wav = library.encodeWav({ sampleRate: 8000, channels: 1, samples: new Int16Array(80).fill(9) });
  const lines = Array.from({ length: 10 }, (_, i) => {
    writeFileSync(join(directory, "in", `${i}.wav`), wav);
    return `${i}.wav,${i % 2},${1 - (i % 2)}\n`;
  });
  writeFileSync(join(directory, "set"), lines.join(""));
  const dataset = new library.SimpleAudioClassificationDataset(directory, "set");
  await dataset.generateRecords(quiet);
  await dataset.load();
  return dataset;
}

/** Every public function that takes options, called with one that it doesn't have. */
function calls(dataset: library.SimpleAudioClassificationDataset): Record<string, () => unknown> {
  const { directory } = dataset;
  const model = { loss: "binaryCrossentropy", optimizer: {} } as never;
  const pairs = new library.AudioDataset(directory, "pairs");
  const events = { timeUnit: "frames", on: [], off: [], feature: [], value: [] } as never;
  const pipeline = Object.create(library.Pipeline.prototype);
  return {
    "AudioClassificationDataset()": () => new library.AudioClassificationDataset(directory, "set", wrong),
    "AudioDataset()": () => new library.AudioDataset(directory, "set", wrong),
    "Dataset()": () => new library.AudioDataset(directory, "set", wrong),
    "PianoDataset()": () => new library.PianoDataset(directory, "set", wrong),
    "RegressionDataset()": () => new library.RegressionDataset(directory, "set", wrong),
    "SimpleAudioClassificationDataset()": () => new library.SimpleAudioClassificationDataset(directory, "set", wrong),
    "AudioDataset.generate": () => pairs.generate(100, 200, 1, wrong),
    "Dataset.readIndex": () => dataset.readIndex(wrong),
    "Dataset.check": () => dataset.check(wrong),
    "Dataset.generateRecords": () => dataset.generateRecords(wrong),
    "Dataset.plan": () => dataset.plan(wrong),
    finishPlan: () => library.finishPlan("none", wrong),
    "Dataset.load": () => dataset.load(wrong),
    "Dataset.load's cache": () => new library.AudioDataset("http://localhost/set", "set").load({ cache: wrong }),
    "Dataset.kfold": () => dataset.kfold(2, wrong),
    "Dataset.verify": () => dataset.verify(wrong),
    "Dataset.repair": () => dataset.repair(wrong),
    "Dataset.audit": () => dataset.audit(wrong),
    fromCsv: () => library.fromCsv(directory, "set", wrong),
    fromManifest: () => library.fromManifest(directory, "set", wrong),
    fromEvents: () => library.fromEvents(directory, "set", wrong),
    findPitches: () => library.findPitches(directory, any, wrong),
    fromFolder: () => library.fromFolder(directory, wrong),
    pairBy: () => library.pairBy(directory, library.OCTAVE_UP, wrong),
    writeIndex: () => library.writeIndex(directory, "set", any, wrong),
    denseLabels: () => library.denseLabels(events, wrong),
    formatKeys: () => library.formatKeys(samples, wrong),
    formatEvents: () => library.formatEvents([], "jams", wrong),
    labelsToMidi: () => library.labelsToMidi(events, wrong),
    writeNotes: () => library.writeNotes([], wrong),
    readMidi: () => library.readMidi(new Uint8Array(0), "a.mid", wrong),
    decodeAudio: () => library.decodeAudio(new Uint8Array(0), "a.wav", wrong),
    readAudio: () => library.readAudio("a.wav", wrong),
    readAudioBlocks: () => library.readAudioBlocks("a.wav", wrong).next(),
    readAudioInfo: () => library.readAudioInfo("a.wav", wrong),
    writeAudio: () => library.writeAudio(join(directory, "b.wav"), samples, wrong),
    planRecords: () => library.planRecords(directory, "set", any, wrong),
    openRecords: () => library.openRecords(directory, "set", wrong),
    kfold: () => library.kfold(10, 2, wrong),
    splitExamples: () => library.splitExamples(10, wrong),
    explicitSplit: () => library.explicitSplit(10, wrong),
    computeFeatures: () => library.computeFeatures(samples, { ...wrong, kind: "power" }),
    batches: () => library.batches(dataset.records, new Uint32Array(1), wrong),
    melSpectrogram: () => library.melSpectrogram(wrong),
    exportDataset: () => library.exportDataset(dataset, join(directory, "out"), wrong),
    judge: () => library.judge(model, any, wrong),
    judgeExamples: () => library.judgeExamples(model, dataset, wrong),
    fit: () => library.fit(model, dataset, wrong),
    binaryFocalLoss: () => library.binaryFocalLoss(wrong),
    categoricalFocalLoss: () => library.categoricalFocalLoss(wrong),
    multiResolutionStftLoss: () => library.multiResolutionStftLoss(wrong),
    multiHeadAttention: () => library.multiHeadAttention(wrong),
    specAugment: () => library.specAugment(wrong),
    createPipeline: () => library.createPipeline(any, dataset, wrong),
    exportPage: () => library.exportPage(any, directory, wrong),
    showPage: () => library.showPage(any, wrong),
    "Pipeline.predict": () => pipeline.predict("a.wav", wrong),
    "Pipeline.save": () => pipeline.save(directory, wrong),
    "Pipeline.evaluate": () => pipeline.evaluate(dataset, wrong),
    classReport: () => show.classReport([], wrong),
    confusion: () => show.confusion(any, wrong),
    example: () => show.example(any, wrong),
    explore: () => show.explore([], wrong),
    history: () => show.history({}, wrong),
    leaks: () => show.leaks(any, any, 1, wrong),
    liveHistory: () => show.liveHistory(wrong),
    pair: () => show.pair(["a.wav", "b.wav"], wrong),
    pianoRoll: () => show.pianoRoll([], wrong),
    player: () => show.player("a.wav", wrong),
    predictions: () => show.predictions("a.wav", wrong),
    problems: () => show.problems(any, wrong),
    spectrogram: () => show.spectrogram("a.wav", wrong),
    splits: () => show.splits(any, wrong),
    summary: () => show.summary({} as library.SummaryView, wrong),
    waveform: () => show.waveform("a.wav", wrong),
    worst: () => show.worst([], 1, wrong),
  };
}

/** Options within options, which a call looks at by themselves. */
function nested(dataset: library.SimpleAudioClassificationDataset): Record<string, () => unknown> {
  const { directory } = dataset;
  const load = (options: object) => () => dataset.load(options as library.LoadOptions);
  const fit = (options: object) => () =>
    library.fit({ optimizer: {} } as never, dataset, { epochs: 1, ...options } as never);
  const logMel = { kind: "logMel", sampleRate: 8000 } as const;
  return {
    ray: () => dataset.generateRecords({ ...quiet, ray: { address: "http://head:8265", ...wrong } }),
    "ray of check": () => dataset.check({ ...quiet, ray: { address: "http://head:8265", ...wrong } }),
    "ray of audit": () => dataset.audit({ ...quiet, ray: { address: "http://head:8265", ...wrong } }),
    convert: () => dataset.generateRecords({ ...quiet, convert: wrong }),
    "convert of check": () => dataset.check({ ...quiet, convert: wrong }),
    classes: () => dataset.generateRecords({ ...quiet, classes: wrong }),
    columns: () => library.fromEvents(directory, "set", { columns: wrong }),
    rule: () => library.pairBy(directory, { ...library.OCTAVE_UP, ...wrong }),
    window: load({ window: { length: 8, zzz: 1 } }),
    replica: load({ replica: { index: 0, count: 1, zzz: 1 } }),
    features: load({ features: { kind: "power", zzz: 1 } }),
    split: load({ split: { train: [0], zzz: [1] } }),
    augment: load({ augment: wrong }),
    "augment.mix": load({ augment: { mix: { probability: 1, zzz: 1 } } }),
    "augment.timeMask": load({ augment: { timeMask: { length: 1, zzz: 1 } } }),
    "augment.frequencyMask": load({ augment: { frequencyMask: { bins: 1, zzz: 1 } } }),
    timeMask: () => library.specAugment({ timeMask: { length: 1, ...wrong } }),
    frequencyMask: () => library.specAugment({ frequencyMask: { bins: 1, ...wrong } }),
    schedule: fit({ schedule: { warmup: 0, zzz: 1 } }),
    run: () => library.computeFeatures(samples, logMel, wrong),
    classBars: () => show.predictions("a.wav", { classes: { labels: [], ...wrong } }),
  };
}

/** An error takes what any error does; the other is `Dataset`'s method. */
const ELSEWHERE = ["DatasetError()", "PianoDataset.generateRecords"];

/** The public functions and methods with a parameter of options: its name or its type says so. */
function takers(): string[] {
  const file = join(root, "dist/index.d.ts");
  const program = ts.createProgram([file], { module: ts.ModuleKind.NodeNext, strict: true, types: ["node"] });
  const checker = program.getTypeChecker();
  const typeOf = (symbol: ts.Symbol): ts.Type => checker.getTypeOfSymbolAtLocation(symbol, symbol.valueDeclaration!);
  const isOurs = (symbol: ts.Symbol): boolean =>
    symbol.declarations?.some((d) => d.getSourceFile().fileName.startsWith(join(root, "dist"))) ?? false;
  const takes = (signatures: readonly ts.Signature[]): boolean =>
    signatures.some(({ parameters }) =>
      parameters.some(
        (p) => /^(options|run|lists)$/.test(p.name) || /Options$/.test(typeOf(p).aliasSymbol?.name ?? ""),
      ),
    );
  const found: string[] = [];
  for (const exported of checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(file)!)!)) {
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
    if (!symbol.valueDeclaration) continue;
    const type = typeOf(symbol);
    if (takes(type.getCallSignatures())) found.push(symbol.name);
    const { members } = symbol;
    if (!(symbol.flags & ts.SymbolFlags.Class) || !members) continue;
    // What TypeScript calls private or protected isn't called from outside.
    const shown = [...members.values()].filter((m) => {
      const modifiers = ts.getCombinedModifierFlags(m.valueDeclaration ?? m.declarations![0]!);
      return isOurs(m) && !(modifiers & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected));
    });
    for (const member of shown) {
      const declared = member.valueDeclaration;
      if (declared && ts.isMethodDeclaration(declared) && takes(typeOf(member).getCallSignatures()))
        found.push(`${symbol.name}.${member.name}`);
    }
    const constructors = type.getConstructSignatures();
    if (takes(constructors)) found.push(`${symbol.name}()`);
  }
  return found;
}

test("every public function refuses an option that it doesn't have", async (t) => {
  const dataset = await loaded(t);
  const all = calls(dataset);
  const missing = takers().filter((name) => !Object.hasOwn(all, name) && !ELSEWHERE.includes(name));
  assert.deepEqual(missing, [], "functions that this test doesn't call");
  for (const [name, call] of Object.entries({ ...all, ...nested(dataset) })) {
    const run = async (): Promise<void> => void (await call());
    await assert.rejects(
      run,
      { name: "DatasetError", code: "OPTION", message: /: option "zzz", expected one of / },
      name,
    );
  }
});

test("options that are no object are refused by their name", async () => {
  const cases: [unknown, string][] = [
    [null, "null"],
    ["16000", '"16000"'],
  ];
  for (const [given, shown] of cases) {
    const message = `readAudio: options ${shown}, expected an object`;
    await assert.rejects(library.readAudio("none.wav", given as never), { code: "OPTION", message });
  }
  const message = "writeAudio: options undefined, expected an object";
  await assert.rejects(library.writeAudio("none.wav", samples, undefined as never), { code: "OPTION", message });
});
