import type { Recording } from '../../test/support/phone/recording.js';
import type { Source } from '../../test/support/phone/sources.js';

const SAMPLES_PER_MS = 16;
/** Far more than any delay that is measured, so that an echo cannot be taken for that of the burst before. */
const EVERY_FRAMES = 15;
const AMPLITUDE = 16_000;
/** The burst begins at its peak; noise of any codec is far below this, the first sample after any filter above. */
const ONSET = 3000;

/** Says a short beep every 300 ms, and finds it again in what came back. */
export class Bursts {
  /** When the frames with a burst at their beginning were sent. */
  readonly sentAtMs: number[] = [];
  #frames = 0;

  readonly source: Source = (frame, atMs) => {
    this.#frames += 1;
    const isBurst = this.#frames % EVERY_FRAMES === 0;
    if (isBurst) this.sentAtMs.push(atMs);
    for (let i = 0; i < frame.length; i++) {
      frame[i] = isBurst ? Math.round(AMPLITUDE * Math.cos((2 * Math.PI * 1000 * i) / (SAMPLES_PER_MS * 1000))) : 0;
    }
  };

  /**
   * For each burst that came back, milliseconds from the packet that bore its first sample out to the moment at which that sample is in
   * the phone, had it played each packet as it came. The phone's own filters are part of it.
   */
  delaysMs(recording: Recording): number[] {
    return this.sentAtMs.flatMap((sentAtMs) => {
      for (const { atMs, samples } of recording.between(sentAtMs, sentAtMs + (EVERY_FRAMES - 1) * 20)) {
        const onset = samples.findIndex((sample) => Math.abs(sample) > ONSET);
        if (onset >= 0) return [atMs + onset / SAMPLES_PER_MS - sentAtMs];
      }
      return [];
    });
  }
}
