import { DatasetError } from "../core/error.js";
import type { Audio } from "../format/wav.js";

/** The processor that runs in the audio thread: hands every block of the first channel on. */
const PROCESSOR = `registerProcessor("record", class extends AudioWorkletProcessor {
  process([input]) { if (input[0]) this.port.postMessage(input[0].slice()); return true; }
});`;

/** Says why there is no microphone. */
function refused(cause?: DOMException): never {
  const next =
    cause === undefined
      ? "open the page by https or from localhost"
      : cause.name === "NotAllowedError"
        ? "allow it for this page in the browser"
        : "connect one, or close the program that holds it";
  const found = cause?.message ?? "not given here";
  throw new DatasetError("ENVIRONMENT", `microphone: ${found}, expected one to record from; ${next}`, [], { cause });
}

/** A microphone that records, in one channel at the rate of the device. All of the recording is kept: 11.5 MB a minute at 48 kHz. */
export class Microphone {
  private readonly blocks: Float32Array[] = [];
  private frames = 0;
  /** The next block to read, and the frames of it that were read. */
  private block = 0;
  private within = 0;
  private stopped = false;
  private wake = (): void => {};
  private end!: () => void;
  /** Fulfilled when the microphone was stopped. */
  readonly ended = new Promise<void>((resolve) => (this.end = resolve));

  private constructor(
    private readonly stream: MediaStream,
    private readonly context: AudioContext,
  ) {}

  /**
   * Opens the microphone, without the browser's own changes of its sound.
   * @throws DatasetError "ENVIRONMENT" where there is none, or the user or the browser doesn't allow it
   */
  static async open(): Promise<Microphone> {
    const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    const stream = await (navigator.mediaDevices?.getUserMedia({ audio: plain }) ?? Promise.reject()).catch(refused);
    const context = new AudioContext();
    const microphone = new Microphone(stream, context);
    const module = URL.createObjectURL(new Blob([PROCESSOR], { type: "text/javascript" }));
    await context.audioWorklet.addModule(module);
    URL.revokeObjectURL(module);
    const node = new AudioWorkletNode(context, "record", { numberOfOutputs: 0 });
    node.port.onmessage = ({ data }: MessageEvent<Float32Array>) => {
      microphone.blocks.push(data);
      microphone.frames += data.length;
      microphone.wake();
    };
    context.createMediaStreamSource(stream).connect(node);
    return microphone;
  }

  get sampleRate(): number {
    return this.context.sampleRate;
  }

  /** Seconds recorded so far. */
  get seconds(): number {
    return this.frames / this.sampleRate;
  }

  /** Level of the last 43 ms or so, full scale 1. */
  get peak(): number {
    return this.blocks.slice(-16).reduce((most, block) => block.reduce((a, v) => Math.max(a, Math.abs(v)), most), 0);
  }

  /** Reads the next frames into `out` as they are recorded; returns how many, fewer than there is room for once it was stopped. */
  async read(out: Float32Array): Promise<number> {
    let done = 0;
    while (done < out.length) {
      const block = this.blocks[this.block];
      if (!block) {
        if (this.stopped) break;
        await new Promise<void>((resolve) => (this.wake = resolve));
        continue;
      }
      const part = block.subarray(this.within, this.within + out.length - done);
      out.set(part, done);
      done += part.length;
      this.within += part.length;
      if (this.within < block.length) continue;
      this.block++;
      this.within = 0;
    }
    return done;
  }

  /** Closes the microphone and gives all that was recorded. */
  async stop(): Promise<Audio> {
    for (const track of this.stream.getTracks()) track.stop();
    await this.context.close();
    this.stopped = true;
    this.wake();
    this.end();
    const samples = new Float32Array(this.frames);
    let at = 0;
    for (const block of this.blocks) {
      samples.set(block, at);
      at += block.length;
    }
    return { sampleRate: this.sampleRate, channels: 1, samples };
  }
}
