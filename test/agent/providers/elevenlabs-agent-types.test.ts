import { describe, expect, expectTypeOf, it } from 'vitest';
import type { z } from 'zod';
import type { ClientMessage, serverMessage } from '../../../src/agent/providers/elevenlabs-agent/protocol.js';
import { elevenLabsProtocol, soundFormat } from '../../../src/agent/providers/elevenlabs-agent/protocol.js';
import type { ElevenLabsClientMessage, ElevenLabsServerMessage } from '../../support/fake-elevenlabs-agent.js';

type Read = z.input<typeof serverMessage>;
/** Of each type that we read: whether what the official types say of it is what we read. */
type Reads = {
  [Type in Read['type']]: Extract<ElevenLabsServerMessage, { readonly type: Type }> extends Loose<
    Extract<Read, { readonly type: Type }>
  >
    ? true
    : false;
};

describe("the messages of ElevenLabs' agents", () => {
  it('are as the official types describe them', () => {
    expectTypeOf<WithLanguage<ClientMessage>>().toExtend<ElevenLabsClientMessage>();
    expectTypeOf<Reads>().toEqualTypeOf<{ [Type in Read['type']]: true }>();
    const ping = { type: 'ping', ping_event: { event_id: 1 } };
    expect(elevenLabsProtocol.read(JSON.stringify(ping))).toEqual(ping);
  });

  it('are told from others and from nonsense', () => {
    expect(elevenLabsProtocol.read('{"type":"vad_score","vad_score_event":{}}')).toEqual({ type: 'other' });
    expect(elevenLabsProtocol.read(Buffer.from('{"type":"ping"}'))).toBeNull();
    for (const nonsense of ['', '7', 'null', '[]', '{"type":7}', '{"type":"audio"}']) {
      expect(elevenLabsProtocol.read(nonsense)).toBeNull();
    }
  });

  it('name the formats of sound', () => {
    expect(soundFormat('pcm_16000')).toEqual({ coding: 'pcm', rateHz: 16_000 });
    expect(soundFormat('ulaw_8000')).toEqual({ coding: 'mulaw', rateHz: 8000 });
    expect(soundFormat('opus_48000')).toBeNull();
  });
});

/** Optional as JSON is: a key is there or it is not. */
type Loose<T> = T extends readonly (infer Item)[]
  ? readonly Loose<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: Loose<T[Key]> | undefined }
    : T;

/** Which languages there are is for the server to say. */
type WithLanguage<T> = T extends { readonly type: 'conversation_initiation_client_data' }
  ? Omit<T, 'conversation_config_override'>
  : T;
