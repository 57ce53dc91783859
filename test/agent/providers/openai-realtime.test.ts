import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentCall, Tool } from '../../../src/agent/port.js';
import type { OpenAiRealtimeSetUp } from '../../../src/agent/providers/openai-realtime/provider.js';
import { OpenAiRealtimeProvider } from '../../../src/agent/providers/openai-realtime/provider.js';
import { hoursTool } from '../../../src/agent/tools/hours.js';
import { AgentCallHarness, until } from '../../support/agent-call.js';
import type { FakeRealtimeSession } from '../../support/fake-openai-realtime.js';
import { FakeOpenAiRealtime } from '../../support/fake-openai-realtime.js';

let fake: FakeOpenAiRealtime;
let harness: AgentCallHarness | null;

beforeEach(async () => {
  fake = new FakeOpenAiRealtime();
  await fake.server.start();
  harness = null;
});

afterEach(async () => {
  harness?.conversation.close();
  await fake.server.stop();
  expect(fake.mistakes).toEqual([]);
});

type CallSetUp = {
  readonly setUp?: Partial<OpenAiRealtimeSetUp>;
  readonly call?: Partial<AgentCall>;
  readonly tools?: readonly Tool[];
};

function open({ setUp, call = {}, tools = [] }: CallSetUp = {}): AgentCallHarness {
  const provider = new OpenAiRealtimeProvider({
    name: 'clara',
    baseUrl: fake.baseUrl,
    apiKey: 'sk-test',
    greeting: 'Thank you for calling Acme.',
    voice: {
      model: 'gpt-realtime',
      instructions: 'You are Clara.',
      voice: 'marin',
      audio: 'pcm',
      turnDetection: 'server_vad',
      transcriptionModel: 'gpt-4o-mini-transcribe',
    },
    ...setUp,
  });
  harness = new AgentCallHarness({ provider, call, tools });
  return harness;
}

/** A call whose greeting was asked for and said. */
async function greeted(setUp: CallSetUp = {}): Promise<{ call: AgentCallHarness; session: FakeRealtimeSession }> {
  const call = open(setUp);
  call.conversation.start();
  await until(() => fake.sessions.length === 1 && fake.session.of('response.create').length === 1);
  const session = fake.session;
  session.answer('Thank you for calling Acme.', 400);
  await call.runUntil(() => call.turns.length === 1);
  return { call, session };
}

/** What is on its way to us has come when this has: a tool that nobody has answers at once. */
async function arrived(call: AgentCallHarness, session: FakeRealtimeSession): Promise<void> {
  const before = session.of('input_audio_buffer.append').length;
  await call.runUntil(() => session.of('input_audio_buffer.append').length > before + 5);
}

describe('a realtime session', () => {
  it('is open and configured while the phone rings, and silent until the caller hears', async () => {
    const call = open({ tools: [hoursTool] });
    await until(() => fake.sessions.length === 1 && fake.session.of('session.update').length === 1);
    const { session } = fake.session.of('session.update')[0]!;
    expect(session.instructions).toBe('You are Clara.');
    expect(session.audio.input.transcription).toEqual({ model: 'gpt-4o-mini-transcribe' });
    expect(session.audio.output.voice).toBe('marin');
    expect(session.tools).toMatchObject([{ name: 'hours', parameters: hoursTool.inputSchema }]);
    call.conversation.start();
    await until(() => fake.session.of('response.create').length === 1);
    expect(fake.session.received).toHaveLength(2);
    expect(fake.session.of('response.create')[0]?.response?.instructions).toBe(
      'You are Clara.\n\nGreet the caller with exactly these words: "Thank you for calling Acme."',
    );
  });

  it('brings what the model says to the caller whole, and to the history', async () => {
    const { call } = await greeted();
    expect(call.leg.audibleFrames).toBeGreaterThanOrEqual(20);
    expect(call.leg.audibleFrames).toBeLessThanOrEqual(21);
    expect(call.turns).toMatchObject([{ who: 'agent', text: 'Thank you for calling Acme.', interrupted: false }]);
    expect(call.turns[0]?.heardMs).toBeGreaterThanOrEqual(399);
    expect(call.leg.played.find((frame) => frame[200] !== 0)?.[319]).toBeGreaterThan(5500);
  });

  it('hears every sample of the caller at 24 kHz', async () => {
    const { call, session } = await greeted();
    const before = session.inputSamples;
    call.run(1000, 3000);
    await until(() => session.inputSamples - before >= 24_000);
    expect(session.inputSamples - before).toBeLessThan(24_000 + 960);
  });

  it('knows to the millisecond what the caller heard before interrupting', async () => {
    const { call, session } = await greeted();
    const framesBefore = call.leg.audibleFrames;
    session.respond();
    const item = session.say('This is a long story about something that happened a while ago.', 10_000, 'half');
    await call.runUntil(() => call.leg.audibleFrames >= framesBefore + 100);
    session.callerStarts();
    await call.runUntil(() => session.of('conversation.item.truncate').length === 1);
    const frames = call.leg.audibleFrames - framesBefore;
    const truncation = session.of('conversation.item.truncate')[0]!;
    expect(truncation.item_id).toBe(item);
    expect(truncation.audio_end_ms).toBeLessThanOrEqual(frames * 20);
    expect(truncation.audio_end_ms).toBeGreaterThan((frames - 1) * 20 - 1);
    call.run(200);
    expect(call.leg.audibleFrames - framesBefore).toBe(frames);
    const turn = call.turns.at(-1)!;
    expect(turn.interrupted).toBe(true);
    expect('This is a long story about something that happened a while ago.').toContain(turn.text);
    expect(turn.text.length).toBeLessThan(30);
  });

  it('is told that nothing was heard of what was still waiting', async () => {
    const { call, session } = await greeted();
    session.respond();
    const first = session.say('First.', 1000);
    const second = session.say('Second.', 1000);
    session.done();
    await call.runUntil(() => call.leg.audibleFrames > 30);
    session.callerStarts();
    await call.runUntil(() => session.of('conversation.item.truncate').length === 2);
    expect(session.of('conversation.item.truncate')).toMatchObject([
      { item_id: first },
      { item_id: second, audio_end_ms: 0 },
    ]);
  });

  it('lets nothing through of an answer that was interrupted', async () => {
    const { call, session } = await greeted();
    session.respond();
    session.say('One.', 2000, 'half');
    await call.runUntil(() => call.leg.audibleFrames > 25);
    // A server that goes on for a moment after it has noticed.
    session.send({ type: 'input_audio_buffer.speech_started', event_id: 'e', audio_start_ms: 0, item_id: 'turn' });
    session.say('Two.', 2000);
    await call.runUntil(() => session.of('conversation.item.truncate').length === 1);
    const audible = call.leg.audibleFrames;
    await arrived(call, session);
    expect(call.leg.audibleFrames).toBe(audible);
    session.done('cancelled');
    session.answer('Three.', 200);
    await call.runUntil(() => call.leg.audibleFrames >= audible + 10);
  });

  it('shows what the caller said as it is understood', async () => {
    const { call, session } = await greeted();
    const about = { event_id: 'e', item_id: 'turn', content_index: 0 };
    session.callerStarts();
    for (const [delta, sofar] of [
      ['When are', 'caller: When are'],
      [' you op', 'caller: When are you op'],
    ] as const) {
      session.send({ type: 'conversation.item.input_audio_transcription.delta', ...about, delta });
      await call.runUntil(() => call.captions.at(-1) === sofar);
    }
    session.callerStops('When are you open?');
    await call.runUntil(() => call.turns.length === 2);
  });

  it('tells the history what the caller said', async () => {
    const { call, session } = await greeted();
    session.callerStarts();
    session.callerStops(' When are you open? ');
    session.answer('Always.', 100);
    await call.runUntil(() => call.turns.length === 3);
    expect(call.turns.map(({ who, text }) => `${who}: ${text}`).slice(1)).toEqual([
      'caller: When are you open?',
      'agent: Always.',
    ]);
  });

  it('is told of keys as one entry, and what it was saying is over', async () => {
    const { call, session } = await greeted();
    session.respond();
    session.say('For sales press one', 5000, 'half');
    await call.runUntil(() => call.leg.audibleFrames > 30);
    call.conversation.digit('4');
    call.run(500);
    call.conversation.digit('2');
    call.run(1480);
    await until(() => session.of('response.cancel').length === 1);
    expect(session.of('conversation.item.create')).toEqual([]);
    await call.runUntil(() => session.of('response.create').length === 2);
    expect(session.of('conversation.item.create')[0]?.item).toMatchObject({
      role: 'user',
      content: [{ text: "[The caller pressed on the telephone's keys: 4 2]" }],
    });
  });

  it('says what it is told to say, after what it is saying', async () => {
    const { call, session } = await greeted();
    session.respond();
    session.say('Something.', 100);
    await call.runUntil(() => call.leg.audibleFrames > 22);
    call.conversation.say('One moment please.');
    await arrived(call, session);
    expect(session.of('response.create')).toHaveLength(1);
    session.done();
    await call.runUntil(() => session.of('response.create').length === 2);
    expect(session.of('response.create')[1]?.response?.instructions).toContain('"One moment please."');
  });

  it('goes on where an earlier one failed', async () => {
    const history = [
      { who: 'agent', text: 'How can I help?' },
      { who: 'caller', text: 'Sales please.' },
    ] as const;
    const call = open({ call: { history } });
    call.conversation.start();
    await until(() => fake.sessions.length === 1 && fake.session.of('response.create').length === 1);
    expect(fake.session.of('conversation.item.create').map(({ item }) => item)).toMatchObject([
      { role: 'assistant', content: [{ type: 'output_text', text: 'How can I help?' }] },
      { role: 'user', content: [{ type: 'input_text', text: 'Sales please.' }] },
    ]);
    expect(fake.session.of('response.create')[0]?.response).toBeUndefined();
  });

  it('is let go at the end of the call', async () => {
    const { call, session } = await greeted();
    call.conversation.close();
    await until(() => session.connection.closedWith === 1000);
    await until(() => call.clock.pendingAlarms === 0);
  });
});

describe('tools of a realtime model', () => {
  it('are run, and the model speaks when it has all results', async () => {
    const { call, session } = await greeted({ tools: [hoursTool] });
    session.respond();
    const first = session.call('hours', {});
    const second = session.call('weather', {});
    const third = session.call('hours', '{"broken');
    session.done();
    await call.runUntil(() => session.of('response.create').length === 2);
    expect(session.toolOutputs.map(({ call_id, output }) => [call_id, JSON.parse(output) as unknown])).toEqual(
      expect.arrayContaining([
        [first, { ok: true, result: { open: true, text: 'always' } }],
        [second, { ok: false, error: 'there is no tool "weather"; allowed: hours' }],
        [third, { ok: false, error: 'the arguments are not valid JSON' }],
      ]),
    );
    const told = session.received.filter(({ type }) => type !== 'input_audio_buffer.append');
    expect(told.at(-1)?.type).toBe('response.create');
    expect(call.toolsCalled).toEqual([{ tool: 'hours', ok: true }]);
  });

  it('that end the call leave nothing more to say', async () => {
    const ending: Tool = { ...hoursTool, name: 'hangup', run: () => Promise.resolve({ ending: true }) };
    const { call, session } = await greeted({ tools: [ending] });
    session.respond();
    session.call('hangup', {});
    session.done();
    await call.runUntil(() => session.toolOutputs.length === 1);
    await arrived(call, session);
    expect(session.of('response.create')).toHaveLength(1);
  });
});

describe('the end of a session', () => {
  it('that is near is met by a new one in a pause, which knows what was said', async () => {
    fake.expiresAtSeconds = Date.parse('2026-01-05T09:03:00Z') / 1000;
    const { call, session } = await greeted();
    session.callerStarts();
    session.callerStops('Tell me a story.');
    session.respond();
    session.say('Once upon a time.', 2000);
    await call.runUntil(() => call.leg.audibleFrames > 30);
    // A minute in, two before the end.
    for (let i = 0; i < 15; i++) {
      call.clock.advance(4000);
      await arrived(call, session);
    }
    await until(() => fake.sessions.length === 2 && fake.session.of('session.update').length === 1);
    expect(fake.session.of('conversation.item.create')).toEqual([]);
    session.done();
    await call.runUntil(() => fake.session.of('input_audio_buffer.append').length > 0);
    await until(() => session.connection.closedWith === 1000);
    expect(call.turns.at(-1)).toMatchObject({ text: 'Once upon a time.', interrupted: false });
    expect(fake.session.of('conversation.item.create').map(({ item }) => item)).toMatchObject([
      { role: 'assistant', content: [{ text: 'Thank you for calling Acme.' }] },
      { role: 'user', content: [{ text: 'Tell me a story.' }] },
      { role: 'assistant', content: [{ text: 'Once upon a time.' }] },
    ]);
    expect(fake.session.of('response.create')).toEqual([]);
    expect(call.failures).toEqual([]);
  });

  it('that has come in the middle of an answer is made good by a new one, which answers', async () => {
    const { call, session } = await greeted();
    session.callerStarts();
    session.callerStops('Tell me a story.');
    await call.runUntil(() => call.turns.length === 2);
    session.fail('session_expired', 'Your session hit the maximum duration of 60 minutes.');
    session.connection.socket.close(1001, 'Your session hit the maximum duration of 60 minutes.');
    await call.runUntil(() => fake.sessions.length === 2 && fake.session.of('response.create').length === 1);
    expect(fake.session.of('conversation.item.create')).toHaveLength(2);
    fake.session.answer('Once.', 100);
    await call.runUntil(() => call.turns.length === 3);
    expect(call.failures).toEqual([]);
  });

  it('that cannot be followed by a new one is a failure', async () => {
    const { call, session } = await greeted();
    fake.server.welcome = { kind: 'refuse', status: 503 };
    session.fail('session_expired', 'Your session hit the maximum duration of 60 minutes.');
    await call.runUntil(() => call.failures.length === 1);
    expect(call.failures[0]?.code).toBe('AGENT_UNAVAILABLE');
  });
});

describe('a realtime server that misbehaves', () => {
  it('by refusing the key cannot be had, and the key is not told', async () => {
    fake.server.welcome = { kind: 'refuse', status: 401 };
    const call = open();
    await until(() => call.failures.length === 1);
    expect(call.failures[0]?.code).toBe('AGENT_UNAVAILABLE');
    expect(call.failures[0]?.message).not.toContain('sk-test');
  });

  it('by saying nothing is given up in time', async () => {
    fake.manner = 'mute';
    const call = open();
    await until(() => fake.sessions.length === 1);
    await call.runUntil(() => call.failures.length === 1);
    expect(call.failures[0]?.message).toBe('no session within 5000 ms');
  });

  it('by not answering the caller is given up in time', async () => {
    const { call, session } = await greeted();
    session.callerStarts();
    session.callerStops('Hello?');
    await call.runUntil(() => call.turns.length === 2);
    call.run(7900);
    expect(call.failures).toEqual([]);
    call.run(200);
    expect(call.failures[0]?.message).toBe('the model did not answer within 8000 ms');
  });

  it.each([
    ['rate_limit_exceeded', 'AGENT_UNAVAILABLE'],
    ['insufficient_quota', 'AGENT_UNAVAILABLE'],
    ['server_error', 'AGENT_FAILED'],
  ])('by failing a response with %s fails with %s', async (code, expected) => {
    const { call, session } = await greeted();
    session.respond();
    session.say('And then', 300, 'half');
    session.done('failed', code);
    await call.runUntil(() => call.failures.length === 1);
    expect(call.failures[0]?.code).toBe(expected);
    expect(call.failures[0]?.message).toContain(code);
  });

  it('by cutting the line in the middle of a word fails once', async () => {
    const { call, session } = await greeted();
    session.respond();
    session.say('And then', 3000, 'half');
    await call.runUntil(() => call.leg.audibleFrames > 30);
    fake.server.cut();
    await call.runUntil(() => call.failures.length === 1);
    expect(call.failures[0]?.code).toBe('AGENT_FAILED');
    expect(call.clock.pendingAlarms).toBe(0);
  });

  it('by complaining about what we send is borne, as long as it is not all the time', async () => {
    const { call, session } = await greeted();
    session.fail('response_cancel_not_active', 'Cancellation failed: no active response found');
    session.connection.socket.send('{"type":"response.output_audio.delta"}');
    session.connection.socket.send('nonsense');
    session.connection.socket.send('{"type":"response.something_new"}');
    session.answer('Still here.', 100);
    await call.runUntil(() => call.turns.length === 2);
    expect(call.failures).toEqual([]);
    for (let i = 0; i < 20; i++) session.fail('invalid_value', 'no');
    await call.runUntil(() => call.failures.length === 1);
    expect(call.failures[0]?.code).toBe('AGENT_FAILED');
  });

  it('by answering on its own in the moment we ask is asked again', async () => {
    const { call, session } = await greeted();
    call.conversation.say('One moment please.');
    await until(() => session.of('response.create').length === 2);
    session.fail('conversation_already_has_active_response', 'Conversation already has an active response');
    session.answer('Hm.', 100);
    await call.runUntil(() => session.of('response.create').length === 3);
    expect(session.of('response.create')[2]).toEqual(session.of('response.create')[1]);
    expect(call.failures).toEqual([]);
  });
});
