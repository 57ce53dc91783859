import { FRAME_MS } from '../core/units.js';

/** Often enough to read along; each one is a message to control and one to the page. */
const INTERVAL_TICKS = 240 / FRAME_MS;

/** For the words of somebody who speaks and is not understood yet. */
export const UNKNOWN_WORDS = '…';

export type CaptionListener = (who: 'caller' | 'agent', text: string) => void;

/**
 * Tells what is being said while it is said, for somebody who reads along: a few times a second, and only what is new. The turn that follows takes a
 * caption's place; a turn that comes to nothing is taken back by an empty one.
 */
export class Captions {
  readonly #tell: CaptionListener;
  #callerSays = '';
  readonly #told = { caller: '', agent: '' };
  #ticks = 0;

  constructor(tell: CaptionListener) {
    this.#tell = tell;
  }

  /** What the caller is understood to have said so far; empty: nothing, after all. */
  callerSays(text: string): void {
    this.#callerSays = text;
  }

  /** The turn is complete and was told. */
  turn(who: 'caller' | 'agent'): void {
    if (who === 'caller') this.#callerSays = '';
    this.#told[who] = '';
  }

  /** @param agent knows what of the agent's words was heard by now; asked only when it is time */
  tick(agent: { readonly saying: string }): void {
    this.#ticks += 1;
    if (this.#ticks < INTERVAL_TICKS) return;
    this.#ticks = 0;
    this.#show('caller', this.#callerSays);
    this.#show('agent', agent.saying);
  }

  #show(who: 'caller' | 'agent', text: string): void {
    if (this.#told[who] === text) return;
    this.#told[who] = text;
    this.#tell(who, text);
  }
}
