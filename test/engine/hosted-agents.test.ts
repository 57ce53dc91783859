import { describe, expect, it } from 'vitest';
import type { AgentCapabilities } from '../../src/agent/port.js';
import { HostedAgents } from '../../src/engine/hosted-agents.js';
import { silentLogger } from '../../src/core/logger.js';
import { ScriptedAgent } from '../support/scripted-agent.js';

const BOTH = { minWaitMs: 800, maxWaitMs: 2000, greeting: 'interruptible' } as const;

function limitationsOf(capabilities: Partial<AgentCapabilities>): string[] {
  const { provider } = new ScriptedAgent(capabilities);
  const agent = { provider, backup: null, echoGuard: 'off' as const, tools: () => [], turns: BOTH };
  return new HostedAgents({ agents: new Map([['clara', agent]]), services: [], log: silentLogger }).limitations();
}

describe('waits that an agent is configured with', () => {
  it('are nothing to speak of where we find turns', () => {
    expect(limitationsOf({})).toEqual([]);
  });

  it('are told to have no effect on an agent with waits of its own', () => {
    expect(limitationsOf({ turnTaking: 'provider' })).toEqual([
      'agent clara: turns.minWaitMs has no effect: the agent finds turns itself',
      'agent clara: turns.maxWaitMs has no effect: the agent finds turns itself',
    ]);
  });

  it('are told to have no effect where the agent can be told the other one only', () => {
    expect(limitationsOf({ turnTaking: 'provider', waits: 'minWaitMs' })).toEqual([
      'agent clara: turns.maxWaitMs has no effect: the agent finds turns itself, and is told turns.minWaitMs only',
    ]);
  });
});
