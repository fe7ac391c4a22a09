import type { Audio } from "../format/wav.js";

/** The processor that runs in the audio thread: hands every block of the first channel on. */
const PROCESSOR = `registerProcessor("record", class extends AudioWorkletProcessor {
  process([input]) { if (input[0]) this.port.postMessage(input[0].slice()); return true; }
});`;

/**
 * Records from the microphone, without the browser's own changes of it, until what it returns is called.
 * @param onSound the seconds recorded so far and the peak of the last block
 */
export async function record(onSound: (seconds: number, peak: number) => void): Promise<() => Promise<Audio>> {
  const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const stream = await navigator.mediaDevices.getUserMedia({ audio: plain });
  const context = new AudioContext();
  const module = URL.createObjectURL(new Blob([PROCESSOR], { type: "text/javascript" }));
  await context.audioWorklet.addModule(module);
  URL.revokeObjectURL(module);
  const node = new AudioWorkletNode(context, "record", { numberOfOutputs: 0 });
  const blocks: Float32Array[] = [];
  let frames = 0;
  node.port.onmessage = ({ data }: MessageEvent<Float32Array>) => {
    blocks.push(data);
    frames += data.length;
    if (blocks.length % 32 === 0)
      onSound(
        frames / context.sampleRate,
        data.reduce((most, v) => Math.max(most, Math.abs(v)), 0),
      );
  };
  context.createMediaStreamSource(stream).connect(node);
  return async () => {
    for (const track of stream.getTracks()) track.stop();
    await context.close();
    const samples = new Float32Array(frames);
    let at = 0;
    for (const block of blocks) {
      samples.set(block, at);
      at += block.length;
    }
    return { sampleRate: context.sampleRate, channels: 1, samples };
  };
}
