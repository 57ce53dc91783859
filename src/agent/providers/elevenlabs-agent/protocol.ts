import { z } from 'zod';
import type { AgentCall } from '../../port.js';
import type { ModelProtocol } from '../model-socket.js';
import type { SoundFormat } from '../sound-format.js';

/** What an agent that is set up at ElevenLabs is to be in this call; null: as it is set up there. */
export type Overrides = {
  readonly firstMessage: string | null;
  readonly instructions: string | null;
  readonly voice: string | null;
  readonly language: string | null;
};

/** What we send; held to the official types by `test/agent/providers/elevenlabs-agent-types.test.ts`. */
export type ClientMessage =
  | Initiation
  | { readonly type: 'pong'; readonly event_id: number }
  | { readonly type: 'user_message'; readonly text: string }
  | { readonly type: 'contextual_update'; readonly text: string }
  | {
      readonly type: 'client_tool_result';
      readonly tool_call_id: string;
      readonly result: string;
      readonly is_error: boolean;
    };

type Initiation = {
  readonly type: 'conversation_initiation_client_data';
  readonly conversation_config_override?: {
    readonly agent?: {
      readonly first_message?: string;
      readonly language?: string;
      readonly prompt?: { readonly prompt: string };
    };
    readonly tts?: { readonly voice_id: string };
  };
  readonly dynamic_variables: Readonly<Record<string, string>>;
};

/** @param variables by which prompts at ElevenLabs may be filled: `{{caller_number}}` */
export function initiationOf(overrides: Overrides, variables: Readonly<Record<string, string>>): Initiation {
  const { firstMessage, instructions, voice, language } = overrides;
  const agent = {
    ...(firstMessage === null ? {} : { first_message: firstMessage }),
    ...(language === null ? {} : { language }),
    ...(instructions === null ? {} : { prompt: { prompt: instructions } }),
  };
  // An override that is not allowed there is refused, even an empty one: what is not asked for is not sent.
  const override = {
    ...(Object.keys(agent).length === 0 ? {} : { agent }),
    ...(voice === null ? {} : { tts: { voice_id: voice } }),
  };
  return {
    type: 'conversation_initiation_client_data',
    ...(Object.keys(override).length === 0 ? {} : { conversation_config_override: override }),
    dynamic_variables: variables,
  };
}

const SPEAKERS = { caller: 'The caller', agent: 'You', human: 'A colleague on the line' } as const;

/** What was said in an earlier session, for an agent that knows of one conversation only. */
export function historyInWords(history: AgentCall['history']): string {
  const lines = history.map(({ who, text }) => `${SPEAKERS[who]}: ${text}`);
  return ['The call has begun already. What was said so far:', ...lines].join('\n');
}

/** @param audio in the format that the server asked for, in base64; as JSON, as it is sent 50 times a second */
export function audioMessage(audio: string): string {
  return `{"user_audio_chunk":"${audio}"}`;
}

const eventId = z.number();

/** What we read of what the server sends. */
export const serverMessage = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('conversation_initiation_metadata'),
    conversation_initiation_metadata_event: z.object({
      agent_output_audio_format: z.string(),
      user_input_audio_format: z.string(),
    }),
  }),
  z.object({
    type: z.literal('audio'),
    audio_event: z.object({
      audio_base_64: z.string(),
      event_id: eventId,
      alignment: z
        .object({
          chars: z.array(z.string()),
          char_start_times_ms: z.array(z.number()),
          char_durations_ms: z.array(z.number()),
        })
        .nullish(),
    }),
  }),
  z.object({ type: z.literal('agent_response'), agent_response_event: z.object({ agent_response: z.string() }) }),
  z.object({ type: z.literal('user_transcript'), user_transcription_event: z.object({ user_transcript: z.string() }) }),
  z.object({
    type: z.literal('tentative_user_transcript'),
    tentative_user_transcription_event: z.object({ user_transcript: z.string() }),
  }),
  z.object({ type: z.literal('interruption'), interruption_event: z.object({ event_id: eventId }) }),
  z.object({ type: z.literal('ping'), ping_event: z.object({ event_id: eventId }) }),
  z.object({
    type: z.literal('client_tool_call'),
    client_tool_call: z.object({
      tool_name: z.string(),
      tool_call_id: z.string(),
      parameters: z.record(z.string(), z.unknown()),
    }),
  }),
  z.object({
    type: z.literal('error'),
    error_event: z.object({
      code: z.number(),
      message: z.string().optional(),
      error_type: z.string().optional(),
      reason: z.string().optional(),
    }),
  }),
]);

/** `other`: a type of no interest to us. */
export type ServerMessage = z.output<typeof serverMessage> | { readonly type: 'other' };

const KNOWN_TYPES: ReadonlySet<string> = new Set(serverMessage.options.map((option) => option.shape.type.value));
const anyMessage = z.object({ type: z.string() });

/** How a session by this protocol is kept. */
export const elevenLabsProtocol: ModelProtocol<ServerMessage> = {
  read: (data) => (typeof data === 'string' ? readServerMessage(data) : null),
  confirms: ({ type }) => type === 'conversation_initiation_metadata',
  answers: ({ type }) => type === 'audio' || type === 'client_tool_call' || type === 'agent_response',
};

function readServerMessage(text: string): ServerMessage | null {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return null;
  }
  const any = anyMessage.safeParse(json);
  if (!any.success) return null;
  if (!KNOWN_TYPES.has(any.data.type)) return { type: 'other' };
  const result = serverMessage.safeParse(json);
  return result.success ? result.data : null;
}

/** A format by its name there: `pcm_16000`, `ulaw_8000`; null for one that nobody has heard of. */
export function soundFormat(name: string): SoundFormat | null {
  const [, coding, rate] = /^(pcm|ulaw)_(\d{4,5})$/.exec(name) ?? [];
  if (coding === undefined || rate === undefined) return null;
  return { coding: coding === 'pcm' ? 'pcm' : 'mulaw', rateHz: Number(rate) };
}
