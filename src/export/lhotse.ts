import { type ExportedExample, jsonLines, type Layout } from "./exported-example.js";

/** lhotse's recordings and supervisions, a file of each for each side. */
export const lhotseLines: Layout = {
  folderOf: () => ({ sounds: "audio", base: "" }),
  texts: (side, examples, { manifest }) => {
    const { sampleRate, channels } = manifest;
    const ids = Array.from({ length: channels }, (_, channel) => channel);
    const channel = channels === 1 ? 0 : ids;
    const recordings = examples.map(({ id, file, samples }) => ({
      id,
      sources: [{ type: "file", channels: ids, source: file }],
      sampling_rate: sampleRate,
      num_samples: samples,
      duration: samples / sampleRate,
      channel_ids: ids,
    }));
    const supervisions = examples.flatMap((example) =>
      stretches(example, example.samples / sampleRate).map(({ start, duration, custom }, k) => ({
        id: `${example.id}-${k}`,
        recording_id: example.id,
        start,
        duration,
        channel,
        custom: { ...custom, ...(example.group === undefined ? {} : { group: example.group }) },
      })),
    );
    const name = side === "validate" ? "validation" : side;
    return {
      [`recordings_${name}.jsonl`]: jsonLines(recordings),
      [`supervisions_${name}.jsonl`]: jsonLines(supervisions),
    };
  },
};

interface Stretch {
  start: number;
  duration: number;
  custom: Record<string, unknown>;
}

/** What is said of a sound as a whole, or of its parts. */
function stretches({ fields, events }: ExportedExample, whole: number): Stretch[] {
  if (!events) return [{ start: 0, duration: whole, custom: fields ?? {} }];
  return events.map(({ onset, offset, label, value }) => ({
    start: onset,
    duration: Math.min(offset - onset, whole - onset),
    custom: { label, ...(value === 1 ? {} : { value }) },
  }));
}
