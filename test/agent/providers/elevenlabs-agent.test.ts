import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentCall, Tool } from '../../../src/agent/port.js';
import { AlignedWords } from '../../../src/agent/providers/elevenlabs-agent/aligned-words.js';
import type { Overrides } from '../../../src/agent/providers/elevenlabs-agent/protocol.js';
import { ElevenLabsAgentProvider } from '../../../src/agent/providers/elevenlabs-agent/provider.js';
import { hoursTool } from '../../../src/agent/tools/hours.js';
import { AgentCallHarness, until } from '../../support/agent-call.js';
import type { FakeElevenLabsSession } from '../../support/fake-elevenlabs-agent.js';
import { FakeElevenLabsAgent } from '../../support/fake-elevenlabs-agent.js';

const GREETING = 'Hello from Acme.';
const AS_SET_UP: Overrides = { firstMessage: null, instructions: null, voice: null, language: null };

let fake: FakeElevenLabsAgent;
let harness: AgentCallHarness | null;

beforeEach(async () => {
  fake = new FakeElevenLabsAgent();
  await fake.server.start();
  harness = null;
});

afterEach(async () => {
  harness?.conversation.close();
  await fake.server.stop();
  expect(fake.allMistakes).toEqual([]);
});

type CallSetUp = {
  readonly overrides?: Partial<Overrides>;
  readonly call?: Partial<AgentCall>;
  readonly tools?: readonly Tool[];
};

function open({ overrides, call = {}, tools = [] }: CallSetUp = {}): AgentCallHarness {
  const provider = new ElevenLabsAgentProvider({
    name: 'ella',
    baseUrl: fake.baseUrl,
    apiKey: 'key-test',
    agentId: 'agent-test',
    overrides: { ...AS_SET_UP, ...overrides },
    variables: { tenant: 'acme' },
  });
  harness = new AgentCallHarness({ provider, call, tools });
  return harness;
}

/** A call whose first message was heard. */
async function greeted(setUp: CallSetUp = {}): Promise<{ call: AgentCallHarness; session: FakeElevenLabsSession }> {
  const call = open(setUp);
  call.conversation.start();
  await until(() => fake.sessions.length === 1 && fake.session.initiation !== undefined);
  fake.session.answer(GREETING, 400);
  await call.runUntil(() => call.turns.length === 1);
  return { call, session: fake.session };
}

const said = (call: AgentCallHarness): string[] => call.turns.map(({ who, text }) => `${who}: ${text}`);

describe('an agent at ElevenLabs', () => {
  it('is what it is set up to be there, and is told who calls', async () => {
    open();
    await until(() => fake.sessions.length === 1 && fake.session.initiation !== undefined);
    expect(fake.session.initiation).toEqual({
      type: 'conversation_initiation_client_data',
      dynamic_variables: { tenant: 'acme', caller_number: '+4930123', caller_name: 'Ada', extension: '7000' },
    });
  });

  it('is what the configuration says in the place of that', async () => {
    open({
      overrides: { firstMessage: 'Hi {{caller.name}}.', instructions: 'Be brief.', voice: 'v1', language: 'de' },
    });
    await until(() => fake.sessions.length === 1 && fake.session.initiation !== undefined);
    expect(fake.session.initiation?.conversation_config_override).toEqual({
      agent: { first_message: 'Hi Ada.', language: 'de', prompt: { prompt: 'Be brief.' } },
      tts: { voice_id: 'v1' },
    });
  });

  it('makes its first message while the phone rings, and it is heard whole', async () => {
    const call = open();
    await until(() => fake.sessions.length === 1 && fake.session.initiation !== undefined);
    fake.session.answer(GREETING, 1000);
    fake.session.ping();
    await until(() => fake.session.of('pong').length === 1);
    call.run(200);
    expect(call.leg.audibleFrames).toBe(0);
    call.conversation.start();
    await call.runUntil(() => call.turns.length === 1);
    expect(call.turns).toMatchObject([{ who: 'agent', text: GREETING, heardMs: 1000, interrupted: false }]);
  });

  it.each([
    ['pcm_16000', 32],
    ['pcm_24000', 48],
    ['pcm_8000', 16],
    ['ulaw_8000', 8],
  ] as const)('hears every sample of the caller as %s', async (format, bytesPerMs) => {
    fake.format = format;
    const call = open();
    call.conversation.start();
    await until(() => fake.sessions.length === 1 && fake.session.initiation !== undefined);
    await call.runUntil(() => fake.session.heardBytes > 0);
    const before = fake.session.heardBytes;
    call.run(1000, 3000);
    await until(() => fake.session.heardBytes - before >= 990 * bytesPerMs);
    expect(fake.session.heardBytes - before).toBeLessThan(1200 * bytesPerMs);
  });

  it('knows an answer to be over when all of it was heard, and lets nothing of a late rest be lost', async () => {
    const { call, session } = await greeted();
    session.callerSaid('Tell me.');
    session.text('One and two.');
    session.sound(400);
    await call.runUntil(() => call.leg.audibleFrames >= 40);
    await call.runUntil(() => said(call).includes('agent: One and two.'));
    expect(call.turns.at(-1)?.heardMs).toBe(400);
    session.sound(400);
    await call.runUntil(() => call.leg.audibleFrames >= 60);
    expect(call.turns).toHaveLength(3);
  });

  it('knows to the word what was heard where the times of words come with the sound', async () => {
    const { call, session } = await greeted();
    const before = call.leg.audibleFrames;
    session.callerSaid('Tell me.');
    session.text('Hello there, this is a story.');
    session.aligned('Hello ther', 50);
    session.aligned('e, this is a story.', 50);
    await call.runUntil(() => call.leg.audibleFrames >= before + 32);
    session.interrupted();
    await call.runUntil(() => call.turns.some(({ interrupted }) => interrupted));
    // 640 ms at 50 ms a character: thirteen characters, of which the last word is not complete.
    expect(call.turns.at(-1)).toMatchObject({ text: 'Hello there,', interrupted: true });
  });

  it('lets nothing through that was made before an interruption', async () => {
    const { call, session } = await greeted();
    session.callerSaid('Tell me.');
    session.answer('A long story.', 4000);
    await call.runUntil(() => call.leg.audibleFrames >= 60);
    session.interrupted();
    session.sound(2000, 1);
    await call.runUntil(() => call.turns.some(({ interrupted }) => interrupted));
    const { audibleFrames } = call.leg;
    call.run(300);
    expect(call.leg.audibleFrames).toBe(audibleFrames);
    session.callerSaid('Stop.');
    session.answer('As you like.', 400);
    await call.runUntil(() => said(call).includes('agent: As you like.'));
  });

  it('is cut off by a key, says nothing more of that answer, and is told the keys', async () => {
    const { call, session } = await greeted();
    session.callerSaid('Tell me.');
    session.answer('A long story.', 2000);
    await call.runUntil(() => call.leg.audibleFrames >= 40);
    call.conversation.digit('7');
    session.sound(2000);
    call.run(1600);
    await until(() => session.of('user_message').length === 1);
    expect(session.of('user_message')[0]?.text).toContain('7');
    const { audibleFrames } = call.leg;
    session.answer('You pressed seven.', 400);
    await call.runUntil(() => said(call).includes('agent: You pressed seven.'));
    expect(call.leg.audibleFrames - audibleFrames).toBe(20);
  });

  it('shows whoever reads along what the caller may be saying', async () => {
    const { call, session } = await greeted();
    session.callerMaySay('Are you');
    await call.runUntil(() => call.captions.includes('caller: Are you'));
    session.callerSaid('Are you open?');
    await call.runUntil(() => said(call).includes('caller: Are you open?'));
  });

  it('says what it is asked to say, and is told of people behind it', async () => {
    const { call, session } = await greeted();
    call.conversation.say('One moment.');
    call.conversation.instruct('Offer a discount.');
    await until(() => session.of('contextual_update').length === 1);
    expect(session.of('user_message')[0]?.text).toContain('"One moment."');
    expect(session.of('contextual_update')[0]?.text).toContain('Offer a discount.');
  });

  it('may call the tools that it has there by the names that they have here', async () => {
    const { call, session } = await greeted({ tools: [hoursTool] });
    session.call('hours', {});
    await call.runUntil(() => session.of('client_tool_result').length === 1);
    expect(session.of('client_tool_result')[0]).toMatchObject({ is_error: false });
    session.call('fly', {});
    await call.runUntil(() => session.of('client_tool_result').length === 2);
    expect(session.of('client_tool_result')[1]).toMatchObject({ is_error: true });
  });

  it('hangs up when it has ended the conversation, and is heard to its end before', async () => {
    const { call, session } = await greeted();
    session.callerSaid('Bye.');
    session.answer('Goodbye.', 1000);
    session.connection.socket.close(1000, 'ended by agent');
    await call.runUntil(() => call.done.length === 1);
    expect(call.turns.at(-1)).toMatchObject({ text: 'Goodbye.', heardMs: 1000, interrupted: false });
    expect(call.failures).toEqual([]);
  });

  it('goes on with a call that has begun before, without its first message', async () => {
    const history = [{ who: 'caller', text: 'I am Ada.' }] as const;
    const call = open({ call: { history }, overrides: { firstMessage: GREETING } });
    call.conversation.start();
    await until(() => fake.sessions.length === 1 && fake.session.of('user_message').length === 1);
    expect(fake.session.initiation?.conversation_config_override).toEqual({ agent: { first_message: '' } });
    expect(fake.session.of('contextual_update')[0]?.text).toContain('The caller: I am Ada.');
    expect(fake.session.of('user_message')[0]?.text).toContain("Answer the caller's last words");
  });

  it.each([
    ['the key is wrong', 'no'],
    ['the address that it is given is none', 'nonsense'],
    ['no address is given', 'hang'],
  ] as const)('is not available when %s', async (_, signs) => {
    fake.signs = signs;
    const call = open();
    call.conversation.start();
    if (signs === 'hang') call.clock.advance(5000);
    await call.runUntil(() => call.failures.length > 0);
    expect(call.failures).toMatchObject([{ code: 'AGENT_UNAVAILABLE' }]);
    expect(JSON.stringify(call.failures.map(({ message }) => message))).not.toContain('key-test');
  });

  it('is not available when what it is to be is not allowed to be said here', async () => {
    fake.closesWith = { code: 1008, reason: 'Override for field first_message is not allowed by config.' };
    const call = open({ overrides: { firstMessage: GREETING } });
    call.conversation.start();
    await call.runUntil(() => call.failures.length > 0);
    expect(call.failures[0]?.message).toContain('not allowed by config');
  });

  it('fails once with an error of the server', async () => {
    const { call, session } = await greeted();
    session.send({
      type: 'error',
      error_event: { code: 1011, error_type: 'llm_timeout', message: 'it took too long' },
    });
    await call.runUntil(() => call.failures.length > 0);
    call.run(500);
    expect(call.failures).toMatchObject([
      { code: 'AGENT_FAILED', message: 'the agent says: llm_timeout: it took too long' },
    ]);
  });
});

describe('the times of characters', () => {
  it('become the times of words, wherever the pieces are cut', () => {
    const words = new AlignedWords();
    const piece = (text: string): Parameters<AlignedWords['push']>[0] => ({
      chars: Array.from(text),
      char_start_times_ms: Array.from(text, (_, i) => i * 10),
      char_durations_ms: Array.from(text, () => 10),
    });
    expect(words.push(piece('Hi th'), 0)).toEqual([{ word: 'Hi', endMs: 20 }]);
    expect(words.push(piece('ere  you'), 50)).toEqual([{ word: 'there', endMs: 80 }]);
    expect(words.end()).toEqual([{ word: 'you', endMs: 130 }]);
    expect(words.end()).toEqual([]);
  });
});
