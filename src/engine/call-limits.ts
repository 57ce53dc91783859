import type { CallLimit, Usage } from '../core/calls.js';

/** What one agent may spend in a call; null: no limit. */
export type AgentLimits = {
  readonly maxMs: number | null;
  readonly maxTokens: number | null;
  readonly maxCost: number | null;
  /** Said before the caller is brought to a person. */
  readonly say: string;
  /** Per million tokens, in whatever currency `maxCost` is. */
  readonly prices: { readonly input: number; readonly output: number };
};

export const NO_LIMITS: AgentLimits = {
  maxMs: null,
  maxTokens: null,
  maxCost: null,
  say: '',
  prices: { input: 0, output: 0 },
};

const MILLION = 1_000_000;

/** Counts what a call costs, whichever of its agents spends it. */
export class CallMeter {
  #usage: Usage;
  #talkedMs: number;

  /** What was spent and talked before this session, where a leg had to be opened again. */
  constructor(spent: Usage, talkedMs: number) {
    this.#usage = spent;
    this.#talkedMs = talkedMs;
  }

  get usage(): Usage {
    return this.#usage;
  }

  get talkedMs(): number {
    return this.#talkedMs;
  }

  used(inputTokens: number, outputTokens: number, { prices }: AgentLimits): void {
    const { inputTokens: input, outputTokens: output, cost } = this.#usage;
    this.#usage = {
      inputTokens: input + inputTokens,
      outputTokens: output + outputTokens,
      cost: cost + (inputTokens * prices.input + outputTokens * prices.output) / MILLION,
    };
  }

  /** While the caller is with an agent. */
  talked(ms: number): void {
    this.#talkedMs += ms;
  }

  /** Which limit of the agent's is reached; null: none. */
  reached({ maxMs, maxTokens, maxCost }: AgentLimits): CallLimit | null {
    const { inputTokens, outputTokens, cost } = this.#usage;
    if (maxMs !== null && this.#talkedMs >= maxMs) return 'minutes';
    if (maxTokens !== null && inputTokens + outputTokens >= maxTokens) return 'tokens';
    return maxCost !== null && cost >= maxCost ? 'cost' : null;
  }
}
