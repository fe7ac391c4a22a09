export { displayFile } from "./page.js";
export type { ShowOptions } from "./show/bundle.js";
export { type HistoryOptions, type HistoryValues, history, type LiveHistory, liveHistory } from "./show/history.js";
export { type PairOptions, pair } from "./show/pair.js";
export { type PlayerOptions, player } from "./show/player.js";
export type { ExampleLike, SoundOptions, SoundSource, TensorLike } from "./show/sound.js";
export { type SpectrogramOptions, spectrogram } from "./show/spectrogram.js";
export { type SplitsView, type SplitView, splits } from "./show/splits.js";
export { waveform } from "./show/waveform.js";
