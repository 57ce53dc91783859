import type { Logger } from '../core/logger.js';
import type { UnfinishedCall } from '../journal/port.js';
import type { CallOffer } from '../pbx/port.js';
import type { CallHours, CallServices } from './call-services.js';

/** What an extension of the configuration leads to. */
export type ExtensionPlan = {
  readonly agent: string;
  readonly fallback: string | null;
  /** Name of its schedule; absent: there is none. */
  readonly schedule?: string | null;
  /** What is different while the schedule says closed. */
  readonly closed?: {
    readonly agent: string | null;
    readonly fallback: string | null;
    readonly destinations: ReadonlySet<string> | null;
  };
};

/** What it leads to at this moment. */
export type PresentPlan = {
  readonly agent: string;
  readonly fallback: string | null;
  readonly hours: CallHours;
};

export type ExtensionPlansOptions = {
  readonly extensions: ReadonlyMap<string, ExtensionPlan>;
  /** Which the dialplan may ask for in the place of an extension's. */
  readonly agents: ReadonlySet<string>;
  readonly schedules: CallServices['schedules'];
  readonly log: Logger;
};

/** Who answers where: extension, schedule and dialplan together. */
export class ExtensionPlans {
  readonly #options: ExtensionPlansOptions;

  constructor(options: ExtensionPlansOptions) {
    this.#options = options;
  }

  /** Null: it is not configured. */
  at(extension: string): PresentPlan | null {
    const { extensions, schedules } = this.#options;
    const plan = extensions.get(extension);
    if (plan === undefined) return null;
    const { agent, fallback, schedule = null, closed } = plan;
    const hours = { schedule, whenClosed: closed?.destinations ?? null };
    const isOpen = schedule === null || schedules.get(schedule).state === 'open';
    if (isOpen || closed === undefined) return { agent, fallback, hours };
    return { agent: closed.agent ?? agent, fallback: closed.fallback ?? fallback, hours };
  }

  /** For logs. */
  get known(): string {
    return [...this.#options.extensions.keys()].join(', ');
  }

  /** The one whom a caller talked with before a restart, whatever the schedule says by now; unless there is no such agent any more. */
  agentFor(offer: CallOffer, { agent }: PresentPlan, before: UnfinishedCall | null): string {
    if (before === null) return this.#wantedBy(offer) ?? agent;
    const earlier = before.record.agent;
    const plans = [...this.#options.extensions.values()];
    const used = plans.flatMap((plan) => [plan.agent, plan.closed?.agent]);
    return this.#options.agents.has(earlier) || used.includes(earlier) ? earlier : agent;
  }

  /** The agent that the dialplan asks for; null: none, or one that does not exist. */
  #wantedBy({ agent, channelId }: CallOffer): string | null {
    const { agents, log } = this.#options;
    if (agent === undefined) return null;
    if (agents.has(agent)) return agent;
    log.error({ channelId, agent, known: [...agents].join(', ') }, 'dialplan asks for an agent that is not configured');
    return null;
  }
}
