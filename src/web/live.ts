import { PartConverter } from "../audio/convert.js";
import { cutSound } from "../pipeline/cut.js";
import type { PredictedPiece } from "../pipeline/predictions.js";
import type { PipelineStream } from "../pipeline/stream.js";
import type { PipelineDescription } from "../pipeline/description.js";
import type { Microphone } from "./microphone.js";

/** Frames of the microphone that are read at a time: 21 ms at 48 kHz. */
const BLOCK = 1024;

/**
 * Predicts while a microphone records, until it is stopped: the pieces that `predict` gives for the whole recording.
 * @param onPieces called with each piece and how many seconds its end lies behind what was recorded by then
 */
export async function hearLive(
  pipeline: { stream(): PipelineStream; description: Readonly<PipelineDescription> },
  microphone: Pick<Microphone, "read" | "sampleRate" | "seconds">,
  onPieces: (piece: PredictedPiece, behind: number) => void,
): Promise<void> {
  const { description } = pipeline;
  const stream = pipeline.stream();
  const { sampleRate } = microphone;
  const sound = { sampleRate, channels: 1, read: microphone.read.bind(microphone), seek: () => 0 };
  const whole = { start: 0, duration: Infinity, block: BLOCK };
  const converter = new PartConverter(sound, description, whole);
  const { step } = cutSound(1, description);
  for (;;) {
    const samples = await converter.next(step);
    const pieces = samples.length > 0 ? await stream.push(samples) : await stream.end();
    for (const piece of pieces) onPieces(piece, microphone.seconds - piece.end);
    if (samples.length === 0) return;
  }
}
