import { describe, expect, it } from 'vitest';
import type { FillerRules } from '../../src/agent/filler.js';
import { Filler } from '../../src/agent/filler.js';
import type { Tool } from '../../src/agent/port.js';
import { FRAME_SAMPLES } from '../../src/core/units.js';
import { AgentCallHarness } from '../support/agent-call.js';
import { settle } from '../support/fake-clock.js';
import { ScriptedAgent } from '../support/scripted-agent.js';

const LOUD = 4000;
const TONE: FillerRules = { afterMs: 1000, tone: 'on', words: '' };

function open(
  capabilities: ConstructorParameters<typeof ScriptedAgent>[0],
  filler: FillerRules,
): { agent: ScriptedAgent; call: AgentCallHarness; finish: () => Promise<void> } {
  const agent = new ScriptedAgent(capabilities);
  let answer: () => void = () => undefined;
  const slow: Tool = {
    name: 'slow',
    description: 'takes its time',
    inputSchema: {},
    timeLimitMs: 60_000,
    run: () => new Promise<void>((resolve) => (answer = resolve)),
  };
  const call = new AgentCallHarness({ provider: agent.provider, filler, tools: [slow] });
  call.conversation.start();
  const finish = async (): Promise<void> => {
    answer();
    await settle();
  };
  return { agent, call, finish };
}

describe.each([
  ['leaves turns to us', {}],
  ['finds turns itself', { turnTaking: 'provider', utterances: 'unwanted' }],
] as const)('a caller of an agent that %s', (_, capabilities) => {
  it('hears a soft tone when the answer takes long, and nothing of it when it comes', () => {
    const { agent, call } = open(capabilities, TONE);
    call.run(500, LOUD);
    call.run(1560);
    expect(call.leg.audibleFrames).toBe(0);
    call.run(200);
    expect(call.leg.audibleFrames).toBeGreaterThan(0);
    expect(call.leg.loudest).toBeLessThan(1000);
    agent.speak('Yes.', 200);
    call.run(200);
    const audible = call.leg.audibleFrames;
    call.run(3000);
    expect(call.leg.audibleFrames).toBe(audible);
    expect(call.turns).toMatchObject([{ text: 'Yes.', heardMs: 200, interrupted: false }]);
    expect(call.interruptions).toEqual([]);
  });

  it('stops it by speaking, and is not cut off by it', () => {
    const { call } = open(capabilities, TONE);
    call.run(500, LOUD);
    call.run(1700);
    const audible = call.leg.audibleFrames;
    expect(audible).toBeGreaterThan(0);
    call.run(180, LOUD);
    const until = call.leg.audibleFrames;
    call.run(1000, LOUD);
    expect(call.leg.audibleFrames).toBe(until);
    expect(call.interruptions).toEqual([]);
  });

  it('does not hear it for ever from an agent that has nothing to say', () => {
    const { call } = open(capabilities, TONE);
    call.run(500, LOUD);
    call.run(18_000);
    const audible = call.leg.audibleFrames;
    call.run(10_000);
    expect(call.leg.audibleFrames).toBe(audible);
  });
});

it('the end of the tone does not turn the loudest speech over', () => {
  const filler = new Filler({ rules: TONE, say: () => undefined });
  for (let ms = 0; ms < 1100; ms += 20) filler.fill(new Int16Array(FRAME_SAMPLES), 'answer', 'rest');
  const loud = new Int16Array(FRAME_SAMPLES).fill(32_767);
  filler.fill(loud, 'nothing', 'rest');
  expect(Math.min(...loud)).toBeGreaterThan(30_000);
});

it('who has had a quick answer waits for nothing', () => {
  const { agent, call } = open({ turnTaking: 'provider', utterances: 'unwanted' }, TONE);
  call.run(500, LOUD);
  call.run(200);
  agent.speak('Yes.', 200);
  call.run(220);
  const audible = call.leg.audibleFrames;
  call.run(3000);
  expect(call.leg.audibleFrames).toBe(audible);
});

it('a tool that takes long is covered by words, once, and then by the tone', async () => {
  const { agent, call, finish } = open({ fillers: 'conversation' }, { ...TONE, words: 'One moment.' });
  void agent.context.tools.run('slow', {});
  call.run(900);
  expect(agent.told).not.toContain('say One moment.');
  call.run(200);
  expect(agent.told.filter((what) => what === 'say One moment.')).toHaveLength(1);
  agent.speak('One moment.', 500);
  call.run(500);
  const audible = call.leg.audibleFrames;
  call.run(2500);
  expect(agent.told.filter((what) => what === 'say One moment.')).toHaveLength(1);
  expect(call.leg.audibleFrames).toBeGreaterThan(audible);
  await finish();
  call.run(20);
  const until = call.leg.audibleFrames;
  call.run(3000);
  expect(call.leg.audibleFrames).toBe(until);
});

it('words are not asked of an agent that has its own way', () => {
  const { agent, call } = open({}, { ...TONE, words: 'One moment.' });
  void agent.context.tools.run('slow', {});
  call.run(3000);
  expect(agent.told).toEqual(['start']);
});

it('nobody hears anything where nothing is configured', () => {
  const { agent, call } = open({}, { afterMs: 1000, tone: 'off', words: '' });
  call.run(500, LOUD);
  call.run(5000);
  expect(call.leg.audibleFrames).toBe(0);
  expect(agent.told).toContain('callerFinished');
});
