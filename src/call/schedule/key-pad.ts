import type { Alarm, Clock } from '../../core/clock.js';

/** Nobody who knows a code by heart takes longer from key to key. */
const PATIENCE_MS = 4000;
/** More than anybody needs who mistypes a code thrice, and far too few to find one. */
const MAX_KEYS = 200;

export type KeyPadOptions = {
  /** What each code is for. */
  readonly codes: ReadonlyMap<string, string>;
  readonly clock: Clock;
  /** For the agent: not a part of a code. */
  readonly pass: (digit: string) => void;
  readonly entered: (what: string) => void;
};

/**
 * The keys of a caller on their way to the agent. Keys that may be a code are kept back until they are one or are none: an agent must not take the `1` in a
 * code for a choice of its menu.
 */
export class KeyPad {
  readonly #options: KeyPadOptions;
  #kept = '';
  #keys = 0;
  #alarm: Alarm | null = null;

  constructor(options: KeyPadOptions) {
    this.#options = options;
  }

  press(digit: string): void {
    const { codes, clock, pass, entered } = this.#options;
    this.#keys += 1;
    if (codes.size === 0 || this.#keys > MAX_KEYS) {
      this.#letGo();
      pass(digit);
      return;
    }
    this.#alarm?.cancel();
    this.#alarm = null;
    this.#kept += digit;
    const what = codes.get(this.#kept);
    if (what !== undefined) {
      this.#kept = '';
      entered(what);
    } else if ([...codes.keys()].some((code) => code.startsWith(this.#kept))) {
      this.#alarm = clock.setAlarm(PATIENCE_MS, () => this.#letGo());
    } else {
      // The key that breaks one code may begin the next.
      const again = this.#kept.length > 1 && [...codes.keys()].some((code) => code.startsWith(digit));
      if (again) this.#kept = this.#kept.slice(0, -1);
      this.#letGo();
      if (again) this.press(digit);
    }
  }

  /** The call is over. */
  close(): void {
    this.#alarm?.cancel();
    this.#alarm = null;
    this.#kept = '';
  }

  #letGo(): void {
    this.#alarm?.cancel();
    this.#alarm = null;
    const kept = this.#kept;
    this.#kept = '';
    for (const digit of kept) this.#options.pass(digit);
  }
}
