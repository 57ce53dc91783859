import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentCall, Tool } from '../../../src/agent/port.js';
import type { GeminiVoice } from '../../../src/agent/providers/gemini-live/protocol.js';
import { GeminiLiveProvider } from '../../../src/agent/providers/gemini-live/provider.js';
import { hangUpTool } from '../../../src/agent/tools/hang-up.js';
import { hoursTool } from '../../../src/agent/tools/hours.js';
import { AgentCallHarness, until } from '../../support/agent-call.js';
import { callerSpeaks } from '../../support/agent-rigs/caller-voice.js';
import type { FakeGeminiSession } from '../../support/fake-gemini-live.js';
import { FakeGeminiLive } from '../../support/fake-gemini-live.js';

let fake: FakeGeminiLive;
let harness: AgentCallHarness | null;

beforeEach(async () => {
  fake = new FakeGeminiLive();
  await fake.server.start();
  harness = null;
});

afterEach(async () => {
  harness?.conversation.close();
  await fake.server.stop();
  expect(fake.mistakes).toEqual([]);
});

type CallSetUp = {
  readonly voice?: Partial<GeminiVoice>;
  readonly call?: Partial<AgentCall>;
  readonly tools?: readonly Tool[];
};

function open({ voice, call = {}, tools = [] }: CallSetUp = {}): AgentCallHarness {
  const provider = new GeminiLiveProvider({
    name: 'gemini',
    baseUrl: fake.baseUrl,
    apiKey: 'key-test',
    greeting: 'Hello from Acme.',
    voice: { model: 'gemini-test', instructions: 'You are Clara.', voice: 'Puck', turnTaking: 'linecard', ...voice },
  });
  harness = new AgentCallHarness({ provider, call, tools });
  return harness;
}

/** A call whose greeting was heard. */
async function greeted(setUp: CallSetUp = {}): Promise<{ call: AgentCallHarness; session: FakeGeminiSession }> {
  const call = open(setUp);
  call.conversation.start();
  await until(() => fake.sessions.length === 1 && fake.session.texts.length === 1);
  fake.session.answer('Hello from Acme.', 400);
  await call.runUntil(() => call.turns.length === 1);
  return { call, session: fake.session };
}

/** The caller's turn, from onset to the end that we find. */
async function turn(call: AgentCallHarness, session: FakeGeminiSession, said: string): Promise<void> {
  const before = session.activitiesMs.length;
  callerSpeaks(call, 500);
  await call.runUntil(() => session.activitiesMs.length > before && !session.inActivity);
  session.understood(said);
}

const said = (call: AgentCallHarness): string[] => call.turns.map(({ who, text }) => `${who}: ${text}`);

describe('a Gemini Live session', () => {
  it('is set up while the phone rings', async () => {
    const call = open({ tools: [hoursTool] });
    await until(() => fake.sessions.length === 1 && fake.session.setup !== null);
    expect(fake.session.setup).toMatchObject({
      model: 'models/gemini-test',
      generationConfig: { speechConfig: { voiceConfig: { prebuiltVoiceConfig: { voiceName: 'Puck' } } } },
      systemInstruction: { parts: [{ text: 'You are Clara.' }] },
      tools: [{ functionDeclarations: [{ name: 'hours' }] }],
      realtimeInputConfig: { automaticActivityDetection: { disabled: true } },
      sessionResumption: {},
    });
    expect(fake.session.texts).toEqual([]);
    call.conversation.start();
    await until(() => fake.session.texts.length === 1);
    expect(fake.session.texts[0]).toContain('Hello from Acme.');
  });

  it('hears the caller from before the onset to the end of the turn, and nothing else', async () => {
    const { call, session } = await greeted();
    call.run(1000);
    await turn(call, session, 'Hello?');
    expect(session.activitiesMs).toHaveLength(1);
    // Half a second of speech, what was before its onset was noticed, and the pause by which its end is known.
    expect(session.activitiesMs[0]).toBeGreaterThan(900);
    expect(session.activitiesMs[0]).toBeLessThan(1900);
    expect(session.firstSamples.every((sample) => sample === 0)).toBe(true);
  });

  it('lets nothing through of an answer that was interrupted, and speaks again afterwards', async () => {
    const { call, session } = await greeted();
    await turn(call, session, 'Tell me something.');
    session.say('This is a long story.', 4000);
    await call.runUntil(() => call.leg.audibleFrames > 60);
    callerSpeaks(call, 500);
    await call.runUntil(() => session.inActivity);
    const heard = call.leg.audibleFrames;
    session.say('It goes on.', 500);
    session.interrupted();
    await call.runUntil(() => !session.inActivity);
    call.run(200);
    expect(call.leg.audibleFrames).toBe(heard);
    session.understood('Wait.');
    session.answer('Yes?', 300);
    await call.runUntil(() => said(call).includes('agent: Yes?'));
    expect(said(call)).toContain('caller: Wait.');
    expect(said(call).join()).not.toContain('It goes on');
  });

  it('runs several tools, and answers none that the server took back', async () => {
    const slow: { release: () => void } = { release: () => undefined };
    const slowTool: Tool = {
      ...hoursTool,
      name: 'slow',
      run: () => new Promise((resolve) => (slow.release = () => resolve('late'))),
    };
    const { call, session } = await greeted({ tools: [hoursTool, slowTool] });
    await turn(call, session, 'Both, please.');
    const id = session.call('slow', {});
    session.call('hours', {});
    await call.runUntil(() => session.results.length === 1);
    expect(session.results[0]).toMatchObject({ name: 'hours', response: { result: { open: true } } });
    session.cancelCall(id);
    session.answer('Always open.', 300);
    await call.runUntil(() => said(call).includes('agent: Always open.'));
    slow.release();
    await call.runUntil(() => call.toolsCalled.length === 2);
    call.run(100);
    expect(session.results).toHaveLength(1);
  });

  it('says its last words and hangs up', async () => {
    const provider = new GeminiLiveProvider({
      name: 'gemini',
      baseUrl: fake.baseUrl,
      apiKey: 'key-test',
      greeting: '',
      voice: { model: 'models/other', instructions: '', voice: null, turnTaking: 'linecard' },
    });
    const call = new AgentCallHarness({ provider, makeTools: (events) => [hangUpTool(events)] });
    harness = call;
    call.conversation.start();
    await until(() => fake.sessions.length === 1 && fake.session.texts.length === 1);
    expect(fake.session.setup?.model).toBe('models/other');
    expect(fake.session.setup).not.toHaveProperty('systemInstruction');
    fake.session.say('Goodbye.', 400);
    fake.session.call('hangup', { reason: 'all done' });
    fake.session.turnComplete();
    await call.runUntil(() => call.done.length === 1);
    expect(said(call)).toEqual(['agent: Goodbye.']);
    expect(fake.session.results).toEqual([]);
  });

  it('leaves turns to the model where it is told to', async () => {
    const { call, session } = await greeted({ voice: { turnTaking: 'provider' } });
    callerSpeaks(call, 500);
    session.understood('Are you there?');
    session.say('Yes, I am here and I have a lot to say.', 4000);
    await call.runUntil(() => call.leg.audibleFrames > 60);
    expect(said(call)).toContain('caller: Are you there?');
    expect(session.setup?.realtimeInputConfig.automaticActivityDetection.disabled).toBe(false);
    expect(session.heardMs).toBeGreaterThan(800);
    session.interrupted();
    await call.runUntil(() => call.turns.some(({ interrupted }) => interrupted));
    const heard = call.leg.audibleFrames;
    call.run(200);
    expect(call.leg.audibleFrames).toBe(heard);
  });
});

describe('who finds the turns of a Gemini Live session', () => {
  it.each([
    ['provider', { disabled: false, silenceDurationMs: 800 }],
    ['linecard', { disabled: true }],
  ] as const)('waits as configured: %s', async (turnTaking, told) => {
    const { session } = await greeted({ voice: { turnTaking, waits: { minWaitMs: 800, maxWaitMs: 2000 } } });
    expect(session.setup?.realtimeInputConfig.automaticActivityDetection).toEqual(told);
  });
});

describe('a Gemini Live session that goes away', () => {
  it('is followed in a pause by one that goes on where it was, and the caller notices nothing', async () => {
    const { call, session } = await greeted();
    session.send({ sessionResumptionUpdate: { newHandle: 'h1', resumable: true } });
    session.send({ goAway: { timeLeft: '50s' } });
    await call.runUntil(() => session.connection.closedWith !== null);
    expect(fake.sessions).toHaveLength(2);
    expect(fake.session.setup?.sessionResumption).toEqual({ handle: 'h1' });
    expect(fake.session.setup?.systemInstruction?.parts[0].text).toBe('You are Clara.');
    expect(fake.session.texts).toEqual([]);
    await turn(call, fake.session, 'Still there?');
    fake.session.answer('Of course.', 300);
    await call.runUntil(() => said(call).includes('agent: Of course.'));
    expect(call.failures).toEqual([]);
  });

  it('is not replaced while it speaks or the caller does, unless it must be', async () => {
    const { call, session } = await greeted();
    await turn(call, session, 'Tell me something.');
    session.say('This is a very long story.', 30_000);
    session.send({ goAway: { timeLeft: '10s' } });
    await call.runUntil(() => call.leg.audibleFrames > 60);
    call.run(3000);
    expect(fake.sessions).toHaveLength(1);
    await call.runUntil(() => fake.sessions.length === 2);
    await call.runUntil(() => fake.session.texts.length === 1);
    expect(fake.session.texts[0]).toContain('cut off');
    await until(() => session.connection.closedWith !== null);
    expect(call.failures).toEqual([]);
  });

  it('without a handle is followed by one that is told what was said', async () => {
    const { call, session } = await greeted();
    await turn(call, session, 'I am Ada.');
    session.answer('Hello Ada.', 300);
    await call.runUntil(() => said(call).includes('agent: Hello Ada.'));
    session.send({ goAway: {} });
    await call.runUntil(() => fake.sessions.length === 2 && session.connection.closedWith !== null);
    const told = fake.session.setup?.systemInstruction?.parts[0].text;
    expect(told).toContain('You are Clara.');
    expect(told).toContain('The caller: I am Ada.\nYou: Hello Ada.');
  });

  it('is replaced at once when the server cuts it early, and asked for the answer that is owed', async () => {
    const { call, session } = await greeted();
    await turn(call, session, 'Are you open?');
    session.send({ sessionResumptionUpdate: { newHandle: 'h1', resumable: true } });
    session.send({ goAway: { timeLeft: '60s' } });
    await call.runUntil(() => said(call).length === 1 && fake.sessions.length === 1);
    session.connection.socket.close(1011, 'going away');
    await call.runUntil(() => fake.sessions.length === 2 && fake.session.texts.length === 1);
    expect(fake.session.texts[0]).toContain('go on');
    fake.session.answer('Sorry. Yes, we are.', 300);
    await call.runUntil(() => said(call).includes('agent: Sorry. Yes, we are.'));
    expect(call.failures).toEqual([]);
  });

  it('tells a tool’s result in words to the session that did not ask for it', async () => {
    const slow: { release: () => void } = { release: () => undefined };
    const run = (): Promise<string> => new Promise((resolve) => (slow.release = () => resolve('open until five')));
    const { call, session } = await greeted({ tools: [{ ...hoursTool, timeLimitMs: 60_000, run }] });
    await turn(call, session, 'When?');
    session.call('hours', {});
    session.send({ goAway: { timeLeft: '4s' } });
    await call.runUntil(() => fake.sessions.length === 2 && session.connection.closedWith !== null);
    slow.release();
    await call.runUntil(() => fake.session.texts.length === 1);
    expect(fake.session.texts[0]).toContain('open until five');
  });

  it('has failed when no other comes about', async () => {
    const { call, session } = await greeted();
    session.send({ goAway: { timeLeft: '5s' } });
    fake.server.welcome = { kind: 'refuse', status: 503 };
    await call.runUntil(() => fake.sessions.length === 1 && call.failures.length === 0);
    call.run(500);
    session.connection.socket.close(1011, 'gone');
    await call.runUntil(() => call.failures.length > 0);
    expect(call.failures).toMatchObject([{ code: 'AGENT_UNAVAILABLE' }]);
  });
});
