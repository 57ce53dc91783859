import { FRAME_SAMPLES, SAMPLE_RATE_HZ } from '../core/units.js';

/** One note after the other, a fifth of a second each: broken chords of C, A minor, F and G, in semitones from A4. */
const CHORDS = [
  [-9, -5, -2, 3, -2, -5],
  [-12, -9, -5, 0, -5, -9],
  [-16, -12, -9, -4, -9, -12],
  [-14, -10, -7, -2, -7, -10],
] as const;
const NOTE_SAMPLES = SAMPLE_RATE_HZ / 5;
/** How long a note rings on: into the next ones. */
const RING_SAMPLES = NOTE_SAMPLES * 5;
/** Quiet enough to be spoken over by the next voice. */
const PEAK = 2600;
/** Into a note without a click. */
const ATTACK_SAMPLES = 80;

/** Made at the first need, for all: 150 kB, cut into frames. */
let loop: readonly Int16Array[] | null = null;

/** Makes what all share: 30 ms, which no call on the thread should have to wait for. */
export function prepareHoldMusic(): void {
  loop ??= compose();
}

/** Music for a party who waits and whose PBX plays none, because there is none. Made here: no recording, and nobody's rights. Mono s16, 16 kHz. */
export class HoldMusic {
  /** The next frame. */
  #at = 0;

  /** Writes one frame of 320 samples. */
  pull(dst: Int16Array): void {
    loop ??= compose();
    dst.set(loop[this.#at] as Int16Array);
    this.#at = (this.#at + 1) % loop.length;
  }
}

/** The end rings on into the beginning. */
function compose(): Int16Array[] {
  const notes = CHORDS.flat();
  const length = notes.length * NOTE_SAMPLES;
  const mix = new Float64Array(length);
  for (const [index, semitones] of notes.entries()) {
    const step = (2 * Math.PI * 440 * 2 ** (semitones / 12)) / SAMPLE_RATE_HZ;
    for (let i = 0; i < RING_SAMPLES; i++) {
      const loudness = Math.min(1, i / ATTACK_SAMPLES) * Math.exp((-4 * i) / RING_SAMPLES) * (1 - i / RING_SAMPLES);
      const at = (index * NOTE_SAMPLES + i) % length;
      mix[at] = (mix[at] ?? 0) + loudness * (Math.sin(step * i) + 0.25 * Math.sin(2 * step * i));
    }
  }
  const peak = mix.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  const pcm = Int16Array.from(mix, (sample) => Math.round((sample * PEAK) / peak));
  return Array.from({ length: length / FRAME_SAMPLES }, (_, n) =>
    pcm.subarray(n * FRAME_SAMPLES, (n + 1) * FRAME_SAMPLES),
  );
}
