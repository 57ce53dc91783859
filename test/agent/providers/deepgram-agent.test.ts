import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentCall, Tool } from '../../../src/agent/port.js';
import type { DeepgramMind } from '../../../src/agent/providers/deepgram-agent/protocol.js';
import { DeepgramAgentProvider } from '../../../src/agent/providers/deepgram-agent/provider.js';
import { hangUpTool } from '../../../src/agent/tools/hang-up.js';
import { hoursTool } from '../../../src/agent/tools/hours.js';
import { AgentCallHarness, until } from '../../support/agent-call.js';
import type { FakeDeepgramSession } from '../../support/fake-deepgram-agent.js';
import { FakeDeepgramAgent } from '../../support/fake-deepgram-agent.js';

const GREETING = 'Hello from Acme.';

let fake: FakeDeepgramAgent;
let harness: AgentCallHarness | null;

beforeEach(async () => {
  fake = new FakeDeepgramAgent();
  await fake.server.start();
  harness = null;
});

afterEach(async () => {
  harness?.conversation.close();
  await fake.server.stop();
  expect(fake.mistakes).toEqual([]);
});

type CallSetUp = {
  readonly mind?: Partial<DeepgramMind>;
  readonly greeting?: string;
  readonly call?: Partial<AgentCall>;
  readonly tools?: readonly Tool[];
};

function open({ mind, greeting = GREETING, call = {}, tools = [] }: CallSetUp = {}): AgentCallHarness {
  const provider = new DeepgramAgentProvider({
    name: 'dora',
    baseUrl: fake.baseUrl,
    apiKey: 'key-test',
    greeting,
    mind: {
      instructions: 'You are Dora.',
      voice: 'aura-2-thalia-en',
      stt: { model: 'nova-3', language: 'en' },
      llm: { provider: 'openai', model: 'gpt-4o-mini', temperature: 0.3 },
      ...mind,
    },
  });
  harness = new AgentCallHarness({ provider, call, tools });
  return harness;
}

/** A call whose greeting was heard. */
async function greeted(setUp: CallSetUp = {}): Promise<{ call: AgentCallHarness; session: FakeDeepgramSession }> {
  const call = open(setUp);
  call.conversation.start();
  await until(() => fake.sessions.length === 1 && fake.session.of('InjectAgentMessage').length === 1);
  fake.session.answer(GREETING, 400);
  await call.runUntil(() => call.turns.length === 1);
  return { call, session: fake.session };
}

const said = (call: AgentCallHarness): string[] => call.turns.map(({ who, text }) => `${who}: ${text}`);

describe('an agent at Deepgram', () => {
  it('is configured while the phone rings, and is given its greeting when the caller hears', async () => {
    const call = open({ tools: [hoursTool] });
    await until(() => fake.sessions.length === 1 && fake.session.settings !== undefined);
    expect(fake.session.settings?.agent).toMatchObject({
      listen: { provider: { model: 'nova-3', version: 'v1', language: 'en' } },
      think: {
        provider: { type: 'open_ai', model: 'gpt-4o-mini', temperature: 0.3 },
        prompt: 'You are Dora.',
        functions: [{ name: 'hours' }],
      },
      speak: { provider: { model: 'aura-2-thalia-en' } },
    });
    expect(fake.session.settings?.agent.context).toBeUndefined();
    expect(fake.session.received).toHaveLength(1);
    call.conversation.start();
    await until(() => fake.session.of('InjectAgentMessage').length === 1);
    expect(fake.session.of('InjectAgentMessage')[0]?.message).toBe(GREETING);
  });

  it('greets in its own words where none are given', async () => {
    const call = open({ greeting: '' });
    call.conversation.start();
    await until(() => fake.sessions.length === 1 && fake.session.of('InjectUserMessage').length === 1);
    expect(fake.session.of('InjectUserMessage')[0]?.content).toBe('[The call begins. Greet the caller.]');
    fake.session.answer('Hi!', 300);
    await call.runUntil(() => call.turns.length === 1);
    expect(said(call)).toEqual(['agent: Hi!']);
  });

  it('uses the interface of the models that have one of their own', async () => {
    const stt = { model: 'flux-general-multi', language: 'de' };
    open({ mind: { stt, voice: 'flux-kit-en' } });
    await until(() => fake.sessions.length === 1 && fake.session.settings !== undefined);
    const { listen, speak } = fake.session.settings!.agent;
    expect(listen.provider).toMatchObject({ version: 'v2', model: 'flux-general-multi', language_hints: ['de'] });
    expect(speak.provider).toEqual({ type: 'deepgram', version: 'v2', model: 'flux-kit-en' });
  });

  it('waits as configured for who has finished, where the recognizer can be told', async () => {
    const waits = { minWaitMs: 300, maxWaitMs: 400 };
    open({ mind: { stt: { model: 'flux-general-en', language: null }, waits } });
    await until(() => fake.sessions.length === 1 && fake.session.settings !== undefined);
    const told = { type: 'deepgram', version: 'v2', model: 'flux-general-en', eot_timeout_ms: 500 };
    expect(fake.session.settings?.agent.listen.provider).toEqual(told);
    harness?.conversation.close();
    open({ mind: { waits } });
    await until(() => fake.sessions.length === 2 && fake.session.settings !== undefined);
    const plain = { type: 'deepgram', version: 'v1', model: 'nova-3', language: 'en' };
    expect(fake.session.settings?.agent.listen.provider).toEqual(plain);
  });

  it('hears every sample of the caller, as it is', async () => {
    const { call, session } = await greeted();
    const before = session.heardMs;
    call.run(1000, 3000);
    await until(() => session.heardMs - before >= 1000);
    expect(session.heardMs - before).toBeLessThan(1100);
  });

  it('is kept alive while the caller is on hold', async () => {
    const { call, session } = await greeted();
    call.conversation.hold('held');
    // Something was heard in the first four seconds, nothing in the next.
    call.clock.advance(3600);
    expect(session.of('KeepAlive')).toEqual([]);
    call.clock.advance(4000);
    await until(() => session.of('KeepAlive').length === 1);
  });

  it('has the words of a sentence with its sound, so that a cut one is known to the word', async () => {
    const { call, session } = await greeted();
    session.callerSaid('Tell me something.');
    session.say('The first one is heard.', 1000);
    session.say('The second one is cut somewhere in the middle of it.', 4000);
    session.say('The third one never comes.', 1000);
    session.done();
    await call.runUntil(() => call.leg.audibleFrames >= 20 + 50 + 100);
    session.callerStarts();
    await call.runUntil(() => call.turns.some(({ interrupted }) => interrupted));
    expect(said(call).slice(0, 3)).toEqual([
      `agent: ${GREETING}`,
      'caller: Tell me something.',
      'agent: The first one is heard.',
    ]);
    expect(call.turns[3]?.text).toMatch(/^The second one is cut/);
    expect(call.turns[3]?.text).not.toContain('middle');
    expect(call.turns).toHaveLength(4);
  });

  it('shows whoever reads along that the caller speaks, until it is known what they said or that it was nothing', async () => {
    const { call, session } = await greeted();
    session.callerStarts();
    await call.runUntil(() => call.captions.includes('caller: …'));
    session.callerSaid('Are you open?');
    session.answer('Yes.', 400);
    await call.runUntil(() => said(call).includes('agent: Yes.'));
    session.callerStarts();
    await call.runUntil(() => call.captions.lastIndexOf('caller: …') > call.captions.indexOf('caller: …'));
    session.answer('Are you there?', 400);
    await call.runUntil(() => call.captions.at(-1) !== 'caller: …' && said(call).includes('agent: Are you there?'));
    expect(call.captions.slice(call.captions.lastIndexOf('caller: …'))).toContain('caller: ');
  });

  it('shares the sound that follows among words that came together', async () => {
    const { call, session } = await greeted();
    session.send({ type: 'ConversationText', role: 'assistant', content: 'One.' });
    session.send({ type: 'ConversationText', role: 'assistant', content: 'Two.' });
    session.sound(800);
    session.done();
    await call.runUntil(() => call.turns.length === 2);
    expect(said(call)[1]).toBe('agent: One. Two.');
    expect(call.turns[1]?.heardMs).toBe(800);
  });

  it('is cut off by a key, says nothing more of that answer, and is told the keys', async () => {
    const { call, session } = await greeted();
    session.callerSaid('Tell me something.');
    session.say('A long story.', 3000);
    await call.runUntil(() => call.leg.audibleFrames >= 40);
    call.conversation.digit('7');
    session.sound(2000);
    session.done();
    call.run(1600);
    await until(() => session.of('InjectUserMessage').length === 1);
    expect(session.of('InjectUserMessage')[0]?.content).toContain('7');
    session.answer('You pressed seven.', 400);
    await call.runUntil(() => said(call).includes('agent: You pressed seven.'));
    expect(call.leg.audibleFrames).toBeLessThan(40 + 20 + 25);
    // What we told it in the caller's place is not the caller's.
    expect(said(call).filter((turn) => turn.startsWith('caller'))).toEqual(['caller: Tell me something.']);
  });

  it('tries again in a pause what was refused because somebody was speaking', async () => {
    const { call, session } = await greeted();
    call.conversation.say('One moment.');
    await until(() => session.of('InjectAgentMessage').length === 2);
    session.send({ type: 'InjectionRefused', message: 'the agent is speaking' });
    await call.runUntil(() => session.of('InjectAgentMessage').length === 3);
    expect(session.of('InjectAgentMessage')[2]?.message).toBe('One moment.');
    session.answer('One moment.', 400);
    await call.runUntil(() => said(call).includes('agent: One moment.'));
    call.run(1000);
    expect(session.of('InjectAgentMessage')).toHaveLength(3);
  });

  it('is told of people behind it without having to answer', async () => {
    const { call, session } = await greeted();
    const { pendingAlarms } = call.clock;
    call.conversation.instruct('Offer a discount.');
    // Nobody waits for an answer.
    expect(call.clock.pendingAlarms).toBe(pendingAlarms);
    await until(() => session.of('UpdatePrompt').length === 1);
    expect(session.of('UpdatePrompt')[0]?.prompt).toBe('To you, not from the caller: Offer a discount.');
  });

  it('runs only the tools that are ours, and answers none that was taken back', async () => {
    const { call, session } = await greeted({ tools: [hoursTool] });
    session.call('weather', {}, 'server');
    const id = session.call('hours', {});
    session.cancelCall(id, 'hours');
    session.call('hours', {});
    await call.runUntil(() => session.of('FunctionCallResponse').length === 1);
    expect(session.of('FunctionCallResponse')[0]?.content).toContain('always');
    expect(call.toolsCalled.every(({ tool }) => tool === 'hours')).toBe(true);
  });

  it('says nothing more when the call ends', async () => {
    const call = open();
    call.conversation.close();
    harness = new AgentCallHarness({
      provider: new DeepgramAgentProvider({
        name: 'dora',
        baseUrl: fake.baseUrl,
        apiKey: 'key-test',
        greeting: GREETING,
        mind: {
          instructions: '',
          voice: 'aura-2-thalia-en',
          stt: { model: 'nova-3', language: null },
          llm: { provider: 'openai', model: 'gpt-4o-mini', temperature: null },
        },
      }),
      makeTools: (floor) => [hangUpTool(floor)],
    });
    harness.conversation.start();
    const ending = harness;
    await ending.runUntil(() => fake.sessions.at(-1)?.of('InjectAgentMessage').length === 1);
    fake.session.answer(GREETING, 200);
    fake.session.call('hangup', { reason: 'done' });
    await ending.runUntil(() => ending.done.length === 1);
    expect(fake.session.of('FunctionCallResponse')).toEqual([]);
  });

  it('goes on with a call that has begun before', async () => {
    const history = [
      { who: 'caller', text: 'I am Ada.' },
      { who: 'agent', text: 'Hello Ada.' },
    ] as const;
    const call = open({ call: { history } });
    call.conversation.start();
    await until(() => fake.sessions.length === 1 && fake.session.of('InjectUserMessage').length === 1);
    expect(fake.session.settings?.agent.context?.messages).toEqual([
      { type: 'History', role: 'user', content: 'I am Ada.' },
      { type: 'History', role: 'assistant', content: 'Hello Ada.' },
    ]);
    expect(fake.session.of('InjectUserMessage')[0]?.content).toContain('cut off');
  });

  it.each([
    ['an error of the model', { code: 'FAILED_TO_THINK', description: 'the model is away' }],
    ['an error of the voice', { code: 'FAILED_TO_SPEAK', description: 'no such voice' }],
  ])('fails once with %s', async (_, complaint) => {
    const { call, session } = await greeted();
    session.send({ type: 'Warning', code: 'SLOW_THINK_REQUEST', description: 'it takes long' });
    session.send({ type: 'Error', ...complaint });
    session.send({ type: 'Error', ...complaint });
    await call.runUntil(() => call.failures.length > 0);
    call.run(500);
    expect(call.failures).toMatchObject([{ code: 'AGENT_FAILED' }]);
    expect(call.failures[0]?.message).toContain(complaint.description);
  });

  it('is given up when the server ends the session', async () => {
    const { call, session } = await greeted();
    session.connection.socket.close(1000, 'bye');
    await call.runUntil(() => call.failures.length > 0);
    expect(call.failures).toMatchObject([{ code: 'AGENT_FAILED', message: 'the server ended the session bye' }]);
  });
});
