import type { Alarm, Clock } from '../core/clock.js';

/** Keys that follow each other this closely are one entry: a number that is being typed. */
const PAUSE_MS = 1500;
const MAX_KEYS = 32;
/** After `#`: two ticks, by which it is known what was heard of the speech that a key cut off. */
const END_PAUSE_MS = 40;

/** Collects the keys a caller presses into entries, for agents that are told in words. `#` ends an entry and belongs to it. */
export class KeyEntry {
  readonly #clock: Clock;
  readonly #onEntry: (keys: string) => void;
  #keys = '';
  #alarm: Alarm | null = null;

  constructor(clock: Clock, onEntry: (keys: string) => void) {
    this.#clock = clock;
    this.#onEntry = onEntry;
  }

  press(key: string): void {
    this.#alarm?.cancel();
    if (this.#keys.length < MAX_KEYS) this.#keys += key;
    this.#alarm = this.#clock.setAlarm(key === '#' ? END_PAUSE_MS : PAUSE_MS, () => this.#end());
  }

  /** Forgets a begun entry. */
  close(): void {
    this.#alarm?.cancel();
  }

  #end(): void {
    const keys = this.#keys;
    this.#keys = '';
    this.#onEntry(keys);
  }
}

/** An entry as a model reads it. */
export function keysInWords(keys: string): string {
  return `The caller pressed on the telephone's keys: ${Array.from(keys).join(' ')}`;
}
