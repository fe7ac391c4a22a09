export { DatasetError, type ErrorCode, type Problem } from "./error.js";
// Generate or bring
export {
  AudioClassificationDataset,
  AudioDataset,
  Dataset,
  type DatasetOptions,
  type ExampleKey,
  type GenerateOptions,
  type GenerateRecordsOptions,
  type LoadOptions,
  RegressionDataset,
  SimpleAudioClassificationDataset,
} from "./dataset.js";
// Look and hear
export * from "./show.js";
