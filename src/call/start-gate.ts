import type { Alarm, Clock } from '../core/clock.js';

/** Whoever comes while something starts waits here for it, and not for ever. */
export class StartGate {
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();
  #open: 'no' | 'yes';

  constructor(clock: Clock, open: 'no' | 'yes') {
    this.#clock = clock;
    this.#open = open;
  }

  get isOpen(): boolean {
    return this.#open === 'yes';
  }

  close(): void {
    this.#open = 'no';
  }

  open(): void {
    this.#open = 'yes';
    for (const go of [...this.#waiting]) go();
  }

  /** Resolves when it opens, and after `limitMs` at the latest. */
  async passed(limitMs: number): Promise<'open' | 'too late'> {
    if (this.#open === 'yes') return 'open';
    let alarm: Alarm | null = null;
    let go: () => void = () => undefined;
    await new Promise<void>((resolve) => {
      go = resolve;
      this.#waiting.add(go);
      alarm = this.#clock.setAlarm(limitMs, go);
    });
    (alarm as Alarm | null)?.cancel();
    this.#waiting.delete(go);
    return this.isOpen ? 'open' : 'too late';
  }
}
