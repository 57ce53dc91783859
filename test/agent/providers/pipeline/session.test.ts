import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentCall, Tool } from '../../../../src/agent/port.js';
import { AiSdkModel } from '../../../../src/agent/providers/pipeline/ai-sdk-model.js';
import { OpenAiSpeaker, OpenAiTranscriber } from '../../../../src/agent/providers/pipeline/openai-speech.js';
import type { PipelineOptions } from '../../../../src/agent/providers/pipeline/provider.js';
import { PipelineProvider } from '../../../../src/agent/providers/pipeline/provider.js';
import { hoursTool } from '../../../../src/agent/tools/hours.js';
import { silentLogger } from '../../../../src/core/logger.js';
import { AgentCallHarness, until } from '../../../support/agent-call.js';
import { FakeClock, settle } from '../../../support/fake-clock.js';
import { CUT, FakeOpenAiParts, HALF, HANG } from '../../../support/fake-openai-parts.js';
import { voiceLike } from '../../../support/voice-signal.js';

const VOICE = voiceLike(16_000);
const GREETING = 'Thank you for calling.';

let fake: FakeOpenAiParts;
let harness: AgentCallHarness | null;
let provider: PipelineProvider | null;

beforeEach(async () => {
  fake = new FakeOpenAiParts();
  await fake.server.start();
  harness = null;
});

afterEach(async () => {
  harness?.conversation.close();
  await provider?.close();
  await fake.server.stop();
  expect(fake.mistakes).toEqual([]);
});

type CallSetUp = {
  readonly options?: Partial<PipelineOptions>;
  readonly call?: Partial<AgentCall>;
  readonly tools?: readonly Tool[];
};

async function open({ options = {}, call = {}, tools = [] }: CallSetUp = {}): Promise<AgentCallHarness> {
  const clock = new FakeClock();
  const at = { baseUrl: fake.baseUrl, apiKey: 'sk-test', clock };
  provider = new PipelineProvider({
    name: 'mixed',
    stt: new OpenAiTranscriber({ ...at, model: 'stt-test', language: null }),
    llm: new AiSdkModel({
      ...at,
      provider: 'openai-compatible',
      model: 'llm-test',
      temperature: null,
      maxOutputTokens: 500,
    }),
    tts: new OpenAiSpeaker({ ...at, model: 'tts-test', voice: 'nova', rateHz: 24_000 }),
    greeting: GREETING,
    instructions: 'You are Clara.',
    headStart: 'on',
    filler: { text: '', afterMs: 1000 },
    log: silentLogger,
    ...options,
  });
  await provider.prepare();
  harness = new AgentCallHarness({ provider, call, tools, clock });
  harness.conversation.start();
  return harness;
}

/** A call whose greeting was heard. */
async function greeted(setUp: CallSetUp = {}): Promise<AgentCallHarness> {
  const call = await open(setUp);
  await call.runUntil(() => call.turns.length === 1);
  return call;
}

/** The caller says something for half a second and is silent until it is a turn. */
function say(call: AgentCallHarness, transcript: string | number, ms = 500): void {
  fake.transcripts.push(transcript);
  speak(call, ms);
  call.run(700);
}

/** What the caller says must not be like what the agent says: that would be its echo. */
function speak(call: AgentCallHarness, ms: number): void {
  for (let at = 0; at < ms * 16; at += 320) call.leg.uplink.push(VOICE.subarray(at, at + 320));
  call.run(ms);
}

const said = (call: AgentCallHarness): string[] => call.turns.map(({ who, text }) => `${who}: ${text}`);

describe('an agent made of parts', () => {
  it('greets, understands, answers sentence by sentence, and tells the history', async () => {
    const call = await greeted();
    fake.answers.push(['We are op', 'en. Come ', 'and see', ' us soon!']);
    say(call, 'Are you open?');
    await call.runUntil(() => call.turns.length === 4);
    expect(said(call)).toEqual([
      `agent: ${GREETING}`,
      'caller: Are you open?',
      'agent: We are open.',
      'agent: Come and see us soon!',
    ]);
    expect(fake.spoken.slice(1)).toEqual(['We are open.', 'Come and see us soon!']);
    expect(fake.lastDialog).toEqual([
      'system: You are Clara.',
      'user: [The call begins.]',
      `assistant: ${GREETING}`,
      'user: Are you open?',
    ]);
    // The turn with what was before its onset.
    expect(fake.utterancesMs[0]).toBeGreaterThan(900);
    expect(call.failures).toEqual([]);
  });

  it('makes its greeting once for all calls', async () => {
    const call = await greeted();
    call.conversation.close();
    const next = new AgentCallHarness({ provider: provider! });
    next.conversation.start();
    next.run(40);
    expect(next.leg.audibleFrames).toBeGreaterThan(0);
    expect(fake.spoken).toEqual([GREETING]);
    next.conversation.close();
  });

  it('greets in its own words where it is given none', async () => {
    fake.answers.push(['Hello there, who is it?']);
    const call = await open({ options: { greeting: '' } });
    await call.runUntil(() => call.turns.length === 1);
    expect(said(call)).toEqual(['agent: Hello there, who is it?']);
    expect(fake.lastDialog.at(-1)).toBe('user: [The call begins. Greet the caller.]');
  });

  it('remembers what was heard of an answer and not what was not', async () => {
    const call = await greeted();
    fake.answers.push(['One two three four five six seven eight nine ten. Eleven twelve thirteen fourteen.']);
    say(call, 'Count.');
    await call.runUntil(() => call.leg.audibleFrames > 40);
    say(call, 'Stop.');
    await call.runUntil(() => fake.chats.length === 2);
    const heard = call.turns.find(({ interrupted }) => interrupted)?.text ?? '';
    expect('One two three four five six seven eight nine ten.'.startsWith(heard)).toBe(true);
    expect(fake.lastDialog.slice(-2)).toEqual([`assistant: ${heard}`, 'user: Stop.']);
  });

  it.each(['', 'Mm-hm.', 'Okay.'])('goes on where a cough, or a sign of listening, cut it off: "%s"', async (sound) => {
    const call = await greeted();
    fake.answers.push(['One two three four five six seven. ', 'Eight nine ten eleven.']);
    say(call, 'Count.');
    await call.runUntil(() => call.leg.audibleFrames > 35);
    say(call, sound, 300);
    await call.runUntil(() => said(call).at(-1) === 'agent: Eight nine ten eleven.');
    const words = call.turns
      .slice(2)
      .map(({ text }) => text)
      .join(' ')
      .split(' ');
    expect(words.slice(-4)).toEqual(['Eight', 'nine', 'ten', 'eleven.']);
    expect(words.filter((word) => word === 'one' || word === 'One')).toHaveLength(1);
    expect(words).toContain('seven.');
    expect(fake.chats).toHaveLength(1);
  });

  it('takes a sign of listening for the answer to what it has just asked', async () => {
    const call = await greeted();
    fake.answers.push(['Shall I connect you with sales? ', 'There is somebody in the office now.'], ['One moment.']);
    say(call, 'Sales, please.');
    await call.runUntil(() => said(call).includes('agent: Shall I connect you with sales?'));
    say(call, 'Okay.', 300);
    await call.runUntil(() => said(call).at(-1) === 'agent: One moment.');
    expect(said(call)).toContain('caller: Okay.');
  });

  it('takes what the caller adds before the answer as one turn', async () => {
    const call = await greeted();
    fake.answers.push([HANG], ['Sales it is.']);
    say(call, 'I would like');
    await call.runUntil(() => fake.chats.length === 1);
    say(call, 'to talk with sales.');
    await call.runUntil(() => said(call).at(-1) === 'agent: Sales it is.');
    expect(fake.lastDialog.at(-1)).toBe('user: I would like to talk with sales.');
  });

  it('is told of keys as one entry', async () => {
    const call = await greeted();
    call.conversation.digit('4');
    call.run(200);
    call.conversation.digit('2');
    call.conversation.digit('#');
    await call.runUntil(() => fake.chats.length === 1);
    expect(fake.lastDialog.at(-1)).toBe("user: [The caller pressed on the telephone's keys: 4 2 #]");
  });

  it('uses tools and speaks about what they say', async () => {
    const call = await greeted({ tools: [hoursTool] });
    fake.answers.push(
      ['Let me see. ', { tool: 'hours', input: '{}' }, { tool: 'weather', input: '{' }],
      ['We are always open.'],
    );
    say(call, 'When?');
    await call.runUntil(() => said(call).at(-1) === 'agent: We are always open.');
    expect(fake.chats[0]?.tools?.map((tool) => tool.function.name)).toEqual(['hours']);
    expect(fake.lastDialog.slice(-3)).toEqual([
      'assistant: Let me see. +hours +weather',
      'tool: {"open":true,"text":"always"}',
      'tool: the arguments are not valid JSON',
    ]);
  });

  it('says nothing more after it has ended the call', async () => {
    const ending: Tool = { ...hoursTool, name: 'hangup', run: () => Promise.resolve({ ending: true }) };
    const call = await greeted({ tools: [ending] });
    fake.answers.push(['Goodbye, then. ', { tool: 'hangup', input: '' }]);
    say(call, 'Bye.');
    await call.runUntil(() => call.toolsCalled.length === 1 && said(call).at(-1) === 'agent: Goodbye, then.');
    expect(fake.chats).toHaveLength(1);
  });

  it('does nothing that the caller may be taking back', async () => {
    const call = await greeted({ tools: [hoursTool] });
    fake.answers.push([HANG]);
    say(call, 'Transfer me.');
    await call.runUntil(() => fake.chats.length === 1);
    fake.answers.push([{ tool: 'hours', input: '{}' }]);
    call.conversation.digit('1');
    call.run(1480);
    // The caller speaks when the answer to the key arrives.
    speak(call, 240);
    await until(() => fake.chats.length === 2);
    for (let i = 0; i < 10; i++) {
      speak(call, 40);
      await settle();
    }
    expect(call.toolsCalled).toEqual([]);
    fake.transcripts.push('No, wait.');
    call.run(700);
    await call.runUntil(() => fake.chats.length === 3);
    expect(call.toolsCalled).toEqual([]);
  });

  it('says a word when the answer takes long, once', async () => {
    const call = await greeted({ options: { filler: { text: 'One moment.', afterMs: 1000 } } });
    await until(() => fake.spoken.length === 2);
    fake.answers.push([HANG]);
    say(call, 'Think.');
    await call.runUntil(() => fake.chats.length === 1);
    await call.runUntil(() => said(call).at(-1) === 'agent: One moment.');
    call.run(5000);
    expect(said(call).filter((turn) => turn === 'agent: One moment.')).toHaveLength(1);
  });

  it('goes on where an earlier one failed', async () => {
    const history = [
      { who: 'agent', text: 'How can I help?' },
      { who: 'caller', text: 'Sales please.' },
    ] as const;
    fake.answers.push(['At once.']);
    const call = await open({ call: { history } });
    await call.runUntil(() => call.turns.length === 1);
    expect(fake.lastDialog.slice(-2)).toEqual(['assistant: How can I help?', 'user: Sales please.']);
  });

  it('leaves nothing behind at the end of the call', async () => {
    const call = await greeted();
    fake.answers.push([HANG]);
    say(call, 'Hello?');
    await call.runUntil(() => fake.chats.length === 1);
    call.conversation.close();
    await until(() => call.clock.pendingAlarms === 0);
    expect(call.failures).toEqual([]);
  });
});

describe('parts that misbehave', () => {
  it.each([500, 503])('are asked once more when they answer %i', async (status) => {
    const call = await greeted();
    fake.transcripts.push(status);
    fake.answers.push([{ status, message: 'overloaded' }], ['Here I am.']);
    fake.voiceFailures.push(status);
    say(call, 'Hello?');
    await call.runUntil(() => said(call).at(-1) === 'agent: Here I am.');
    expect(call.failures).toEqual([]);
  });

  it.each([
    [
      'a recognizer that refuses',
      (): void => void fake.transcripts.push(401),
      'AGENT_UNAVAILABLE',
      'the speech recognizer answered 401',
    ],
    [
      'a recognizer that is broken',
      (): void => void fake.transcripts.push(500, 500),
      'AGENT_FAILED',
      'the speech recognizer answered 500',
    ],
    [
      'a model without quota',
      (): void => void fake.answers.push([{ status: 429, message: 'no quota' }]),
      'AGENT_UNAVAILABLE',
      'the model answered 429: no quota',
    ],
    ['a model that breaks off', (): void => void fake.answers.push(['And th', CUT]), 'AGENT_FAILED', 'the model'],
    ['a model that is mute', (): void => void fake.answers.push([]), 'AGENT_FAILED', 'the model answered nothing'],
    ['a voice that breaks off', (): void => void fake.voiceFailures.push(HALF), 'AGENT_FAILED', 'the voice'],
    [
      'a voice that is gone',
      (): void => void fake.voiceFailures.push(500, 500),
      'AGENT_FAILED',
      'the voice answered 500',
    ],
  ])('such as %s are a failure', async (_who, misbehave, code, words) => {
    const call = await greeted();
    misbehave();
    say(call, 'Hello?');
    await call.runUntil(() => call.failures.length > 0);
    expect(call.failures[0]).toMatchObject({ code });
    expect(call.failures[0]?.message).toContain(words);
    expect(call.failures[0]?.message).not.toContain('sk-test');
  });

  it.each([
    ['recognizer', 8000, (): void => void fake.transcripts.unshift(HANG, HANG)],
    ['model', 10_000, (): void => void fake.answers.push([HANG], [HANG])],
    ['voice', 5000, (): void => void fake.voiceFailures.push(HANG, HANG)],
  ])('such as a %s that hangs are given up in time', async (_who, limitMs, misbehave) => {
    const call = await greeted();
    misbehave();
    say(call, 'Hello?');
    const startedAtMs = call.clock.nowMs();
    await call.runUntil(() => call.failures.length > 0);
    expect(call.clock.nowMs() - startedAtMs).toBeLessThan(3 * limitMs + 1000);
    expect(call.failures[0]?.message).toContain(`gave no answer within ${limitMs} ms`);
  });

  it('such as a model that calls tools in a circle are stopped', async () => {
    const call = await greeted({ tools: [hoursTool] });
    for (let i = 0; i < 20; i++) fake.answers.push([{ tool: 'hours', input: '{}' }]);
    say(call, 'Hello?');
    await call.runUntil(() => call.failures.length > 0);
    expect(fake.chats).toHaveLength(8);
  });
});
