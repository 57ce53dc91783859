import type {
  RealtimeAudioInputTurnDetection,
  RealtimeClientEvent,
  RealtimeSessionCreateRequest,
} from 'openai/resources/realtime/realtime';
import { z } from 'zod';
import { assertNever } from '../../../core/assert-never.js';
import type { AgentCall, ToolDescription } from '../../port.js';
import type { WantedWaits } from '../../turn-taking.js';
import type { SoundFormat } from '../sound-format.js';

/** The formats of the protocol that are of use on the telephone; linear PCM is spoken at this rate only. */
export const REALTIME_SOUND = {
  pcm: { coding: 'pcm', rateHz: 24_000 },
  ulaw: { coding: 'mulaw', rateHz: 8000 },
} as const satisfies Record<string, SoundFormat>;

const OFFICIAL_FORMATS = { pcm: { type: 'audio/pcm', rate: 24_000 }, ulaw: { type: 'audio/pcmu' } } as const;

/** What we send, by the official types. */
export type ClientEvent = RealtimeClientEvent;

const audioPart = { response_id: z.string(), item_id: z.string(), content_index: z.number().int().min(0) };

/** What we read of what the server sends; `test/agent/providers/openai-realtime-types.test.ts` holds it to the official types. */
export const serverEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('session.created'), session: z.object({ expires_at: z.number().optional() }) }),
  z.object({ type: z.literal('session.updated') }),
  z.object({ type: z.literal('input_audio_buffer.speech_started') }),
  z.object({ type: z.literal('input_audio_buffer.speech_stopped') }),
  z.object({
    type: z.literal('conversation.item.input_audio_transcription.delta'),
    item_id: z.string(),
    delta: z.string().optional(),
  }),
  z.object({
    type: z.literal('conversation.item.input_audio_transcription.completed'),
    transcript: z.string(),
  }),
  z.object({ type: z.literal('response.created'), response: z.object({ id: z.string().optional() }) }),
  z.object({ type: z.literal('response.output_audio.delta'), ...audioPart, delta: z.string() }),
  z.object({ type: z.literal('response.output_audio.done'), ...audioPart }),
  z.object({ type: z.literal('response.output_audio_transcript.delta'), ...audioPart, delta: z.string() }),
  z.object({ type: z.literal('response.output_audio_transcript.done'), ...audioPart }),
  z.object({
    type: z.literal('response.function_call_arguments.done'),
    response_id: z.string(),
    call_id: z.string(),
    name: z.string(),
    arguments: z.string(),
  }),
  z.object({
    type: z.literal('response.done'),
    response: z.object({
      id: z.string().optional(),
      status: z.string().optional(),
      status_details: z
        .object({
          error: z.object({ code: z.string().optional(), type: z.string().optional() }).optional(),
        })
        .nullish(),
      usage: z.object({ input_tokens: z.number().optional(), output_tokens: z.number().optional() }).nullish(),
    }),
  }),
  z.object({
    type: z.literal('error'),
    error: z.object({ type: z.string(), code: z.string().nullish(), message: z.string() }),
  }),
]);

export type ServerEvent = z.output<typeof serverEvent>;

const KNOWN_TYPES: ReadonlySet<string> = new Set(serverEvent.options.map((option) => option.shape.type.value));

/** `other`: a type of no interest to us. `nonsense`: no event of this protocol, or one that is not as it must be. */
export function readServerEvent(text: string): ServerEvent | 'other' | 'nonsense' {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return 'nonsense';
  }
  const type = (json as { readonly type?: unknown } | null)?.type;
  if (typeof type !== 'string') return 'nonsense';
  if (!KNOWN_TYPES.has(type)) return 'other';
  const result = serverEvent.safeParse(json);
  return result.success ? result.data : 'nonsense';
}

export type RealtimeVoice = {
  readonly model: string;
  readonly instructions: string;
  readonly voice: string;
  readonly audio: keyof typeof REALTIME_SOUND;
  /** Who finds the caller's turns. */
  readonly turnDetection: 'server_vad' | 'semantic_vad' | 'linecard';
  /** Of the server's turn detection; absent: its own. */
  readonly waits?: WantedWaits;
  /** Model that writes down what the caller says; null: nobody does, and the history lacks it. */
  readonly transcriptionModel: string | null;
};

/** How a session is to be: one format both ways; the server's turn taking, which also cancels what it says, or none. */
export function sessionRequest(voice: RealtimeVoice, tools: readonly ToolDescription[]): RealtimeSessionCreateRequest {
  const { instructions, audio, transcriptionModel } = voice;
  const format = OFFICIAL_FORMATS[audio];
  return {
    type: 'realtime',
    output_modalities: ['audio'],
    ...(instructions === '' ? {} : { instructions }),
    audio: {
      input: {
        format,
        turn_detection: turnDetectionOf(voice),
        ...(transcriptionModel === null ? {} : { transcription: { model: transcriptionModel } }),
      },
      output: { format, voice: voice.voice },
    },
    tools: tools.map(({ name, description, inputSchema }) => ({
      type: 'function' as const,
      name,
      description,
      parameters: inputSchema,
    })),
    tool_choice: 'auto',
  };
}

/** By silence the server waits for so long; by what was said for 2, 4 or 8 s at most (the description of `eagerness`). */
function turnDetectionOf({ turnDetection, waits = {} }: RealtimeVoice): RealtimeAudioInputTurnDetection | null {
  const { minWaitMs, maxWaitMs } = waits;
  const answers = { create_response: true, interrupt_response: true };
  switch (turnDetection) {
    case 'linecard':
      return null;
    case 'server_vad':
      return {
        type: turnDetection,
        ...answers,
        ...(minWaitMs === undefined ? {} : { silence_duration_ms: minWaitMs }),
      };
    case 'semantic_vad':
      return {
        type: turnDetection,
        ...answers,
        ...(maxWaitMs === undefined ? {} : { eagerness: eagernessOf(maxWaitMs) }),
      };
    default:
      return assertNever(turnDetection);
  }
}

function eagernessOf(maxWaitMs: number): 'low' | 'medium' | 'high' {
  if (maxWaitMs <= 2000) return 'high';
  return maxWaitMs <= 4000 ? 'medium' : 'low';
}

/** A turn of the conversation so far, as an item. */
export function historyItem(turn: AgentCall['history'][number]): ClientEvent {
  switch (turn.who) {
    case 'caller':
      return userText(turn.text);
    case 'agent':
      return {
        type: 'conversation.item.create',
        item: { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: turn.text }] },
      };
    case 'human':
      return systemText(`A colleague on the line said: ${turn.text}`);
  }
}

/** What the caller did other than by voice. */
export function userText(text: string): ClientEvent {
  return {
    type: 'conversation.item.create',
    item: { type: 'message', role: 'user', content: [{ type: 'input_text', text }] },
  };
}

/** What the model has to know and the caller did not say. */
export function systemText(text: string): ClientEvent {
  return {
    type: 'conversation.item.create',
    item: { type: 'message', role: 'system', content: [{ type: 'input_text', text }] },
  };
}
