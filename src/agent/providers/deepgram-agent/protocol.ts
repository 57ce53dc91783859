import { z } from 'zod';
import { SAMPLE_RATE_HZ } from '../../../core/units.js';
import type { AgentCall, ToolDescription } from '../../port.js';
import type { WantedWaits } from '../../turn-taking.js';
import type { ModelProtocol } from '../model-socket.js';
import type { SoundFormat } from '../sound-format.js';

/** Both ways, in binary messages; its voices speak at our rate, so nothing is converted. */
export const DEEPGRAM_SOUND: SoundFormat = { coding: 'pcm', rateHz: SAMPLE_RATE_HZ };

/** How the agent is to be. */
export type DeepgramMind = {
  readonly instructions: string;
  readonly voice: string;
  readonly stt: {
    readonly model: string;
    /** Null: the model's own, or it finds out. */
    readonly language: string | null;
  };
  /** Absent: the recognizer's own. */
  readonly waits?: WantedWaits;
  readonly llm: {
    readonly provider: 'openai' | 'anthropic' | 'google';
    readonly model: string;
    /** Null: the model's own. */
    readonly temperature: number | null;
  };
};

/** What we send; held to the official types by `test/agent/providers/deepgram-agent-types.test.ts`. */
export type ClientMessage =
  | Settings
  | { readonly type: 'InjectAgentMessage'; readonly message: string; readonly behavior: 'queue' }
  | { readonly type: 'InjectUserMessage'; readonly content: string }
  | { readonly type: 'UpdatePrompt'; readonly prompt: string }
  | { readonly type: 'FunctionCallResponse'; readonly id: string; readonly name: string; readonly content: string }
  | { readonly type: 'KeepAlive' };

type Settings = {
  readonly type: 'Settings';
  readonly audio: {
    readonly input: { readonly encoding: 'linear16'; readonly sample_rate: number };
    readonly output: { readonly encoding: 'linear16'; readonly sample_rate: number; readonly container: 'none' };
  };
  readonly agent: {
    readonly context?: { readonly messages: HistoryMessage[] };
    readonly listen: { readonly provider: ListenProvider };
    readonly think: {
      readonly provider: { readonly type: ThinkType; readonly model: string; readonly temperature?: number };
      readonly prompt?: string;
      readonly functions?: DeepgramFunction[];
    };
    readonly speak: {
      readonly provider: { readonly type: 'deepgram'; readonly version?: 'v2'; readonly model: string };
    };
  };
};

type HistoryMessage = { readonly type: 'History'; readonly role: 'user' | 'assistant'; readonly content: string };

type ListenProvider =
  | { readonly type: 'deepgram'; readonly version: 'v1'; readonly model: string; readonly language?: string }
  | {
      readonly type: 'deepgram';
      readonly version: 'v2';
      readonly model: string;
      readonly language_hints?: string[];
      readonly eot_timeout_ms?: number;
    };

type ThinkType = (typeof THINK_TYPES)[keyof typeof THINK_TYPES];

type DeepgramFunction = {
  readonly name: string;
  readonly description: string;
  readonly parameters: Record<string, unknown>;
  /** Not while the caller may still be speaking: a transfer cannot be taken back. */
  readonly defer_until_eot: true;
};

/** The shortest wait that Flux takes, whatever it believes to have been said. */
const MIN_END_OF_TURN_MS = 500;

const THINK_TYPES = { openai: 'open_ai', anthropic: 'anthropic', google: 'google' } as const;

/** @param history of an earlier session */
export function settingsOf(
  { instructions, voice, stt, llm, waits }: DeepgramMind,
  tools: readonly ToolDescription[],
  history: AgentCall['history'],
): Settings {
  const { temperature } = llm;
  return {
    type: 'Settings',
    audio: {
      input: { encoding: 'linear16', sample_rate: SAMPLE_RATE_HZ },
      output: { encoding: 'linear16', sample_rate: SAMPLE_RATE_HZ, container: 'none' },
    },
    agent: {
      ...(history.length === 0 ? {} : { context: { messages: history.map(historyMessage) } }),
      listen: { provider: listenProvider(stt, waits) },
      think: {
        provider: {
          type: THINK_TYPES[llm.provider],
          model: llm.model,
          ...(temperature === null ? {} : { temperature }),
        },
        ...(instructions === '' ? {} : { prompt: instructions }),
        ...(tools.length === 0 ? {} : { functions: tools.map(functionOf) }),
      },
      speak: { provider: { type: 'deepgram', ...(isFlux(voice) ? { version: 'v2' } : {}), model: voice } },
    },
  };
}

/** The family that has an interface of its own, of recognizers and of voices. */
export function isFlux(model: string): boolean {
  return model.startsWith('flux-');
}

function listenProvider({ model, language }: DeepgramMind['stt'], waits: WantedWaits = {}): ListenProvider {
  if (!isFlux(model)) {
    return { type: 'deepgram', version: 'v1', model, ...(language === null ? {} : { language }) };
  }
  // The others of the family speak one language, and refuse to be told which.
  const hints = language === null || model !== 'flux-general-multi' ? {} : { language_hints: [language] };
  const { maxWaitMs } = waits;
  const timeout = maxWaitMs === undefined ? {} : { eot_timeout_ms: Math.max(maxWaitMs, MIN_END_OF_TURN_MS) };
  return { type: 'deepgram', version: 'v2', model, ...hints, ...timeout };
}

function historyMessage({ who, text }: AgentCall['history'][number]): HistoryMessage {
  if (who === 'agent') return { type: 'History', role: 'assistant', content: text };
  return { type: 'History', role: 'user', content: who === 'human' ? `[A colleague on the line said: ${text}]` : text };
}

function functionOf({ name, description, inputSchema }: ToolDescription): DeepgramFunction {
  return { name, description, parameters: inputSchema, defer_until_eot: true };
}

/** What we read of what the server sends as JSON. */
export const serverMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('SettingsApplied') }),
  z.object({ type: z.literal('ConversationText'), role: z.string(), content: z.string() }),
  z.object({ type: z.literal('UserStartedSpeaking') }),
  z.object({ type: z.literal('AgentAudioDone') }),
  z.object({
    type: z.literal('FunctionCallRequest'),
    functions: z.array(z.object({ id: z.string(), name: z.string(), arguments: z.string(), client_side: z.boolean() })),
  }),
  z.object({ type: z.literal('FunctionCallCancelled'), functions: z.array(z.object({ id: z.string() })) }),
  z.object({ type: z.literal('InjectionRefused'), message: z.string() }),
  z.object({ type: z.literal('Warning'), code: z.string(), description: z.string() }),
  z.object({ type: z.literal('Error'), code: z.string(), description: z.string() }),
]);

/** `Audio` is ours, for a binary message; `other`: a type of no interest to us. */
export type ServerMessage =
  z.output<typeof serverMessage> | { readonly type: 'Audio'; readonly bytes: Buffer } | { readonly type: 'other' };

const KNOWN_TYPES: ReadonlySet<string> = new Set(serverMessage.options.map((option) => option.shape.type.value));
const anyMessage = z.object({ type: z.string() });

/** How a session by this protocol is kept. */
export const deepgramProtocol: ModelProtocol<ServerMessage> = {
  read: (data) => (typeof data === 'string' ? readServerMessage(data) : { type: 'Audio', bytes: data }),
  confirms: ({ type }) => type === 'SettingsApplied',
  answers: ({ type }) => type === 'Audio' || type === 'FunctionCallRequest',
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
