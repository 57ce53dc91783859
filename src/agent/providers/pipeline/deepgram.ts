import { z } from 'zod';
import { pcmBytes } from '../../pcm-bytes.js';
import { failure, jsonOf, vendorUrl } from './dialect.js';
import type { SpeakerDialect, Voiced } from './socket-speaker.js';
import type { Recognized, TranscriberDialect } from './socket-transcriber.js';

export type DeepgramOptions = {
  /** `https://api.deepgram.com`, or a server of one's own. */
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly model: string;
};

const serverError = z.object({ type: z.literal('Error'), description: z.string().default('no reason given') });

const listenMessage = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('Results'),
    is_final: z.boolean().optional(),
    from_finalize: z.boolean().optional(),
    channel: z.object({ alternatives: z.array(z.object({ transcript: z.string() })) }),
  }),
  serverError,
]);

/** `GET /v1/listen`: sound in binary messages, results as JSON, `Finalize` for the last words of an utterance. */
export function deepgramListening(
  options: DeepgramOptions & { /** Null: the model's own, English mostly. */ readonly language: string | null },
): TranscriberDialect {
  const { baseUrl, apiKey, model, language } = options;
  return {
    url: vendorUrl(baseUrl, '/v1/listen', {
      model,
      encoding: 'linear16',
      sample_rate: '16000',
      channels: '1',
      interim_results: 'true',
      smart_format: 'true',
      // Where an utterance ends is ours to say.
      endpointing: 'false',
      ...(language === null ? {} : { language }),
    }),
    headers: { Authorization: `Token ${apiKey}` },
    audio: pcmBytes,
    finish: '{"type":"Finalize"}',
    keepAlive: '{"type":"KeepAlive"}',
    read: readResults,
  };
}

/** `GET /v1/speak`: a text and `Flush`, then samples in binary messages until `Flushed`. */
export function deepgramSpeaking({ baseUrl, apiKey, model }: DeepgramOptions): SpeakerDialect {
  return {
    url: vendorUrl(baseUrl, '/v1/speak', { model, encoding: 'linear16', sample_rate: '16000' }),
    headers: { Authorization: `Token ${apiKey}` },
    request: (text) => [JSON.stringify({ type: 'Speak', text }), '{"type":"Flush"}'],
    readText: readSpoken,
    readBinary: (bytes) => ({ kind: 'audio', bytes }),
  };
}

function readResults(message: string): Recognized {
  const result = listenMessage.safeParse(jsonOf(message));
  // Metadata, notices and what is new.
  if (!result.success) return { kind: 'other' };
  if (result.data.type === 'Error') return failure('AGENT_FAILED', 'the speech recognizer', result.data.description);
  const { is_final, from_finalize, channel } = result.data;
  const text = channel.alternatives[0]?.transcript.trim() ?? '';
  if (is_final !== true) return { kind: 'partial', text };
  return { kind: 'final', text, last: from_finalize === true };
}

const spokenMessage = z.discriminatedUnion('type', [z.object({ type: z.literal('Flushed') }), serverError]);

function readSpoken(message: string): Voiced {
  const result = spokenMessage.safeParse(jsonOf(message));
  if (!result.success) return { kind: 'other' };
  return result.data.type === 'Flushed'
    ? { kind: 'end' }
    : failure('AGENT_FAILED', 'the voice', result.data.description);
}
