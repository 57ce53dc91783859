import { describe, expect } from 'vitest';
import { readAgentMessage } from '../../src/agent/providers/linecard-socket/wire.js';
import { readBotMessage } from '../../src/agent/providers/media-streams/wire.js';
import { readServerEvent } from '../../src/agent/providers/openai-realtime/protocol.js';
import { alteredJson, damaged, fuzz } from '../support/fuzz.js';

const BOT = [
  { event: 'media', streamSid: 'MZ1', media: { payload: 'AAAA//8=' } },
  { event: 'mark', streamSid: 'MZ1', mark: { name: 'end of the greeting' } },
  { event: 'clear', streamSid: 'MZ1' },
];
const AGENT = [
  { type: 'segment', id: 'a', protected: true },
  { type: 'text', text: 'Hello there.', words: [{ word: 'Hello', endMs: 300 }] },
  { type: 'tool', id: 'b', name: 'transfer', input: { to: 'sales' } },
  { type: 'callerSaid', text: 'Sales, please.' },
  { type: 'done', reason: 'said good-bye' },
];
const OPENAI = [
  { type: 'session.created', event_id: 'e1', session: { id: 's1' } },
  { type: 'response.output_audio.delta', response_id: 'r1', item_id: 'i1', content_index: 0, delta: 'AAAA' },
  { type: 'response.function_call_arguments.done', call_id: 'c1', name: 'hours', arguments: '{}', item_id: 'i1' },
  { type: 'conversation.item.input_audio_transcription.completed', item_id: 'i2', transcript: 'Hello?' },
  { type: 'response.done', response: { id: 'r1', status: 'completed', output: [] } },
  { type: 'error', error: { type: 'invalid_request_error', code: null, message: 'no' } },
];

/** Whatever a bot, an agent or a model sends: it is understood or not, and nothing throws. */
describe('any text', () => {
  const read = (text: string): void => {
    readBotMessage(text);
    expect(readAgentMessage(text)).toHaveProperty('type');
    expect(readServerEvent(text)).toBeTruthy();
  };
  const samples = [...BOT, ...AGENT, ...OPENAI].map((message) => JSON.stringify(message));
  fuzz('is read by every protocol of agents', damaged(samples), read);
});

describe('any JSON', () => {
  fuzz('is no harm to Media Streams', alteredJson(BOT), (json) => {
    const message = readBotMessage(JSON.stringify(json));
    if (message?.event === 'mark') expect(typeof message.mark.name).toBe('string');
  });
  fuzz('is no harm to our own protocol', alteredJson(AGENT), (json) => {
    const message = readAgentMessage(JSON.stringify(json));
    if (message.type === 'text') expect(message.text.length).toBeLessThanOrEqual(4000);
  });
  fuzz('is no harm to the realtime protocol', alteredJson(OPENAI), (json) => {
    expect(readServerEvent(JSON.stringify(json))).toBeTruthy();
  });
});
