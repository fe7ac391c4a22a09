// Generate or bring
export {
  AudioClassificationDataset,
  AudioDataset,
  Dataset,
  type Fold,
  PianoDataset,
  RegressionDataset,
  SimpleAudioClassificationDataset,
} from "./dataset.js";
export type {
  ClusterOptions,
  DatasetAuditOptions,
  DatasetCheckOptions,
  DatasetOptions,
  ExampleKey,
  GenerateOptions,
  GenerateRecordsOptions,
  LoadOptions,
  PlanOptions,
} from "./dataset-options.js";
export type { RayOptions } from "./ray/jobs-api.js";
export type { Recipe, RecipeOptions } from "./generate/recipe.js";
export type { Chord, Wave } from "./signal/oscillator.js";
// Pair
export { type FromCsvOptions, fromCsv } from "./sources/from-csv.js";
export type { TableOptions } from "./sources/index-rows.js";
export type { CsvForm } from "./sources/table-rows.js";
export { type FromManifestOptions, fromManifest } from "./sources/from-manifest.js";
export { type FromEventsOptions, fromEvents } from "./sources/from-events.js";
export type { EventColumns, EventFormat, EventUnit, TimedLabel } from "./format/event-table.js";
export type { ClassChanges } from "./sources/change-classes.js";
export { joinIndexes } from "./sources/join-indexes.js";
export { findPitches } from "./sources/find-pitches.js";
export { type FromFolderOptions, fromFolder } from "./sources/from-folder.js";
export type { Kind, Row, RowEvent, DatasetIndex, SeenFile } from "./core/rows.js";
export type { IndexOptions } from "./sources/index-csv.js";
export { OCTAVE_UP, type PairByOptions, type PairRule, pairBy } from "./sources/from-names.js";
export { type WriteIndexOptions, writeIndex } from "./sources/write-index-csv.js";
// Sounds and labels as files
export type { Audio } from "./format/audio.js";
export type { OnDamaged } from "./format/verdict.js";
export { type DenseOptions, denseLabels, eventsOf, type LabelEvents } from "./format/events.js";
export { type FormatKeysOptions, formatKeys } from "./format/format-keys.js";
export { writeCues } from "./format/cues.js";
export { type FormatEventsOptions, formatEvents, type WrittenEvent } from "./format/write-events.js";
export type { TimeUnit } from "./format/keys.js";
export { type LabelOptions, labelsToMidi, type NoteTarget, type ToMidiOptions } from "./format/labels.js";
export { type WriteMidiOptions, writeNotes } from "./format/write-midi.js";
export { type MidiNotes, type MidiOptions, type Note as MidiNote, readMidi } from "./format/midi.js";
export { toInt16 } from "./core/samples.js";
export { encodeWav } from "./format/wav.js";
export {
  type AudioBlockOptions,
  type AudioInfo,
  decodeAudio,
  type DecodeAudioOptions,
  type FloatAudio,
  readAudio,
  readAudioBlocks,
  readAudioInfo,
  type ReadAudioOptions,
} from "./audio/read-audio.js";
export { type AudioEncoding, writeAudio, type WriteAudioOptions } from "./audio/write-audio.js";
export type { WavCue } from "./audio/wav-marks.js";
export { random, type Random } from "./signal/random.js";
// Check
export type { CheckOptions, CheckReport } from "./check/check.js";
export type { CheckedFile } from "./check/check-files.js";
export type { Convert } from "./audio/convert.js";
export { DatasetError, type ErrorCode, type Problem } from "./core/error.js";
export type { LongOptions, Progress } from "./notebook/progress.js";
// Record
export type { Encoding, Manifest, ShardEntry, Sources } from "./records/manifest.js";
export { planRecords } from "./build/plan-records.js";
export { savePlan, type RecordOptions, type PlanSource, type BuildPlan } from "./records/plan.js";
export { buildOneShard, finishPlan, type FinishOptions } from "./build/build-records.js";
export { type Example, readExample, type DatasetExample } from "./records/read-example.js";
export { type OpenOptions, openRecords, type Records } from "./records/open-records.js";
export type { FlacBlocks } from "./records/records.js";
export type { ShardProblem } from "./records/scan-shard.js";
export type { RepairReport } from "./repair/repair.js";
export type { VerifyOptions, VerifyReport } from "./repair/verify.js";
// Split
export type { AuditOptions, AuditReport } from "./audit/audit.js";
export type { Finding, LeakKind, Place, SplitPair } from "./audit/report.js";
export type { SplitName } from "./core/split-name.js";
export { explicitSplit, kfold, type Split, type SplitOptions, type Stratum, splitExamples } from "./split/split.js";
// Load
export type { Augment } from "./load/augment.js";
export type { Features } from "./features/features.js";
export { type ComputeOptions, computeFeatures } from "./features/spectra.js";
export type { Frames } from "./signal/stft.js";
export { type Batch, type Batches, batches } from "./load/batches.js";
export type { LoadState } from "./load/load-state.js";
export type { CacheOptions } from "./storage/cache.js";
export type { Replica } from "./load/replica.js";
export type { BatchOptions } from "./load/options.js";
export type { Window } from "./load/windows.js";
export { type MelSpectrogramOptions, melSpectrogram } from "./features/mel-layer.js";
// Share
export { type ExportableDataset, exportDataset, type ExportOptions } from "./export/export-dataset.js";
// Train
export { balancedWeights } from "./train/class-weights.js";
export type { Direction } from "./statistics/direction.js";
export { type Judgement, type JudgeOptions, judge } from "./train/judge.js";
export {
  type JudgedDataset,
  type JudgedExample,
  type JudgeExamplesOptions,
  judgeExamples,
} from "./train/judge-examples.js";
export { loadTensorFlow } from "./tensorflow/load.js";
export type { BatchSource, TrainingData } from "./train/batch-source.js";
export { fit } from "./train/fit.js";
export { ctcLoss } from "./losses/ctc.js";
export { binaryFocalLoss, categoricalFocalLoss, type FocalOptions } from "./losses/focal.js";
export type { Loss } from "./losses/loss.js";
export {
  type MultiResolutionStftOptions,
  multiResolutionStftLoss,
  type StftResolution,
} from "./losses/multi-resolution-stft.js";
export { siSdrLoss } from "./losses/si-sdr.js";
export { multiHeadAttention, type MultiHeadAttentionOptions } from "./layers/multi-head-attention.js";
export { specAugment, type SpecAugmentOptions } from "./layers/spec-augment.js";
export type { FitOptions, FitResult } from "./train/fit-options.js";
export type { RateSchedule } from "./train/rate-schedule.js";
export type { Precision } from "./tensorflow/step/precision.js";
export type { GradientClip } from "./tensorflow/kernels/optimizers.js";
export type { BestEpoch } from "./train/training-state.js";
// Use what was trained
export { type CreatePipelineOptions, createPipeline, type LoadedDataset } from "./pipeline/create-pipeline.js";
export type {
  ClassEvaluation,
  EvaluateOptions,
  Evaluation,
  FrameEvaluation,
  FrameScores,
  SoundEvaluation,
  ValueEvaluation,
} from "./pipeline/evaluate.js";
export type { NoteScores } from "./statistics/note-scores.js";
export type { PrecisionRecall } from "./statistics/precision-recall.js";
export type { SoundScores } from "./statistics/sound-scores.js";
export { exportPage, type ExportPageOptions, showPage } from "./pipeline/export-page.js";
export { loadPipeline } from "./pipeline/load-pipeline.js";
export { Pipeline, type PipelineSource, type PredictOptions } from "./pipeline/pipeline.js";
export type { SaveOptions } from "./pipeline/save-pipeline.js";
export { PipelineStream } from "./pipeline/stream.js";
export type { PipelineDescription } from "./pipeline/description.js";
export type { PipelineModel, Tensors } from "./pipeline/run.js";
export type {
  ClassPrediction,
  FramePrediction,
  PredictedEvent,
  PredictedPiece,
  Prediction,
  SoundPrediction,
  ValuePrediction,
} from "./pipeline/predictions.js";
// Look and hear
export * as show from "./show/index.js";
export * from "./show/flat.js";
export type { ColourMap } from "./figure/colour.js";
export type { RollNote } from "./figure/roll.js";
export type { ShowOptions } from "./show/bundle.js";
export type { ChiSquare } from "./statistics/chi-square.js";
export type { ConfusionView, JudgedLabels, LabelCounts, ClassScore } from "./statistics/class-scores.js";
export type { ExampleOptions } from "./show/example.js";
export type { Explorable, ExploredExample, ExploreOptions } from "./show/explore.js";
export type { FitHistory, HistoryOptions, HistoryValues, LiveHistory } from "./show/history.js";
export type { LeakView } from "./show/leak-matrix.js";
export type { PairOptions } from "./show/pair.js";
export type { FrameLabels, LabelledExample, RollOptions, RollSource } from "./show/piano-roll.js";
export type { PlayerOptions } from "./show/player.js";
export type { PredictionOptions, ShownPipeline } from "./show/predictions.js";
export type { ProblemsView } from "./show/problems.js";
export type { ExampleLike, SoundOptions, SoundSource, TensorLike } from "./show/sound.js";
export type { PitchTrack, SpectrogramOptions } from "./show/spectrogram.js";
export type { SplitsOptions, SplitsView, SplitView } from "./show/splits.js";
export type { Described, Level, SummaryView } from "./show/summary.js";
export type { TableShowOptions } from "./show/table.js";
export type { Judged } from "./show/worst.js";
// The machine
export { doctor } from "./doctor.js";
