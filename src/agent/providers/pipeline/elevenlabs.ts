import { z } from 'zod';
import { SAMPLE_RATE_HZ } from '../../../core/units.js';
import { pcmBytes } from '../../pcm-bytes.js';
import { failure, jsonOf, vendorUrl } from './dialect.js';
import type { SpeakerDialect, Voiced } from './socket-speaker.js';
import type { Recognized, TranscriberDialect } from './socket-transcriber.js';

export type ElevenLabsOptions = {
  /** `https://api.elevenlabs.io`. */
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly model: string;
};

const listenMessage = z.object({ message_type: z.string(), text: z.string().optional(), error: z.string().optional() });

/** Another try now brings nothing, another agent may. */
const UNAVAILABLE: ReadonlySet<string> = new Set([
  'auth_error',
  'quota_exceeded',
  'rate_limited',
  'resource_exhausted',
  'unaccepted_terms',
]);
/** Less than 0.3 s was said since the last time: not enough to be a word. */
const NOTHING_SAID: ReadonlySet<string> = new Set(['commit_throttled', 'insufficient_audio_activity']);

/** `GET /v1/speech-to-text/realtime`: sound in JSON, `commit` for the last words of an utterance. */
export function elevenLabsListening(
  options: ElevenLabsOptions & { /** Null: the model finds out. */ readonly language: string | null },
): TranscriberDialect {
  const { baseUrl, apiKey, model, language } = options;
  return {
    url: vendorUrl(baseUrl, '/v1/speech-to-text/realtime', {
      model_id: model,
      audio_format: 'pcm_16000',
      commit_strategy: 'manual',
      ...(language === null ? {} : { language_code: language }),
    }),
    headers: { 'xi-api-key': apiKey },
    audio: (pcm) => chunk(pcmBytes(pcm).toString('base64'), 'goes on'),
    finish: chunk('', 'commit'),
    keepAlive: null,
    read: readTranscript,
  };
}

function chunk(audio: string, then: 'goes on' | 'commit'): string {
  return `{"message_type":"input_audio_chunk","audio_base_64":"${audio}","commit":${then === 'commit'},"sample_rate":${SAMPLE_RATE_HZ}}`;
}

function readTranscript(message: string): Recognized {
  const result = listenMessage.safeParse(jsonOf(message));
  if (!result.success) return { kind: 'other' };
  const { message_type: type, error } = result.data;
  const text = result.data.text?.trim() ?? '';
  if (type === 'partial_transcript') return { kind: 'partial', text };
  if (type === 'committed_transcript') return { kind: 'final', text, last: true };
  if (NOTHING_SAID.has(type)) return { kind: 'final', text: '', last: true };
  if (error === undefined) return { kind: 'other' };
  const code = UNAVAILABLE.has(type) ? 'AGENT_UNAVAILABLE' : 'AGENT_FAILED';
  return failure(code, 'the speech recognizer', `${type}: ${error}`);
}

const spokenMessage = z.object({
  audio: z.string().nullish(),
  isFinal: z.boolean().nullish(),
  error: z.string().optional(),
  message: z.string().optional(),
});

/** `GET /v1/text-to-speech/<voice>/stream-input`: a text that is complete, then samples in JSON until `isFinal`. */
export function elevenLabsSpeaking({
  baseUrl,
  apiKey,
  model,
  voice,
}: ElevenLabsOptions & { readonly voice: string }): SpeakerDialect {
  return {
    url: vendorUrl(baseUrl, `/v1/text-to-speech/${encodeURIComponent(voice)}/stream-input`, {
      model_id: model,
      output_format: 'pcm_16000',
      // Whole sentences are not held back to see what follows.
      auto_mode: 'true',
    }),
    headers: { 'xi-api-key': apiKey },
    // A space opens, a text ends in one, and nothing at all is the end.
    request: (text) => ['{"text":" "}', JSON.stringify({ text: `${text} ` }), '{"text":""}'],
    readText: readSpoken,
    readBinary: () => ({ kind: 'other' }),
  };
}

function readSpoken(message: string): Voiced {
  const result = spokenMessage.safeParse(jsonOf(message));
  if (!result.success) return { kind: 'other' };
  const { audio, isFinal, error, message: why } = result.data;
  if (error !== undefined) return failure('AGENT_FAILED', 'the voice', `${error}: ${why ?? ''}`);
  if (typeof audio === 'string' && audio !== '') return { kind: 'audio', bytes: Buffer.from(audio, 'base64') };
  return isFinal === true ? { kind: 'end' } : { kind: 'other' };
}
