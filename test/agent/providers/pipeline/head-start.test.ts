import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AiSdkModel } from '../../../../src/agent/providers/pipeline/ai-sdk-model.js';
import { deepgramListening } from '../../../../src/agent/providers/pipeline/deepgram.js';
import { OpenAiSpeaker } from '../../../../src/agent/providers/pipeline/openai-speech.js';
import { PipelineProvider } from '../../../../src/agent/providers/pipeline/provider.js';
import { SocketTranscriber } from '../../../../src/agent/providers/pipeline/socket-transcriber.js';
import { hoursTool } from '../../../../src/agent/tools/hours.js';
import { silentLogger } from '../../../../src/core/logger.js';
import { AgentCallHarness, until } from '../../../support/agent-call.js';
import { callerSpeaks } from '../../../support/agent-rigs/caller-voice.js';
import { FakeClock, settle } from '../../../support/fake-clock.js';
import { FakeOpenAiParts } from '../../../support/fake-openai-parts.js';
import { FakeSpeechVendor } from '../../../support/fake-speech-vendor.js';

let parts: FakeOpenAiParts;
let ears: FakeSpeechVendor;
let provider: PipelineProvider | null;
let harness: AgentCallHarness | null;

beforeEach(async () => {
  parts = new FakeOpenAiParts();
  ears = new FakeSpeechVendor('deepgram');
  await parts.server.start();
  await ears.server.start();
  harness = null;
  provider = null;
});

afterEach(async () => {
  harness?.conversation.close();
  await provider?.close();
  await parts.server.stop();
  await ears.server.stop();
  expect([...parts.mistakes, ...ears.mistakes]).toEqual([]);
});

/** A call whose greeting was heard, with ears that are connected. */
async function greeted(headStart: 'on' | 'off' = 'on'): Promise<AgentCallHarness> {
  const clock = new FakeClock();
  const at = { baseUrl: parts.baseUrl, apiKey: 'sk-test', clock };
  const model = { provider: 'openai-compatible', model: 'llm-test', temperature: null, maxOutputTokens: 500 } as const;
  const vendor = { baseUrl: ears.baseUrl, apiKey: 'key-test', language: 'en', model: 'nova-3' };
  provider = new PipelineProvider({
    name: 'mixed',
    stt: new SocketTranscriber(deepgramListening(vendor), clock),
    llm: new AiSdkModel({ ...at, ...model }),
    tts: new OpenAiSpeaker({ ...at, model: 'tts-test', voice: 'nova', rateHz: 24_000 }),
    greeting: 'Hello.',
    instructions: '',
    headStart,
    filler: { text: '', afterMs: 1000 },
    log: silentLogger,
  });
  await provider.prepare();
  harness = new AgentCallHarness({ provider, tools: [hoursTool], clock });
  harness.conversation.start();
  await harness.runUntil(() => harness?.turns.length === 1 && ears.server.connections.length === 1);
  return harness;
}

const said = (call: AgentCallHarness): string[] => call.turns.map(({ who, text }) => `${who}: ${text}`);

describe('an answer that is begun in a pause', () => {
  it('is there when it is sure that the caller is done, and is asked for once', async () => {
    const call = await greeted();
    ears.transcripts.push('Are you open?');
    parts.answers.push(['Yes, until five.']);
    callerSpeaks(call, 500);
    call.run(300);
    await until(() => parts.chats.length === 1);
    await settle();
    expect(call.leg.audibleFrames).toBeLessThan(10);
    expect(parts.spoken).not.toContain('Yes, until five.');
    call.run(400);
    await call.runUntil(() => said(call).length === 3);
    expect(said(call).slice(1)).toEqual(['caller: Are you open?', 'agent: Yes, until five.']);
    expect(parts.chats).toHaveLength(1);
    expect(parts.lastDialog).toContain('user: Are you open?');
  });

  it('is thrown away when the caller goes on, and the next one is about all that was said', async () => {
    const call = await greeted();
    ears.transcripts.push('I want', 'to speak with sales.');
    parts.answers.push(['What do you want?'], ['Very well.']);
    callerSpeaks(call, 500);
    call.run(300);
    await until(() => parts.chats.length === 1);
    callerSpeaks(call, 500);
    call.run(300);
    await until(() => parts.chats.length === 2);
    call.run(400);
    await call.runUntil(() => said(call).length === 3);
    expect(said(call).slice(1)).toEqual(['caller: I want to speak with sales.', 'agent: Very well.']);
    expect(parts.spoken).not.toContain('What do you want?');
    expect(parts.chats).toHaveLength(2);
  });

  it('knows that of an answer that is spoken into no more was heard', async () => {
    const call = await greeted();
    ears.transcripts.push('Count.', 'Stop.');
    parts.answers.push(['One two three four five six seven eight nine ten eleven.'], ['All right.']);
    callerSpeaks(call, 500);
    call.run(700);
    await call.runUntil(() => call.leg.audibleFrames > 40);
    callerSpeaks(call, 500);
    call.run(300);
    await until(() => parts.chats.length === 2);
    expect(parts.lastDialog.at(-2)).toMatch(/^assistant: One/);
    expect(parts.lastDialog.at(-2)).not.toContain('eleven');
    call.run(400);
    await call.runUntil(() => said(call).includes('agent: All right.'));
    expect(parts.chats).toHaveLength(2);
  });

  it('is not begun for a sound of listening', async () => {
    const call = await greeted();
    ears.transcripts.push('Count.', 'Mm-hm.');
    parts.answers.push(['One two three four five six seven eight nine ten eleven twelve thirteen fourteen.']);
    callerSpeaks(call, 500);
    call.run(700);
    await call.runUntil(() => call.leg.audibleFrames > 40);
    callerSpeaks(call, 300);
    await call.runUntil(() => said(call).some((turn) => turn.includes('fourteen.')));
    expect(parts.chats).toHaveLength(1);
  });

  it('comes after what somebody could read along while the caller spoke', async () => {
    const call = await greeted();
    ears.transcripts.push('I want', 'to speak with sales.');
    parts.answers.push(['What do you want?'], ['Very well.']);
    const told = call.captions.length;
    callerSpeaks(call, 500);
    call.run(300);
    await until(() => parts.chats.length === 1);
    callerSpeaks(call, 500);
    call.run(100);
    await call.runUntil(() => call.captions.at(-1) === 'caller: I want to');
    await call.runUntil(() => said(call).length === 3);
    const read = call.captions.slice(told).filter((caption) => caption.startsWith('caller'));
    expect(read[0]).toBe('caller: …');
    expect(read.at(-1)).toBe('caller: I want to');
  });

  it('runs no tool before it is sure', async () => {
    const call = await greeted();
    ears.transcripts.push('When?');
    parts.answers.push([{ tool: 'hours', input: '{}' }], ['Always.']);
    callerSpeaks(call, 500);
    call.run(300);
    await until(() => parts.chats.length === 1);
    await settle();
    expect(call.toolsCalled).toEqual([]);
    call.run(400);
    await call.runUntil(() => said(call).includes('agent: Always.'));
    expect(call.toolsCalled).toEqual([{ tool: 'hours', ok: true }]);
  });

  it('is asked for again when it failed', async () => {
    const call = await greeted();
    ears.transcripts.push('Are you open?');
    parts.answers.push([{ status: 500, message: 'not now' }], ['Yes.']);
    callerSpeaks(call, 500);
    call.run(300);
    await until(() => parts.chats.length === 1);
    await settle();
    call.run(400);
    await call.runUntil(() => said(call).includes('agent: Yes.'));
    expect(call.failures).toEqual([]);
  });

  it('is not begun where it is not wanted', async () => {
    const call = await greeted('off');
    ears.transcripts.push('Are you open?');
    callerSpeaks(call, 500);
    call.run(300);
    await until(() => ears.piecesMs.length === 1);
    await settle();
    expect(parts.chats).toHaveLength(0);
    call.run(400);
    await call.runUntil(() => said(call).length === 3);
    expect(parts.chats).toHaveLength(1);
  });
});

describe('ears that break in a call', () => {
  it('cost the caller nothing: the utterance is understood whole, and the next one as it comes', async () => {
    const call = await greeted();
    ears.server.cut();
    ears.transcripts.push('Are you open?', 'And tomorrow?');
    await call.runUntil(() => ears.server.connections[0]?.closedWith !== null);
    callerSpeaks(call, 500);
    call.run(700);
    await call.runUntil(() => said(call).includes('caller: Are you open?'));
    await call.runUntil(() => said(call).length === 3);
    callerSpeaks(call, 500);
    call.run(700);
    await call.runUntil(() => said(call).includes('caller: And tomorrow?'));
    expect(call.failures).toEqual([]);
  });
});
