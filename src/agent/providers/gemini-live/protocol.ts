import { z } from 'zod';
import type { AgentCall, ToolDescription } from '../../port.js';
import type { WantedWaits } from '../../turn-taking.js';
import type { ModelProtocol, ModelSocket } from '../model-socket.js';
import type { SoundFormat } from '../sound-format.js';

/** What the model says comes like this; what it hears goes as we have it. */
export const GEMINI_SOUND: SoundFormat = { coding: 'pcm', rateHz: 24_000 };

/** `BidiGenerateContentSetup`, the first message of a session. */
type Setup = {
  readonly model: string;
  readonly generationConfig: {
    readonly responseModalities: ['AUDIO'];
    readonly speechConfig?: { readonly voiceConfig: { readonly prebuiltVoiceConfig: { readonly voiceName: string } } };
  };
  readonly systemInstruction?: { readonly parts: [{ readonly text: string }] };
  readonly tools?: [{ readonly functionDeclarations: FunctionDeclaration[] }];
  readonly realtimeInputConfig: {
    readonly automaticActivityDetection: { readonly disabled: boolean; readonly silenceDurationMs?: number };
  };
  /** Present: the server tells handles by which a new session goes on where this one was. */
  readonly sessionResumption: { readonly handle?: string };
  /** Without it a session with sound ends after a quarter of an hour. */
  readonly contextWindowCompression: { readonly slidingWindow: Record<string, never> };
  readonly inputAudioTranscription: Record<string, never>;
  readonly outputAudioTranscription: Record<string, never>;
};

type FunctionDeclaration = {
  readonly name: string;
  readonly description: string;
  readonly parameters?: GeminiSchema;
};

/** What we send; held to the official types by `test/agent/providers/gemini-live-types.test.ts`. */
export type ClientMessage =
  | { readonly setup: Setup }
  | { readonly realtimeInput: { readonly text: string } }
  | { readonly realtimeInput: { readonly activityStart: Record<string, never> } }
  | { readonly realtimeInput: { readonly activityEnd: Record<string, never> } }
  | { readonly toolResponse: { readonly functionResponses: FunctionResponse[] } };

type FunctionResponse = {
  readonly id: string;
  readonly name: string;
  readonly response: { readonly result: unknown } | { readonly error: string };
};

const count = z.number().optional();
const flag = z.boolean().optional();
const transcription = z.object({ text: z.string().optional() }).optional();

/** What we read of what the server sends: any of these may come together. */
export const serverMessage = z.object({
  setupComplete: z.looseObject({}).optional(),
  serverContent: z
    .object({
      modelTurn: z
        .object({
          parts: z.array(z.object({ inlineData: z.object({ data: z.string().optional() }).optional() })).optional(),
        })
        .optional(),
      inputTranscription: transcription,
      outputTranscription: transcription,
      interrupted: flag,
      generationComplete: flag,
      turnComplete: flag,
    })
    .optional(),
  toolCall: z
    .object({
      functionCalls: z
        .array(
          z.object({
            id: z.string().optional(),
            name: z.string().optional(),
            args: z.record(z.string(), z.unknown()).optional(),
          }),
        )
        .optional(),
    })
    .optional(),
  toolCallCancellation: z.object({ ids: z.array(z.string()).optional() }).optional(),
  goAway: z.object({ timeLeft: z.string().optional() }).optional(),
  sessionResumptionUpdate: z.object({ newHandle: z.string().optional(), resumable: flag }).optional(),
  usageMetadata: z.object({ promptTokenCount: count, responseTokenCount: count }).optional(),
});

export type ServerMessage = z.output<typeof serverMessage>;
export type ServerContent = NonNullable<ServerMessage['serverContent']>;

/** How a session by this protocol is kept. The server sends its JSON in binary messages. */
export const geminiProtocol: ModelProtocol<ServerMessage> = {
  read: (data) => readServerMessage(data.toString()),
  confirms: ({ setupComplete }) => setupComplete !== undefined,
  answers: ({ serverContent, toolCall }) => serverContent?.modelTurn !== undefined || toolCall !== undefined,
};

export type GeminiSocket = ModelSocket<ServerMessage>;

/** @param audio s16 at 16 kHz in base64; as JSON, as it is sent 50 times a second */
export function audioMessage(audio: string): string {
  return `{"realtimeInput":{"audio":{"mimeType":"audio/pcm;rate=16000","data":"${audio}"}}}`;
}

/** A message of the server's; null when it is none of this protocol. */
export function readServerMessage(text: string): ServerMessage | null {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return null;
  }
  const result = serverMessage.safeParse(json);
  return result.success ? result.data : null;
}

/** A duration as protobuf writes it in JSON: `9.5s`. */
export function durationMs(text: string | undefined, otherwise: number): number {
  const seconds = /^(\d+(?:\.\d+)?)s$/.exec(text ?? '')?.[1];
  return seconds === undefined ? otherwise : Number(seconds) * 1000;
}

/** How the agent is to be. */
export type GeminiVoice = {
  readonly model: string;
  readonly instructions: string;
  /** Null: the model's own. */
  readonly voice: string | null;
  /** Who finds the caller's turns. */
  readonly turnTaking: 'linecard' | 'provider';
  /** Of the model's own turn taking; absent: its own. */
  readonly waits?: WantedWaits;
};

/** @param resume a handle, or what was said so far, for a session that is to go on with a conversation */
export function setupOf(
  { model, instructions, voice, turnTaking, waits }: GeminiVoice,
  tools: readonly ToolDescription[],
  resume: { readonly handle: string } | { readonly history: AgentCall['history'] },
): Setup {
  const told = 'handle' in resume ? instructions : withHistory(instructions, resume.history);
  const silenceMs = turnTaking === 'provider' ? waits?.minWaitMs : undefined;
  return {
    model: model.includes('/') ? model : `models/${model}`,
    generationConfig: {
      responseModalities: ['AUDIO'],
      ...(voice === null ? {} : { speechConfig: { voiceConfig: { prebuiltVoiceConfig: { voiceName: voice } } } }),
    },
    ...(told === '' ? {} : { systemInstruction: { parts: [{ text: told }] } }),
    ...(tools.length === 0 ? {} : { tools: [{ functionDeclarations: tools.map(declarationOf) }] }),
    realtimeInputConfig: {
      automaticActivityDetection: {
        disabled: turnTaking === 'linecard',
        ...(silenceMs === undefined ? {} : { silenceDurationMs: silenceMs }),
      },
    },
    sessionResumption: 'handle' in resume ? { handle: resume.handle } : {},
    contextWindowCompression: { slidingWindow: {} },
    inputAudioTranscription: {},
    outputAudioTranscription: {},
  };
}

const SPEAKERS = { caller: 'The caller', agent: 'You', human: 'A colleague on the line' } as const;

/** Models differ in whether, when and how they take turns of a conversation that was; all of them read their instructions. */
function withHistory(instructions: string, history: AgentCall['history']): string {
  if (history.length === 0) return instructions;
  const lines = history.map(({ who, text }) => `${SPEAKERS[who]}: ${text}`);
  return [instructions, 'The call has begun already. What was said so far:', ...lines].join('\n').trim();
}

function declarationOf({ name, description, inputSchema }: ToolDescription): FunctionDeclaration {
  const parameters = geminiSchema(inputSchema);
  // An object without properties is refused; a function without parameters is not.
  const takesNothing = Object.keys(parameters.properties ?? {}).length === 0;
  return { name, description, ...(takesNothing ? {} : { parameters }) };
}

/** The part of JSON Schema that this API knows; keys beyond it make it refuse the session, or call tools with nothing. */
export type GeminiSchema = {
  readonly type?: 'STRING' | 'NUMBER' | 'INTEGER' | 'BOOLEAN' | 'ARRAY' | 'OBJECT' | 'NULL';
  readonly description?: string;
  readonly enum?: string[];
  readonly nullable?: boolean;
  readonly properties?: Record<string, GeminiSchema>;
  readonly required?: string[];
  readonly items?: GeminiSchema;
  readonly anyOf?: GeminiSchema[];
};

const TYPES = {
  string: 'STRING',
  number: 'NUMBER',
  integer: 'INTEGER',
  boolean: 'BOOLEAN',
  array: 'ARRAY',
  object: 'OBJECT',
  null: 'NULL',
} as const;

const jsonSchema = z.object({
  type: z.union([z.string(), z.array(z.string())]).optional(),
  description: z.string().optional(),
  enum: z.array(z.unknown()).optional(),
  const: z.unknown().optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  required: z.array(z.string()).optional(),
  items: z.unknown().optional(),
  anyOf: z.array(z.unknown()).optional(),
  oneOf: z.array(z.unknown()).optional(),
});

/** A tool's JSON Schema as far as this API can take it; what it cannot is checked by the tool itself. */
export function geminiSchema(schema: unknown): GeminiSchema {
  const result = jsonSchema.safeParse(schema);
  if (!result.success) return {};
  const { type, description, properties, required, items } = result.data;
  const types = (typeof type === 'string' ? [type] : (type ?? [])).flatMap((name) =>
    name in TYPES ? [name as keyof typeof TYPES] : [],
  );
  const main = types.find((name) => name !== 'null');
  const values = result.data.enum ?? (result.data.const === undefined ? undefined : [result.data.const]);
  const options = result.data.anyOf ?? result.data.oneOf;
  return {
    ...(main === undefined ? {} : { type: TYPES[main] }),
    ...(types.length > 1 && types.includes('null') ? { nullable: true } : {}),
    ...(description === undefined ? {} : { description }),
    // Values of other types than text have no enum here.
    ...(main === 'string' && values !== undefined ? { enum: values.map(String) } : {}),
    ...(properties === undefined
      ? {}
      : { properties: Object.fromEntries(Object.entries(properties).map(([key, of]) => [key, geminiSchema(of)])) }),
    ...(required === undefined || required.length === 0 ? {} : { required }),
    ...(items === undefined ? {} : { items: geminiSchema(items) }),
    ...(options === undefined ? {} : { anyOf: options.map(geminiSchema) }),
  };
}
