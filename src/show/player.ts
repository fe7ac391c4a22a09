import { checkKnown } from "../core/known-options.js";
import { peakOf, toInt16 } from "../core/samples.js";
import { createHash } from "node:crypto";
import { displayBundle, type MimeBundle } from "../notebook/display.js";
import { escapeText } from "../figure/panel.js";
import { encodeWav } from "../format/wav.js";
import { MAX_BYTES, secondsText, SHOW_OPTIONS, type ShowOptions } from "./bundle.js";
import { mono, type Sound, SOUND_OPTIONS, type SoundOptions, type SoundSource, sampleRange, toSound } from "./sound.js";

/** How a player behaves. */
export interface PlayerOptions extends ShowOptions, SoundOptions {
  /** Scales the loudest sample to full scale. Default false: as loud as it is. */
  normalize?: boolean;
}

/** Sound as an audio element carries it. */
export interface PlayableSound {
  /** data: URI of a wav file */
  source: string;
  /** Seconds of sound inside. */
  seconds: number;
  /** What was left out to fit the budget; empty when nothing was. */
  preview: string;
}

/**
 * Shows a player with the sound inside the notebook. A sound that doesn't fit `maxBytes` becomes a preview, marked as
 * one: first one channel instead of several, then 8 bits per sample, then only its beginning.
 *
 * @example
 * show.player("data/in/a.wav");
 * show.player(samples, { sampleRate: 16000, title: "prediction" });
 */
export function player(source: SoundSource, options: PlayerOptions = {}): void {
  checkKnown("show.player", options, { ...SHOW_OPTIONS, ...SOUND_OPTIONS, normalize: true });
  displayBundle(playerBundle(source, options));
}

/** What `player` shows. */
export function playerBundle(source: SoundSource, options: PlayerOptions = {}): MimeBundle {
  const sound = toSound(source, options);
  const { from, to } = sampleRange(sound, options);
  const title = options.title ?? (sound.name || "sound");
  const playable = encodePreview(sound, from, to, (options.maxBytes ?? MAX_BYTES) - 2500, options.normalize ?? false);
  const facts = `${secondsText((to - from) / sound.sampleRate)}, ${sound.sampleRate.toLocaleString("en-US")} Hz`;
  const note = playable.preview ? ` — preview: ${playable.preview}` : "";
  return {
    "text/html": `<div>${escapeText(`${title}, ${facts}${note}`)}<br>${audioHtml(playable, title)}${rememberScript(playable)}</div>`,
    "text/plain": `Player: ${title}, ${facts}${note}`,
  };
}

/** Seconds of sound from which a player's clock says anything: shorter ones would read "0:00 / 0:00". */
const CLOCK = 1;

/** The width of a player; one too short for its clock is too narrow for it, and its length is said beside. */
export function playerWidth(seconds: number): string {
  return seconds < CLOCK ? "width:120px" : "width:100%;max-width:480px";
}

/** The audio element, named for screen readers. */
export function audioHtml(playable: PlayableSound, title: string): string {
  const label = escapeText(`Play ${title}${playable.preview ? " (preview)" : ""}`);
  return `<audio controls preload="metadata" style="${playerWidth(playable.seconds)}" aria-label="${label}" title="${label}" src="${playable.source}"></audio>`;
}

/** Encodes samples `from` ≤ i < `to` as a wav of at most `maxBytes` base64 characters. */
export function encodePreview(
  sound: Sound,
  from: number,
  to: number,
  maxBytes: number,
  normalize: boolean,
): PlayableSound {
  const { sampleRate } = sound;
  const room = Math.max(sampleRate / 10, Math.floor((maxBytes * 3) / 4) - 100);
  const frames = to - from;
  const several = sound.channels.length > 1;
  const fits = (channels: number, bytes: number): boolean => frames * channels * bytes <= room;
  const channels = several && !fits(sound.channels.length, 2) ? [mono(sound)] : sound.channels;
  const given: string[] = channels.length < sound.channels.length ? ["one channel, the mean"] : [];
  const eight = !fits(channels.length, 2);
  if (eight) given.push("8 bits per sample");
  const kept = Math.min(frames, eight ? Math.floor(room) : frames);
  if (kept < frames) given.push(`the first ${secondsText(kept / sampleRate)} of ${secondsText(frames / sampleRate)}`);
  const parts = channels.map((samples) => samples.subarray(from, from + kept));
  const gain = normalize ? 1 / Math.max(1e-9, ...parts.map((part) => peakOf(part))) : 1;
  const bytes = eight
    ? wav8(parts[0]!, sampleRate, gain)
    : encodeWav({ sampleRate, channels: parts.length, samples: toInt16(interleave(parts), gain) });
  const source = `data:audio/wav;base64,${Buffer.from(bytes).toString("base64")}`;
  return { source, seconds: kept / sampleRate, preview: given.join(", ") };
}

/** Keeps the position of a player over a reload of the page, where scripts run. */
function rememberScript(playable: PlayableSound): string {
  const key = createHash("sha1").update(playable.source).digest("hex").slice(0, 16);
  return `<script>(s=>{const a=s.parentNode.querySelector("audio"),k="deep-audio-${key}",t=+sessionStorage.getItem(k);if(t>0)a.currentTime=t;a.addEventListener("timeupdate",()=>sessionStorage.setItem(k,a.ended?0:a.currentTime))})(document.currentScript)</script>`;
}

function interleave(channels: readonly Float32Array[]): Float32Array {
  if (channels.length === 1) return channels[0]!;
  const out = new Float32Array(channels[0]!.length * channels.length);
  channels.forEach((channel, c) => {
    for (let i = 0; i < channel.length; i++) out[i * channels.length + c] = channel[i]!;
  });
  return out;
}

/** 8-bit PCM of one channel, which a wav file stores unsigned around 128. */
function wav8(samples: Float32Array, sampleRate: number, gain: number): Uint8Array {
  const bytes = new Uint8Array(44 + samples.length + (samples.length % 2));
  bytes.set(encodeWav({ sampleRate, channels: 1, samples: new Int16Array(0) }));
  const view = new DataView(bytes.buffer);
  view.setUint32(4, bytes.length - 8, true);
  view.setUint32(28, sampleRate, true); // bytes per second
  view.setUint16(32, 1, true); // bytes per frame
  view.setUint16(34, 8, true); // bits per sample
  view.setUint32(40, samples.length, true);
  for (let i = 0; i < samples.length; i++) {
    bytes[44 + i] = Math.max(0, Math.min(255, Math.round(samples[i]! * gain * 128) + 128));
  }
  return bytes;
}
