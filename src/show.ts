export { displayFile } from "./page.js";
export type { ColourMap } from "./figure/colour.js";
export type { Note } from "./figure/roll.js";
export type { ShowOptions } from "./show/bundle.js";
export { type ChiSquare, chiSquare } from "./show/chi-square.js";
export {
  type ClassScore,
  type ConfusionView,
  classReport,
  classScores,
  confusion,
  type JudgedLabels,
  type LabelCounts,
} from "./show/confusion.js";
export { type ExampleOptions, example } from "./show/example.js";
export { type Explorable, type ExploredExample, type ExploreOptions, explore } from "./show/explore.js";
export {
  type FitHistory,
  type HistoryOptions,
  type HistoryValues,
  history,
  type LiveHistory,
  liveHistory,
} from "./show/history.js";
export type { LeakView } from "./show/leak-matrix.js";
export { leaks } from "./show/leaks.js";
export { type PairOptions, pair } from "./show/pair.js";
export {
  type FrameLabels,
  type LabelledExample,
  pianoRoll,
  type RollOptions,
  type RollSource,
} from "./show/piano-roll.js";
export { type PlayerOptions, player } from "./show/player.js";
export { type PredictionOptions, predictions } from "./show/predictions.js";
export { type ProblemsView, problems } from "./show/problems.js";
export type { ExampleLike, SoundOptions, SoundSource, TensorLike } from "./show/sound.js";
export { type PitchTrack, type SpectrogramOptions, spectrogram } from "./show/spectrogram.js";
export { type SplitsOptions, type SplitsView, type SplitView, splits } from "./show/splits.js";
export { type Described, type SummaryView, summary } from "./show/summary.js";
export { waveform } from "./show/waveform.js";
export { type Judged, worst } from "./show/worst.js";
