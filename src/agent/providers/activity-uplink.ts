import { BEFORE_ONSET_MS, LeadIn, LONG_LEAD_FRAMES } from '../lead-in.js';

/**
 * What the caller says, on its way to a model that is told by us when it begins and ends: such a model hears nothing in between, so the
 * frames before an onset are kept until it is noticed.
 */
export class ActivityUplink {
  readonly #send: (frame: Int16Array) => void;
  readonly #leadIn = new LeadIn(LONG_LEAD_FRAMES);
  #state: 'silent' | 'speaking' = 'silent';

  /** @param send brings a frame to the model at once; the frame is used again */
  constructor(send: (frame: Int16Array) => void) {
    this.#send = send;
  }

  get speaking(): boolean {
    return this.#state === 'speaking';
  }

  hear(frame: Int16Array): void {
    if (this.#state === 'speaking') this.#send(frame);
    else this.#leadIn.push(frame);
  }

  /** The model knows that the caller speaks. @param spokenMs for how long they have been speaking */
  begin(spokenMs: number): void {
    this.#state = 'speaking';
    this.#leadIn.drain(this.#send, spokenMs + BEFORE_ONSET_MS);
  }

  end(): void {
    this.#state = 'silent';
  }
}
