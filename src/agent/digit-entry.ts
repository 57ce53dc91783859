import { FRAME_MS } from '../core/units.js';
import type { DigitRequest, EnteredDigits } from './port.js';

/** To find the card with the number on it. Counted while nothing is said to the caller. */
const FIRST_KEY_MS = 12_000;
const NEXT_KEY_MS = 4000;

/** The keys that a tool has asked for. Time comes tick by tick; `onEnd` is called once. */
export class DigitEntry {
  readonly visibility: DigitRequest['visibility'];
  readonly #maxDigits: number;
  readonly #onEnd: (entered: EnteredDigits) => void;
  #digits = '';
  #waitedMs = 0;

  constructor(request: DigitRequest, onEnd: (entered: EnteredDigits) => void) {
    this.visibility = request.visibility;
    this.#maxDigits = request.maxDigits;
    this.#onEnd = onEnd;
  }

  press(digit: string): void {
    this.#waitedMs = 0;
    if (digit !== '#') this.#digits += digit;
    if (digit === '#' || this.#digits.length >= this.#maxDigits) this.#end('complete');
  }

  /** The caller says something: nothing is to be expected from one who has not begun to type. */
  spoke(): void {
    if (this.#digits === '') this.#end('spoke');
  }

  tick(agent: 'speaks' | 'silent'): void {
    if (agent === 'speaks' && this.#digits === '') return;
    this.#waitedMs += FRAME_MS;
    if (this.#waitedMs < (this.#digits === '' ? FIRST_KEY_MS : NEXT_KEY_MS)) return;
    this.#end(this.#digits === '' ? 'nothing' : 'pause');
  }

  #end(end: EnteredDigits['end']): void {
    this.#onEnd({ digits: this.#digits, count: this.#digits.length, end });
  }
}
