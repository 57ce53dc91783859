import type { Alarm, Clock } from './clock.js';

export type BeatWatchOptions = {
  readonly clock: Clock;
  readonly intervalMs: number;
  /** Own beats that may pass without a sign of the other side. */
  readonly limit: number;
  /** Every beat: sends a sign of our own. */
  readonly beat: (sequence: number) => void;
  /** The other side is frozen. Told once; the watch has stopped. */
  readonly onSilence: () => void;
};

/**
 * Notices that another thread has frozen. It counts its own beats, not time: when the whole machine stands still (a suspended guest, no
 * processor to be had) both sides miss the same time, and neither takes the other for frozen.
 */
export class BeatWatch {
  readonly #options: BeatWatchOptions;
  #alarm: Alarm | null = null;
  #sequence = 0;
  #silentBeats = 0;

  constructor(options: BeatWatchOptions) {
    this.#options = options;
  }

  /** The first beat goes out at once: whoever waits for it to begin watching us is not to miss our freezing in the meantime. */
  start(): void {
    this.#silentBeats = 0;
    this.#beat();
  }

  /** The other side gave a sign. */
  heard(): void {
    this.#silentBeats = 0;
  }

  /** Idempotent. */
  stop(): void {
    this.#alarm?.cancel();
    this.#alarm = null;
  }

  #arm(): void {
    this.#alarm?.cancel();
    this.#alarm = this.#options.clock.setAlarm(this.#options.intervalMs, () => this.#onBeat());
  }

  #onBeat(): void {
    this.#silentBeats += 1;
    if (this.#silentBeats > this.#options.limit) {
      this.stop();
      this.#options.onSilence();
      return;
    }
    this.#beat();
  }

  #beat(): void {
    this.#sequence += 1;
    this.#options.beat(this.#sequence);
    this.#arm();
  }
}
