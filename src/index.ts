// Generate or bring
export {
  AudioClassificationDataset,
  AudioDataset,
  Dataset,
  type DatasetOptions,
  type ExampleKey,
  type Fold,
  type GenerateOptions,
  type GenerateRecordsOptions,
  type LoadOptions,
  PianoDataset,
  RegressionDataset,
  SimpleAudioClassificationDataset,
} from "./dataset.js";
export type { Recipe, RecipeOptions } from "./recipe.js";
export type { Chord, Wave } from "./signal/oscillator.js";
// Pair
export { type FromCsvOptions, fromCsv, joinIndexes } from "./from-csv.js";
export { findPitches } from "./find-pitches.js";
export { type FromFolderOptions, fromFolder } from "./from-folder.js";
export type { DatasetIndex, IndexOptions, Kind, Row } from "./pair.js";
export { OCTAVE_UP, type PairByOptions, type PairRule, pairBy } from "./pair-by.js";
export { type WriteIndexOptions, writeIndex } from "./write-index.js";
// Sounds and labels as files
export { type Audio, decodeAudio } from "./format/audio.js";
export { type DenseOptions, denseLabels, eventsOf, type LabelEvents } from "./format/events.js";
export { formatKeys, type FormatKeysOptions, type TimeUnit } from "./format/keys.js";
export { type LabelOptions, labelsToMidi, type NoteTarget, type ToMidiOptions } from "./format/labels.js";
export {
  type MidiNotes,
  type MidiOptions,
  type Note as MidiNote,
  readMidi,
  type WriteMidiOptions,
  writeNotes,
} from "./format/midi.js";
export { encodeWav } from "./format/wav.js";
export { type FloatAudio, readAudio, type ReadAudioOptions } from "./read-audio.js";
export { random, type Random } from "./signal/random.js";
// Check
export type { CheckOptions, CheckReport } from "./check.js";
export type { CheckedFile } from "./check-task.js";
export type { Convert } from "./convert.js";
export { DatasetError, type ErrorCode, type Problem } from "./error.js";
export type { LongOptions, Progress } from "./progress.js";
// Record
export type { Encoding, Manifest, ShardEntry, Sources } from "./manifest.js";
export { type BuildPlan, type PlanSource, planRecords, type RecordOptions } from "./plan.js";
export { savePlan } from "./plan-file.js";
export { buildOneShard, finishPlan } from "./record.js";
export { type Example, type OpenOptions, openRecords, type Records, readExample } from "./records.js";
export type { ShardProblem } from "./shard-scan.js";
export type { RepairReport } from "./repair.js";
export type { VerifyOptions, VerifyReport } from "./verify.js";
// Split
export type { AuditOptions, AuditReport } from "./audit.js";
export type { Finding, LeakKind, Place, SplitPair } from "./audit-report.js";
export type { SplitName } from "./metadata.js";
export type { DatasetExample } from "./views.js";
export { explicitSplit, kfold, type Split, type SplitOptions, type Stratum, splitExamples } from "./split.js";
// Load
export type { Augment } from "./augment.js";
export type { Features } from "./features.js";
export { type Batch, type Batches, type BatchOptions, batches, type LoadState } from "./load.js";
export type { Window } from "./items.js";
export { type MelSpectrogramOptions, melSpectrogram } from "./mel-layer.js";
// Train
export { balancedWeights } from "./class-weights.js";
export { type Direction, type Judgement, type JudgeOptions, judge } from "./metrics.js";
export {
  type JudgedDataset,
  type JudgedExample,
  type JudgeExamplesOptions,
  judgeExamples,
} from "./judge-examples.js";
export { loadTensorFlow } from "./tensorflow.js";
export type { BatchSource, TrainingData } from "./train-data.js";
export { type FitOptions, type FitResult, fit } from "./train.js";
// Look and hear
export * from "./show.js";
// The machine
export { doctor } from "./doctor.js";
