import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentCall, Tool } from '../../../src/agent/port.js';
import { BedrockStreams } from '../../../src/agent/providers/nova-sonic/bedrock.js';
import { Outbox } from '../../../src/agent/providers/nova-sonic/outbox.js';
import { NovaSonicProvider } from '../../../src/agent/providers/nova-sonic/provider.js';
import { hoursTool } from '../../../src/agent/tools/hours.js';
import { systemClock } from '../../../src/core/clock.js';
import { AgentCallHarness, until } from '../../support/agent-call.js';
import type { FakeNovaSession } from '../../support/fake-nova-sonic.js';
import { FakeNovaSonic } from '../../support/fake-nova-sonic.js';

let fake: FakeNovaSonic;
let streams: BedrockStreams;
let provider: NovaSonicProvider;
let harness: AgentCallHarness | null;

beforeEach(async () => {
  fake = new FakeNovaSonic();
  await fake.start();
  streams = new BedrockStreams({
    region: 'us-east-1',
    baseUrl: fake.baseUrl,
    credentials: { accessKeyId: 'AKTEST', secretAccessKey: 'secret' },
    clock: systemClock,
  });
  provider = new NovaSonicProvider({
    name: 'nova',
    streams,
    greeting: 'Hello from Acme.',
    voice: { model: 'nova-test', instructions: 'You are Clara.', voice: 'matthew' },
  });
  await provider.prepare();
  harness = null;
});

afterEach(async () => {
  harness?.conversation.close();
  await provider.close();
  await fake.stop();
  expect(fake.mistakes).toEqual([]);
});

type CallSetUp = { readonly call?: Partial<AgentCall>; readonly tools?: readonly Tool[] };

/** A call whose greeting was heard. */
async function greeted(setUp: CallSetUp = {}): Promise<{ call: AgentCallHarness; session: FakeNovaSession }> {
  const call = new AgentCallHarness({ provider, ...setUp });
  harness = call;
  call.conversation.start();
  await until(() => fake.sessions.length === 1 && fake.session.texts.length === 1);
  fake.session.answer('Hello from Acme.', 400);
  await call.runUntil(() => call.turns.length === 1);
  return { call, session: fake.session };
}

const said = (call: AgentCallHarness): string[] => call.turns.map(({ who, text }) => `${who}: ${text}`);

describe('a Nova Sonic session', () => {
  it('is told all it has to know before the sound begins', async () => {
    const history = [
      { who: 'agent', text: 'Hello.' },
      { who: 'caller', text: 'I am Ada.' },
      { who: 'human', text: 'One moment, Ada.' },
      { who: 'agent', text: 'I am back.' },
    ] as const;
    harness = new AgentCallHarness({ provider, call: { history }, tools: [hoursTool] });
    await until(() => fake.sessions.length === 1 && fake.session.history.length === 4);
    expect(fake.session.system).toEqual(['You are Clara.']);
    expect(fake.session.tools).toEqual(['hours']);
    expect(fake.session.history).toEqual([
      'USER: [The call begins.]',
      'ASSISTANT: Hello.',
      'USER: I am Ada. [A colleague on the line said: One moment, Ada.]',
      'ASSISTANT: I am back.',
    ]);
    expect(fake.session.texts).toEqual([]);
  });

  it.each([
    [{}, null],
    [{ minWaitMs: 600 }, 'HIGH'],
    [{ minWaitMs: 1501 }, 'MEDIUM'],
    [{ minWaitMs: 1800 }, 'LOW'],
    [{ maxWaitMs: 1800 }, null],
  ])('waits as configured: %o', async (waits, told) => {
    const voice = { model: 'nova-test', instructions: '', voice: 'matthew', waits };
    const waiting = new NovaSonicProvider({ name: 'nova', streams, greeting: '', voice });
    harness = new AgentCallHarness({ provider: waiting });
    await until(() => fake.sessions.length === 1 && fake.session.system.length === 1);
    expect(fake.session.endpointingSensitivity).toBe(told);
  });

  it('hears every frame of the caller', async () => {
    const { call, session } = await greeted();
    const before = session.heardMs;
    call.run(1000, 3000);
    await until(() => session.heardMs - before >= 1000);
    // What was on its way before came in the meantime.
    expect(session.heardMs - before).toBeLessThanOrEqual(1200);
  });

  it('speaks sentence by sentence, each with its own words', async () => {
    const { call, session } = await greeted();
    session.understood('Are you open?');
    session.say('Yes, we are.', 300);
    session.say('Until five.', 300, 'END_TURN');
    await call.runUntil(() => call.turns.length === 4);
    expect(said(call).slice(1)).toEqual(['caller: Are you open?', 'agent: Yes, we are.', 'agent: Until five.']);
  });

  it('lets nothing through of an answer that a key cut off', async () => {
    const { call, session } = await greeted();
    session.understood('Tell me something.');
    session.say('This is a long story.', 3000);
    await call.runUntil(() => call.leg.audibleFrames > 40);
    call.conversation.digit('1');
    call.run(100);
    const heard = call.leg.audibleFrames;
    session.say('It goes on.', 500, 'END_TURN');
    await call.runUntil(() => session.texts.length === 2);
    expect(call.leg.audibleFrames).toBe(heard);
    session.answer('One it is.', 300);
    await call.runUntil(() => said(call).includes('agent: One it is.'));
  });

  it('that Bedrock breaks off with too many requests is not asked again', async () => {
    const { call, session } = await greeted();
    session.fail('throttlingException', 'Too many requests');
    await call.runUntil(() => call.failures.length > 0);
    expect(call.failures).toMatchObject([{ code: 'AGENT_UNAVAILABLE' }]);
    expect(call.failures[0]?.message).toContain('Too many requests');
  });

  it('ends in the order that the model asks for', async () => {
    const { call, session } = await greeted();
    call.conversation.close();
    await until(() => session.ended && session.closed);
  });
});

describe('a Nova Sonic session that grows old', () => {
  it('is followed in a pause by one that is told what was said', async () => {
    const { call, session } = await greeted();
    session.understood('I am Ada.');
    session.answer('Hello Ada.', 300);
    await call.runUntil(() => said(call).includes('agent: Hello Ada.'));
    await call.clock.advanceAsync(6 * 60_000);
    await call.runUntil(() => fake.sessions.length === 2 && session.closed);
    expect(session.ended).toBe(true);
    expect(fake.session.history).toEqual([
      'USER: [The call begins.]',
      'ASSISTANT: Hello from Acme.',
      'USER: I am Ada.',
      'ASSISTANT: Hello Ada.',
    ]);
    fake.session.understood('Still there?');
    fake.session.answer('Of course.', 300);
    await call.runUntil(() => said(call).includes('agent: Of course.'));
    expect(call.failures).toEqual([]);
  });

  it('is not followed while it speaks, unless it must be', async () => {
    const { call, session } = await greeted();
    await call.clock.advanceAsync(5.95 * 60_000);
    session.understood('Tell me something.');
    session.say('This is a very long story.', 20_000, 'END_TURN');
    await call.runUntil(() => call.leg.audibleFrames > 60);
    call.run(5000);
    expect(fake.sessions).toHaveLength(1);
    await call.clock.advanceAsync(1.5 * 60_000);
    await call.runUntil(() => fake.sessions.length === 2 && session.closed);
    expect(call.failures).toEqual([]);
  });
});

describe('messages on their way into a stream', () => {
  it('are sent in order, and the stream ends when they are', () => {
    const outbox = new Outbox();
    outbox.send('a');
    let news = 0;
    outbox.onNews = () => (news += 1);
    outbox.send('b');
    outbox.end();
    outbox.send('c');
    expect(news).toBe(2);
    expect([outbox.take(), outbox.take(), outbox.take()]).toEqual([{ message: 'a' }, { message: 'b' }, 'the end']);
  });

  it('are dropped and counted when they are sound that piles up', () => {
    const outbox = new Outbox();
    for (let i = 0; i < 60; i++) outbox.sendMedia('sound');
    expect(outbox.dropped).toBe(10);
    expect(outbox.full).toBe(false);
    for (let i = 0; i < 500; i++) outbox.send('words');
    expect(outbox.full).toBe(true);
  });
});
