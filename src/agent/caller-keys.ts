import type { Clock } from '../core/clock.js';
import type { CallSecrets } from './call-secrets.js';
import { DigitEntry } from './digit-entry.js';
import type { DigitRequest, EnteredDigits } from './port.js';

/** The keys that tools have asked the caller for. */
export class CallerKeys {
  readonly #secrets: CallSecrets;
  readonly #clock: Clock;
  #entry: DigitEntry | null = null;
  #onNext: (() => void) | null = null;

  constructor(options: { readonly secrets: CallSecrets; readonly clock: Clock }) {
    this.#secrets = options.secrets;
    this.#clock = options.clock;
  }

  get visibility(): DigitRequest['visibility'] {
    return this.#entry?.visibility ?? 'shown';
  }

  /** An entry is under way: we wait for the caller. */
  get awaited(): boolean {
    return this.#entry !== null;
  }

  /** For a tool that waits for any key; such a key is nobody else's. */
  takeNext(): 'taken' | 'not wanted' {
    if (this.#onNext === null) return 'not wanted';
    this.#onNext();
    return 'taken';
  }

  /** For an entry under way. */
  press(digit: string): 'taken' | 'not wanted' {
    if (this.#entry === null) return 'not wanted';
    this.#entry.press(digit);
    return 'taken';
  }

  /** The caller says something. */
  spoke(): void {
    this.#entry?.spoke();
  }

  tick(agent: 'speaks' | 'silent'): void {
    this.#entry?.tick(agent);
  }

  /** Not while another entry is under way. */
  collect(request: DigitRequest, signal: AbortSignal): Promise<EnteredDigits> {
    return new Promise((resolve, reject) => {
      const entry = new DigitEntry(request, (entered) => {
        this.#entry = null;
        const { digits } = entered;
        const isSecret = request.visibility === 'secret' && digits !== '';
        resolve(isSecret ? { ...entered, digits: this.#secrets.keep(digits) } : entered);
      });
      this.#entry = entry;
      const onAbort = (): void => {
        if (this.#entry === entry) this.#entry = null;
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  next(limitMs: number, signal: AbortSignal): Promise<'key' | 'time'> {
    return new Promise((resolve, reject) => {
      const end = (how: 'key' | 'time'): void => {
        alarm.cancel();
        this.#onNext = null;
        resolve(how);
      };
      const alarm = this.#clock.setAlarm(limitMs, () => end('time'));
      this.#onNext = () => end('key');
      const onAbort = (): void => {
        alarm.cancel();
        this.#onNext = null;
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }
}
