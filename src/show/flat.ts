// The displays under their own names, as before there was `show`; they stay until version 1.0.
import * as show from "./index.js";

/** @deprecated Use `show.chiSquare`. */
export const chiSquare: typeof show.chiSquare = show.chiSquare;
/** @deprecated Use `show.classReport`. */
export const classReport: typeof show.classReport = show.classReport;
/** @deprecated Use `show.classScores`. */
export const classScores: typeof show.classScores = show.classScores;
/** @deprecated Use `show.confusion`. */
export const confusion: typeof show.confusion = show.confusion;
/** @deprecated Use `show.displayFile`. */
export const displayFile: typeof show.displayFile = show.displayFile;
/** @deprecated Use `show.example`. */
export const example: typeof show.example = show.example;
/** @deprecated Use `show.explore`. */
export const explore: typeof show.explore = show.explore;
/** @deprecated Use `show.history`. */
export const history: typeof show.history = show.history;
/** @deprecated Use `show.leaks`. */
export const leaks: typeof show.leaks = show.leaks;
/** @deprecated Use `show.liveHistory`. */
export const liveHistory: typeof show.liveHistory = show.liveHistory;
/** @deprecated Use `show.pair`. */
export const pair: typeof show.pair = show.pair;
/** @deprecated Use `show.pianoRoll`. */
export const pianoRoll: typeof show.pianoRoll = show.pianoRoll;
/** @deprecated Use `show.player`. */
export const player: typeof show.player = show.player;
/** @deprecated Use `show.predictions`. */
export const predictions: typeof show.predictions = show.predictions;
/** @deprecated Use `show.problems`. */
export const problems: typeof show.problems = show.problems;
/** @deprecated Use `show.spectrogram`. */
export const spectrogram: typeof show.spectrogram = show.spectrogram;
/** @deprecated Use `show.splits`. */
export const splits: typeof show.splits = show.splits;
/** @deprecated Use `show.summary`. */
export const summary: typeof show.summary = show.summary;
/** @deprecated Use `show.waveform`. */
export const waveform: typeof show.waveform = show.waveform;
/** @deprecated Use `show.worst`. */
export const worst: typeof show.worst = show.worst;
