import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RealtimeVoice } from '../../../src/agent/providers/openai-realtime/protocol.js';
import { OpenAiRealtimeProvider } from '../../../src/agent/providers/openai-realtime/provider.js';
import { AgentCallHarness, until } from '../../support/agent-call.js';
import { callerSpeaks } from '../../support/agent-rigs/caller-voice.js';
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

/** A call whose greeting was heard. */
async function greeted(
  options: Partial<RealtimeVoice>,
): Promise<{ call: AgentCallHarness; session: FakeRealtimeSession }> {
  const provider = new OpenAiRealtimeProvider({
    name: 'clara',
    baseUrl: fake.baseUrl,
    apiKey: 'sk-test',
    greeting: 'Hello.',
    voice: {
      model: 'gpt-realtime',
      instructions: '',
      voice: 'marin',
      audio: 'pcm',
      turnDetection: 'server_vad',
      transcriptionModel: null,
      ...options,
    },
  });
  const call = new AgentCallHarness({ provider });
  harness = call;
  call.conversation.start();
  await until(() => fake.sessions.length === 1 && fake.session.of('response.create').length === 1);
  fake.session.answer('Hello.', 400);
  await call.runUntil(() => call.turns.length === 1);
  return { call, session: fake.session };
}

describe('a realtime session with the sound of a telephone line', () => {
  it('hears every sample, and is heard at its pace and level', async () => {
    const { call, session } = await greeted({ audio: 'ulaw' });
    const before = session.inputSamples;
    call.run(1000, 3000);
    await until(() => session.inputSamples - before >= 8000);
    expect(session.inputSamples - before).toBeLessThan(8000 + 480);
    expect(call.turns[0]?.heardMs).toBeGreaterThanOrEqual(399);
    expect(call.leg.played.find((frame) => frame[200] !== 0)?.[319]).toBeGreaterThan(5500);
  });

  it('knows to the millisecond what the caller heard before interrupting', async () => {
    const { call, session } = await greeted({ audio: 'ulaw' });
    const framesBefore = call.leg.audibleFrames;
    session.respond();
    session.say('This is a long story about something that happened a while ago.', 10_000, 'half');
    await call.runUntil(() => call.leg.audibleFrames >= framesBefore + 100);
    session.callerStarts();
    await call.runUntil(() => session.of('conversation.item.truncate').length === 1);
    const frames = call.leg.audibleFrames - framesBefore;
    const heardMs = session.of('conversation.item.truncate')[0]!.audio_end_ms;
    expect(heardMs).toBeLessThanOrEqual(frames * 20);
    expect(heardMs).toBeGreaterThan((frames - 1) * 20 - 1);
  });
});

describe('whoever finds the turns of a realtime session', () => {
  it.each(['server_vad', 'semantic_vad'] as const)('is %s when it is the server', async (turnDetection) => {
    const { session } = await greeted({ turnDetection });
    expect(session.of('session.update')[0]?.session.audio.input.turn_detection).toEqual({
      type: turnDetection,
      create_response: true,
      interrupt_response: true,
    });
  });

  it.each([
    ['server_vad', { minWaitMs: 800 }, { silence_duration_ms: 800 }],
    ['semantic_vad', { maxWaitMs: 2000 }, { eagerness: 'high' }],
    ['semantic_vad', { maxWaitMs: 3000 }, { eagerness: 'medium' }],
    ['semantic_vad', { maxWaitMs: 8000 }, { eagerness: 'low' }],
    ['semantic_vad', { minWaitMs: 800 }, {}],
  ] as const)('waits as configured, when it is the server: %s %o', async (turnDetection, waits, told) => {
    const { session } = await greeted({ turnDetection, waits });
    expect(session.of('session.update')[0]?.session.audio.input.turn_detection).toEqual({
      type: turnDetection,
      create_response: true,
      interrupt_response: true,
      ...told,
    });
  });

  it('sends the turn alone, from before its onset, and asks for the answer, when it is us', async () => {
    const { call, session } = await greeted({ turnDetection: 'linecard' });
    expect(session.of('session.update')[0]?.session.audio.input.turn_detection).toBeNull();
    call.run(3000);
    callerSpeaks(call, 500);
    await call.runUntil(() => session.of('input_audio_buffer.commit').length === 1);
    const samples = session.inputSamples;
    const spokenMs = samples / 24;
    // The turn, half a second before its onset at most, and the wait until it was over.
    expect(spokenMs).toBeGreaterThan(900);
    expect(spokenMs).toBeLessThan(500 + 500 + 1000);
    expect(session.of('response.create')).toHaveLength(2);
    call.run(1000);
    session.answer('Yes.', 400);
    await call.runUntil(() => call.turns.length === 2);
    expect(session.inputSamples).toBe(samples);
  });

  it('cancels the answer and tells what was heard of it, when it is us', async () => {
    const { call, session } = await greeted({ turnDetection: 'linecard' });
    callerSpeaks(call, 500);
    await call.runUntil(() => session.of('response.create').length === 2);
    session.respond();
    const item = session.say('This is a long story about something.', 10_000, 'half');
    await call.runUntil(() => call.leg.audibleFrames >= 120);
    callerSpeaks(call, 500);
    await call.runUntil(() => session.of('conversation.item.truncate').length === 1);
    expect(session.of('response.cancel')).toHaveLength(1);
    const heardMs = (call.leg.audibleFrames - 20) * 20;
    expect(session.of('conversation.item.truncate')[0]?.item_id).toBe(item);
    expect(Math.abs(session.of('conversation.item.truncate')[0]!.audio_end_ms - heardMs)).toBeLessThanOrEqual(20);
    await call.runUntil(() => session.of('response.create').length === 3);
    expect(call.failures).toEqual([]);
  });

  it('goes on with a new session when the old one is about to end, when it is us', async () => {
    // Long ago: sessions are renewed after a minute then.
    fake.expiresAtSeconds = 300;
    const { call, session } = await greeted({ turnDetection: 'linecard' });
    for (let i = 1; i <= 16; i++) {
      call.clock.advance(4000);
      // There and back: what answers a ping has come by then.
      call.conversation.instruct('Be brief.');
      await until(() => session.of('conversation.item.create').length === i);
      session.understood(`I speak ${i}.`);
      await until(() => call.turns.at(-1)?.text === `I speak ${i}.`);
    }
    await call.runUntil(() => fake.sessions.length === 2 && session.connection.closedWith !== null);
    const next = fake.session;
    callerSpeaks(call, 500);
    await call.runUntil(() => next.of('response.create').length === 1);
    expect(next.of('input_audio_buffer.commit')).toHaveLength(1);
    next.answer('Still here.', 400);
    await call.runUntil(() => call.turns.some(({ text }) => text === 'Still here.'));
    expect(call.failures).toEqual([]);
  });

  it('gives up an answer that does not come, when it is us', async () => {
    const { call, session } = await greeted({ turnDetection: 'linecard' });
    callerSpeaks(call, 500);
    await call.runUntil(() => session.of('response.create').length === 2);
    for (let i = 0; i < 9 && call.failures.length === 0; i++) await call.clock.advanceAsync(1000);
    expect(call.failures).toMatchObject([{ code: 'AGENT_FAILED' }]);
  });
});
