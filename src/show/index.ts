export { displayFile } from "../notebook/html-page.js";
export type { ColourMap } from "../figure/colour.js";
export type { RollNote } from "../figure/roll.js";
export type { ShowOptions } from "./bundle.js";
export { type ChiSquare, chiSquare } from "../statistics/chi-square.js";
export {
  type ConfusionView,
  type JudgedLabels,
  type LabelCounts,
  type ClassScore,
  classScores,
} from "../statistics/class-scores.js";
export { classReport, confusion } from "./confusion.js";
export { type ExampleOptions, example } from "./example.js";
export { type Explorable, type ExploredExample, type ExploreOptions, explore } from "./explore.js";
export {
  type FitHistory,
  type HistoryOptions,
  type HistoryValues,
  history,
  type LiveHistory,
  liveHistory,
} from "./history.js";
export type { LeakView } from "./leak-matrix.js";
export { leaks } from "./leaks.js";
export { type PairOptions, pair } from "./pair.js";
export {
  type FrameLabels,
  type LabelledExample,
  pianoRoll,
  type RollOptions,
  type RollSource,
} from "./piano-roll.js";
export { type PlayerOptions, player } from "./player.js";
export { type PredictionOptions, predictions } from "./predictions.js";
export { type ProblemsView, problems } from "./problems.js";
export type { ExampleLike, SoundOptions, SoundSource, TensorLike } from "./sound.js";
export { type PitchTrack, type SpectrogramOptions, spectrogram } from "./spectrogram.js";
export { type SplitsOptions, type SplitsView, type SplitView, splits } from "./splits.js";
export { type Described, type Level, type SummaryView, summary } from "./summary.js";
export { type TableShowOptions, table } from "./table.js";
export { waveform } from "./waveform.js";
export { type Judged, worst } from "./worst.js";
