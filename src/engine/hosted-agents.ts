import type { AgentCapabilities, ThreadService } from '../agent/port.js';
import type { WantedWaits } from '../agent/turn-taking.js';
import { LinecardError, toLinecardError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import type { HostedAgent } from './live-conversation.js';

export type HostedAgentsOptions = {
  /** By name, as in the configuration. */
  readonly agents: ReadonlyMap<string, HostedAgent>;
  /** What the agents' tools share; started and ended with the agents. */
  readonly services: readonly ThreadService[];
  readonly log: Logger;
};

/** The agents of a media thread: which of them can serve, and who takes over from whom. */
export class HostedAgents {
  readonly #agents: ReadonlyMap<string, HostedAgent>;
  readonly #services: readonly ThreadService[];
  readonly #log: Logger;
  /** Those that could not be prepared, and why. */
  readonly #unavailable = new Map<string, string>();

  constructor(options: HostedAgentsOptions) {
    this.#agents = options.agents;
    this.#services = options.services;
    this.#log = options.log;
  }

  /** Rejects when a service fails; an agent that fails is out of service, and its backup serves. */
  async prepare(): Promise<void> {
    const agents = [...this.#agents].map(([name, agent]) => this.#prepare(name, agent));
    await Promise.all([...agents, ...this.#services.map((service) => service.prepare())]);
  }

  limitations(): string[] {
    const lines: string[] = [];
    for (const [name, { provider, turns }] of this.#agents) {
      const reason = this.#unavailable.get(name);
      if (reason !== undefined) lines.push(`agent ${name} cannot serve calls: ${reason}`);
      else {
        const limitations = [...provider.limitations(), ...unheededWaits(provider.capabilities, turns)];
        for (const limitation of limitations) lines.push(`agent ${name}: ${limitation}`);
      }
    }
    for (const service of this.#services) lines.push(...service.limitations());
    return lines;
  }

  /** Whom a call with this agent tries, in this order: the agent, once more the agent, its backup; without those that could not be prepared. */
  attempts(name: string): HostedAgent[] {
    const backup = this.#agents.get(name)?.backup ?? null;
    const names = [name, name, ...(backup === null ? [] : [backup])];
    return names.flatMap((each) => {
      const known = this.#agents.get(each);
      return known === undefined || this.#unavailable.has(each) ? [] : [known];
    });
  }

  /** Why no call with this agent can be served; null when one can. */
  refusal(name: string): LinecardError | null {
    if (!this.#agents.has(name)) return new LinecardError('AGENT_UNKNOWN', `there is no agent "${name}"`);
    if (this.attempts(name).length > 0) return null;
    const reason = this.#unavailable.get(name) ?? '';
    return new LinecardError('AGENT_UNAVAILABLE', `agent "${name}" cannot serve: ${reason}`);
  }

  /** What is being closed, part by part. */
  close(): Promise<void>[] {
    return [
      ...[...this.#agents.values()].map(({ provider }) => provider.close()),
      ...this.#services.map((service) => service.close()),
    ];
  }

  async #prepare(name: string, agent: HostedAgent): Promise<void> {
    try {
      await agent.provider.prepare();
    } catch (thrown) {
      const error = toLinecardError(thrown, 'AGENT_UNAVAILABLE');
      this.#unavailable.set(name, error.message);
      this.#log.error({ err: error, agent: name }, 'agent cannot serve calls');
    }
  }
}

/** What is configured of waits and an agent that finds turns itself cannot be told. */
function unheededWaits({ turnTaking, waits }: AgentCapabilities, wanted: WantedWaits = {}): string[] {
  if (turnTaking === 'linecard') return [];
  const itsOwn =
    turnTaking === 'none'
      ? 'has no turns'
      : `finds turns itself${waits === undefined ? '' : `, and is told turns.${waits} only`}`;
  return (['minWaitMs', 'maxWaitMs'] as const)
    .filter((wait) => wanted[wait] !== undefined && wait !== waits)
    .map((wait) => `turns.${wait} has no effect: the agent ${itsOwn}`);
}
