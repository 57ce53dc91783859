import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Tool } from '../../../src/agent/port.js';
import type { LinecardSocketOptions } from '../../../src/agent/providers/linecard-socket/provider.js';
import { LinecardSocketProvider } from '../../../src/agent/providers/linecard-socket/provider.js';
import { hoursTool } from '../../../src/agent/tools/hours.js';
import { FRAME_SAMPLES } from '../../../src/core/units.js';
import { AgentCallHarness, until } from '../../support/agent-call.js';
import { noise } from '../../support/signals.js';
import { FakeLinecardAgent } from '../../support/fake-linecard-agent.js';

/** Unlike anything that the agent says; a constant level would be its echo. */
const VOICE = noise(FRAME_SAMPLES, 8000);

let agent: FakeLinecardAgent;
let harness: AgentCallHarness | null;

beforeEach(async () => {
  agent = new FakeLinecardAgent();
  await agent.server.start();
  harness = null;
});

afterEach(async () => {
  harness?.conversation.close();
  await agent.server.stop();
  expect(agent.mistakes).toEqual([]);
});

function open(options: Partial<LinecardSocketOptions> = {}, tools: readonly Tool[] = [hoursTool]): AgentCallHarness {
  const provider = new LinecardSocketProvider({
    name: 'remote',
    url: agent.url,
    token: 'secret',
    greeting: 'Hello.',
    instructions: 'Be brief.',
    voice: '',
    parameters: { tenant: 'acme' },
    turnTaking: 'linecard',
    ...options,
  });
  harness = new AgentCallHarness({ provider, tools, call: { history: [{ who: 'caller', text: 'Hi' }] } });
  return harness;
}

/** A call in which the agent knows that the caller hears. */
async function talking(options: Partial<LinecardSocketOptions> = {}): Promise<AgentCallHarness> {
  const call = open(options);
  call.conversation.start();
  await until(() => agent.of('answered').length === 1);
  return call;
}

describe('an agent of our own protocol', () => {
  it('is told of the call while the phone rings, and hears nothing until it is answered', async () => {
    const call = open();
    await until(() => agent.of('start').length === 1);
    call.run(200, 3000);
    expect(agent.of('start')[0]).toMatchObject({
      call: { caller: { number: '+4930123', name: 'Ada' }, extension: '7000' },
      history: [{ who: 'caller', text: 'Hi' }],
      greeting: 'Hello.',
      instructions: 'Be brief.',
      parameters: { tenant: 'acme' },
      tools: [{ name: 'hours' }],
    });
    expect(agent.connection.headers.authorization).toBe('Bearer secret');
    expect(agent.frames).toEqual([]);
    call.conversation.start();
    call.run(200, 3000);
    await until(() => agent.frames.length === 10);
    expect(new Set(agent.frames.flatMap((frame) => [...frame]))).toEqual(new Set([3000]));
  });

  it('is heard sample by sample at the pace of the caller, and told when that was', async () => {
    const call = await talking();
    agent.send({ type: 'segment', id: 'greeting' });
    agent.send({ type: 'text', text: 'Good morning.' });
    agent.say(1000, 5000);
    agent.send({ type: 'end' });
    await call.runUntil(() => agent.of('heard').length === 1);
    expect(agent.of('heard')).toEqual([
      { type: 'heard', segment: 'greeting', heardMs: 1000, text: 'Good morning.', interrupted: false },
    ]);
    expect(call.leg.played.flatMap((frame) => [...frame]).filter((sample) => sample === 5000)).toHaveLength(16_000);
    expect(call.turns).toMatchObject([{ who: 'agent', text: 'Good morning.', heardMs: 1000 }]);
  });

  it('may cut its samples anywhere', async () => {
    const call = await talking();
    const bytes = Buffer.from(new Int16Array(1600).fill(0x1234).buffer);
    for (let at = 0; at < bytes.length; at += 33) agent.connection.socket.send(bytes.subarray(at, at + 33));
    agent.send({ type: 'end' });
    await call.runUntil(() => agent.of('heard').length === 1);
    const heard = call.leg.played.flatMap((frame) => [...frame]).filter((sample) => sample !== 0);
    expect(heard).toHaveLength(1600);
    expect(new Set(heard)).toEqual(new Set([0x1234]));
  });

  it('is interrupted by the caller, told what was heard of it, and what is still on its way is not heard', async () => {
    const call = await talking();
    agent.send({ type: 'segment', id: 'story' });
    agent.send({ type: 'text', text: 'one two', words: [{ word: 'one', endMs: 300 }] });
    agent.say(5000);
    await call.runUntil(() => call.leg.audibleFrames >= 20);
    call.run(500, VOICE);
    await until(() => agent.of('heard').length === 1 && agent.of('callerStarted').length === 1);
    const heard = agent.of('heard')[0]!;
    expect(heard).toMatchObject({ segment: 'story', interrupted: true, text: 'one' });
    expect(Math.abs(heard.heardMs - call.leg.audibleFrames * 20)).toBeLessThanOrEqual(20);
    const audible = call.leg.audibleFrames;
    agent.say(1000);
    agent.send({ type: 'tool', id: 'sync', name: 'hours', input: {} });
    await call.runUntil(() => agent.of('toolResult').length === 1);
    call.run(1000);
    expect(call.leg.audibleFrames).toBe(audible);
    await until(() => agent.of('callerFinished').length === 1);
    agent.send({ type: 'callerSaid', text: ' Stop. ' });
    agent.send({ type: 'segment', id: 'answer' });
    agent.say(100);
    agent.send({ type: 'end' });
    await call.runUntil(() => agent.of('heard').length === 2);
    expect(call.turns.find(({ who }) => who === 'caller')?.text).toBe('Stop.');
    expect(call.leg.audibleFrames).toBe(audible + 5);
  });

  it('may find turns itself and clear what it says', async () => {
    const call = await talking({ turnTaking: 'agent' });
    agent.say(5000);
    await call.runUntil(() => call.leg.audibleFrames >= 5, 3000);
    call.run(400, 3000);
    expect(agent.of('callerStarted')).toEqual([]);
    agent.send({ type: 'clear' });
    await call.runUntil(() => agent.of('heard').length === 1);
    const audible = call.leg.audibleFrames;
    agent.say(100);
    await call.runUntil(() => call.leg.audibleFrames === audible + 5);
  });

  it('cannot be interrupted where it protects what it says, but by a key', async () => {
    const call = await talking();
    agent.send({ type: 'segment', id: 'notice', protected: true });
    agent.say(3000);
    await call.runUntil(() => call.leg.audibleFrames >= 5);
    call.run(1000, VOICE);
    await until(() => agent.of('callerStarted').length === 1);
    expect(agent.of('heard')).toEqual([]);
    call.conversation.digit('5');
    call.run(20);
    await until(() => agent.of('heard').length === 1);
    expect(agent.of('digit')).toEqual([{ type: 'digit', digit: '5' }]);
  });

  it('uses the tools of the call, and gets a sentence where one fails', async () => {
    const call = await talking();
    agent.send({ type: 'tool', id: 'a', name: 'hours', input: {} });
    agent.send({ type: 'tool', id: 'b', name: 'weather', input: {} });
    await until(() => agent.of('toolResult').length === 2);
    expect(agent.of('toolResult')).toEqual(
      expect.arrayContaining([
        { type: 'toolResult', id: 'a', ok: true, value: { open: true, text: 'always' } },
        { type: 'toolResult', id: 'b', ok: false, message: 'there is no tool "weather"; allowed: hours' },
      ]),
    );
    expect(call.toolsCalled).toEqual([{ tool: 'hours', ok: true }]);
  });

  it('is told what to say and what to know', async () => {
    const call = await talking();
    call.conversation.say('One moment.');
    call.conversation.instruct('The caller is a customer.');
    await until(() => agent.of('instruct').length === 1);
    expect(agent.of('say')).toEqual([{ type: 'say', text: 'One moment.' }]);
  });

  it.each([
    ['says that it is done', () => agent.send({ type: 'done', reason: 'all is said' }), 'all is said'],
    ['closes', () => agent.connection.socket.close(1000, 'bye'), 'bye'],
  ])('ends the call when it %s, after all was heard', async (_how, end, reason) => {
    const call = await talking();
    agent.say(500);
    end();
    await call.runUntil(() => call.done.length === 1);
    expect(call.done).toEqual([reason]);
    expect(call.leg.audibleFrames).toBe(25);
    expect(call.failures).toEqual([]);
  });

  it('is told of the end of the call', async () => {
    const call = await talking();
    call.conversation.close();
    await until(() => agent.connection.closedWith === 1000);
    expect(agent.received.at(-1)).toEqual({ type: 'ended' });
    await until(() => call.clock.pendingAlarms === 0);
  });
});

describe('an agent of our own protocol that misbehaves', () => {
  it('by refusing cannot be had, and the token is not told', async () => {
    agent.server.welcome = { kind: 'refuse', status: 403 };
    const call = open();
    await until(() => call.failures.length === 1);
    expect(call.failures[0]?.code).toBe('AGENT_UNAVAILABLE');
    expect(call.failures[0]?.message).not.toContain('secret');
  });

  it('by dying in the middle of a word fails once', async () => {
    const call = await talking();
    agent.say(5000);
    await call.runUntil(() => call.leg.audibleFrames > 5);
    agent.server.cut();
    await call.runUntil(() => call.failures.length === 1);
    expect(call.failures[0]?.code).toBe('AGENT_FAILED');
    expect(call.clock.pendingAlarms).toBe(0);
  });

  it('by giving up says why', async () => {
    const call = await talking();
    agent.send({ type: 'failed', reason: 'no model' });
    await until(() => call.failures.length === 1);
    expect(call.failures[0]?.message).toBe('the agent gave up: no model');
  });

  it('by talking nonsense is told what is wrong, and given up when it is all nonsense', async () => {
    const call = await talking();
    for (const nonsense of ['{', 'null', '{"type":"dance"}', '{"type":"segment"}']) agent.send(nonsense);
    await until(() => agent.of('mistake').length === 4);
    expect(agent.of('mistake')[0]?.message).toBe('a text message that is not JSON');
    expect(agent.of('mistake')[3]?.message).toContain('id');
    expect(call.failures).toEqual([]);
    for (let i = 0; i < 100; i++) agent.send('{');
    await until(() => call.failures.length === 1);
    expect(call.failures[0]?.message).toContain('does not speak our protocol');
  });

  it('by beginning to say things without end is given up', async () => {
    const call = await talking();
    for (let i = 0; i < 300; i++) {
      agent.send({ type: 'segment', id: `s${i}` });
      agent.say(20);
    }
    await until(() => call.failures.length === 1);
    expect(call.failures[0]?.message).toContain('200 segments');
  });

  it('by not reading is noticed', async () => {
    const call = await talking();
    agent.connection.socket.pause();
    call.run(15_000);
    expect(call.failures[0]?.message).toContain('does not answer any more');
  });
});

describe('the example of an agent in twenty lines', () => {
  it('greets, says back what it hears, and ends the call at #', async () => {
    const example = spawn(process.execPath, ['examples/websocket-echo-agent.mjs', '0']);
    try {
      const [line] = (await once(example.stdout, 'data')) as [Buffer];
      const url = /ws:\S+/.exec(line.toString())?.[0] ?? 'ws://no.address';
      const call = open({ url, turnTaking: 'agent' });
      call.conversation.start();
      await call.runUntil(() => call.leg.played.some((frame) => frame.every((sample) => sample === 5000)), 5000);
      call.conversation.digit('#');
      await call.runUntil(() => call.done.length === 1);
    } finally {
      example.kill();
    }
  });
});
