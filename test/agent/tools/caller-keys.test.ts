import { describe, expect, it } from 'vitest';
import type { Floor, Tool, ToolResult } from '../../../src/agent/port.js';
import { collectDigitsTool } from '../../../src/agent/tools/collect-digits.js';
import { holdTool } from '../../../src/agent/tools/hold.js';
import { AgentCallHarness } from '../../support/agent-call.js';
import { settle } from '../../support/fake-clock.js';
import { ScriptedAgent } from '../../support/scripted-agent.js';

/** Loud enough to be speech. */
const LOUD = 4000;

const given: unknown[] = [];

/** A tool of the admin's that is given secrets, and repeats what it was given. */
const bank: Tool = {
  name: 'bank',
  description: '',
  inputSchema: {},
  timeLimitMs: 1000,
  secrets: 'resolved',
  run: (input) => {
    given.push(input);
    return Promise.resolve({ checked: input });
  },
};

function call(control: ConstructorParameters<typeof AgentCallHarness>[0]['control'] = {}): {
  readonly harness: AgentCallHarness;
  readonly agent: ScriptedAgent;
} {
  const agent = new ScriptedAgent();
  const makeTools = (floor: Floor): Tool[] => [collectDigitsTool(floor), holdTool(floor), bank];
  const harness = new AgentCallHarness({ provider: agent.provider, makeTools, control });
  harness.conversation.start();
  return { harness, agent };
}

function pressAll({ conversation }: AgentCallHarness, digits: string): void {
  for (const digit of digits) conversation.digit(digit);
}

describe('digits that a tool asks for', () => {
  it('are collected to their number, after the prompt, and not told to the agent one by one', async () => {
    const { harness, agent } = call();
    const running = agent.context.tools.run('collect_digits', { prompt: 'Your number, please.', digits: 4 });
    expect(agent.told).toContain('say Your number, please.');
    pressAll(harness, '1234');
    expect(await running).toEqual({ ok: true, value: { entered: '1234', digits: 4, complete: true } });
    harness.conversation.digit('5');
    expect(agent.told.filter((told) => told.startsWith('digit'))).toEqual(['digit 5']);
  });

  it('end with #, with a pause, or never begin', async () => {
    const { harness, agent } = call();
    const { tools } = agent.context;
    const hash = tools.run('collect_digits', {});
    pressAll(harness, '12#');
    expect(await hash).toMatchObject({ value: { entered: '12', complete: true } });

    const pause = tools.run('collect_digits', { digits: 9 });
    pressAll(harness, '12');
    harness.run(4000);
    expect(await pause).toMatchObject({ value: { entered: '12', complete: false } });

    const nothing = tools.run('collect_digits', { digits: 9 });
    harness.run(12_000);
    expect(await nothing).toMatchObject({ value: { entered: '', note: 'the caller pressed nothing' } });
  });

  it('are waited for from the end of the prompt', async () => {
    const { harness, agent } = call();
    agent.speak('Please enter the number that is on the back of your card.', 15_000);
    const running = agent.context.tools.run('collect_digits', { digits: 2 });
    harness.run(20_000);
    pressAll(harness, '12');
    expect(await running).toMatchObject({ value: { entered: '12' } });
  });

  it('are given up for words', async () => {
    const { harness, agent } = call();
    const running = agent.context.tools.run('collect_digits', {});
    harness.run(400, LOUD);
    expect(await running).toMatchObject({ value: { note: 'the caller speaks instead of entering' } });
  });

  it('are asked for by one tool at a time', async () => {
    const { harness, agent } = call();
    const first = agent.context.tools.run('collect_digits', { digits: 1 });
    expect(await agent.context.tools.run('collect_digits', {})).toEqual({
      ok: false,
      message: 'the caller is entering something already',
    });
    harness.conversation.digit('1');
    expect(await first).toMatchObject({ ok: true });
  });

  it('in secret reach the admin’s server and nobody else', async () => {
    const { harness, agent } = call();
    const { tools } = agent.context;
    const running = tools.run('collect_digits', { digits: 4, secret: true });
    expect(harness.conversation.keys).toBe('secret');
    pressAll(harness, '9876');
    expect(await running).toMatchObject({ value: { entered: 'secret_1', digits: 4 } });
    expect(harness.conversation.keys).toBe('shown');
    // What the server repeats is hidden again.
    expect(await tools.run('bank', { pin: 'secret_1', note: 'it is secret_1' })).toEqual({
      ok: true,
      value: { checked: { pin: 'secret_1', note: 'it is secret_1' } },
    });
    expect(given).toEqual([{ pin: '9876', note: 'it is 9876' }]);
    expect(JSON.stringify(harness.toolUses)).not.toContain('9876');
  });
});

describe('a caller on hold', () => {
  async function held(): Promise<{ harness: AgentCallHarness; moves: string[]; running: Promise<ToolResult> }> {
    const moves: string[] = [];
    const control = {
      hold: (move: 'held' | 'resumed') => {
        moves.push(move);
        return Promise.resolve();
      },
    };
    const { harness, agent } = call(control);
    const running = agent.context.tools.run('hold', { seconds: 60 });
    await settle();
    expect(moves).toEqual(['held']);
    return { harness, moves, running };
  }

  it('comes back when the time is up', async () => {
    const { harness, moves, running } = await held();
    await harness.clock.advanceAsync(60_000);
    expect(await running).toEqual({ ok: true, value: { back: 'the time is up' } });
    expect(moves).toEqual(['held', 'resumed']);
  });

  it('comes back by a key, which means nothing else', async () => {
    const { harness, running } = await held();
    harness.conversation.hold('held');
    harness.conversation.digit('1');
    expect(await running).toEqual({ ok: true, value: { back: 'the caller pressed a key' } });
  });

  it('is taken from the music when the agent is lost meanwhile', async () => {
    const { harness, moves, running } = await held();
    harness.conversation.close();
    expect(await running).toMatchObject({ ok: false });
    await settle();
    expect(moves).toEqual(['held', 'resumed']);
    expect(harness.clock.pendingAlarms).toBe(0);
  });
});
