import type { CallLimit, Usage } from '../core/calls.js';
import type { Logger } from '../core/logger.js';
import { FRAME_MS } from '../core/units.js';
import type { AgentLimits } from './call-limits.js';
import { CallMeter } from './call-limits.js';
import type { LiveConversation } from './live-conversation.js';

/** For the word that tells of a limit: longer than it takes to make and to say one, also with a model that does not answer. */
const FAREWELL_MS = 12_000;

export type LimitWatchOptions = {
  /** What the call was given before this leg. */
  readonly spent: Usage;
  readonly talkedMs: number;
  /** Told once: the caller has heard why, and goes to a person now. */
  readonly onReached: (limit: CallLimit) => void;
  readonly log: Logger;
};

type Farewell = { readonly limit: CallLimit; readonly untilMs: number; state: 'not begun' | 'begun' | 'told' };

/** What the agents of one call spend, and the way out when one has spent what it may: a word to the caller, then a person. */
export class LimitWatch {
  readonly #options: LimitWatchOptions;
  readonly #meter: CallMeter;
  /** While the caller is told that a limit was reached. */
  #farewell: Farewell | null = null;

  constructor(options: LimitWatchOptions) {
    this.#options = options;
    this.#meter = new CallMeter(options.spent, options.talkedMs);
  }

  get usage(): Usage {
    return this.#meter.usage;
  }

  /** Time with an agent, hold not counted. */
  get talkedMs(): number {
    return this.#meter.talkedMs;
  }

  used(inputTokens: number, outputTokens: number, limits: AgentLimits): void {
    this.#meter.used(inputTokens, outputTokens, limits);
  }

  /** Another 20 ms with the agent. */
  tick(conversation: LiveConversation, limits: AgentLimits, nowMs: number): void {
    this.#meter.talked(FRAME_MS);
    const farewell = this.#farewell;
    if (farewell === null) {
      const limit = this.#meter.reached(limits);
      if (limit !== null)
        this.#begin(conversation, { limit, untilMs: nowMs + FAREWELL_MS, state: 'not begun' }, limits);
    } else if (farewell.state === 'not begun' && conversation.speaks) {
      farewell.state = 'begun';
    } else if (farewell.state !== 'told' && this.#isSaid(farewell, conversation, nowMs)) {
      farewell.state = 'told';
      this.#options.onReached(farewell.limit);
    }
  }

  #begin(conversation: LiveConversation, farewell: Farewell, { say }: AgentLimits): void {
    this.#farewell = farewell;
    const { usage, talkedMs } = this;
    this.#options.log.warn({ limit: farewell.limit, talkedMs, ...usage }, 'limit of the agent reached');
    conversation.say(say, 'yes');
  }

  #isSaid({ state, untilMs }: Farewell, conversation: LiveConversation, nowMs: number): boolean {
    return nowMs >= untilMs || (state === 'begun' && !conversation.speaks);
  }
}
