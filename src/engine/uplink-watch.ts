import { FRAME_MS } from '../core/units.js';

export type UplinkWatchOptions = {
  readonly onStopped: () => void;
  /** @param missingMs how long nothing came */
  readonly onResumed: (missingMs: number) => void;
};

/** Turns without a frame: more than a network that stumbles leaves out at a time, and less than a caller needs to wonder. */
const STOPPED_AFTER_TICKS = 240 / FRAME_MS;

/**
 * Notices that nothing comes up a leg any more that used to send without a pause, and that it does again. It counts turns, not time: what came while a
 * thread was kept from its turns is there at the next one.
 */
export class UplinkWatch {
  readonly #options: UplinkWatchOptions;
  #framesIn = 0;
  #ticksWithout = 0;

  constructor(options: UplinkWatchOptions) {
    this.#options = options;
  }

  /** Once a turn. @param framesIn of the leg's counters */
  tick(framesIn: number): void {
    if (framesIn === this.#framesIn) {
      // A leg that never sent anything has not stopped.
      if (framesIn === 0) return;
      this.#ticksWithout += 1;
      if (this.#ticksWithout === STOPPED_AFTER_TICKS) this.#options.onStopped();
      return;
    }
    const ticksWithout = this.#ticksWithout;
    this.#framesIn = framesIn;
    this.#ticksWithout = 0;
    if (ticksWithout >= STOPPED_AFTER_TICKS) this.#options.onResumed(ticksWithout * FRAME_MS);
  }
}
