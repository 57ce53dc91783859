import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { AgentCall, ToolDescription } from '../../port.js';
import type { WantedWaits } from '../../turn-taking.js';

/** What the model says comes at this rate; what it hears goes as we have it. */
export const NOVA_RATE_HZ = 24_000;
/** An answer on the telephone is much shorter. */
const MAX_TOKENS = 1024;

const TEXT = { mediaType: 'text/plain' } as const;
const AUDIO = {
  audioType: 'SPEECH',
  encoding: 'base64',
  mediaType: 'audio/lpcm',
  sampleSizeBits: 16,
  channelCount: 1,
} as const;

/** How the agent is to be. */
export type NovaVoice = {
  readonly model: string;
  readonly instructions: string;
  readonly voice: string;
  /** Absent: the model's own. */
  readonly waits?: WantedWaits;
};

/** One event of ours: a key with what belongs to it. */
export type InputEvent = { readonly event: Readonly<Record<string, unknown>> };

/** The names of one session: every event of ours bears the prompt's, sound the audio's. */
export class SonicScript {
  readonly #promptName: string = randomUUID();
  readonly #audioName: string = randomUUID();

  /** The session, the prompt, the instructions, what was said so far, and sound that has no end. */
  opening(voice: NovaVoice, tools: readonly ToolDescription[], history: AgentCall['history']): InputEvent[] {
    const promptName = this.#promptName;
    return [
      {
        event: {
          sessionStart: {
            inferenceConfiguration: { maxTokens: MAX_TOKENS, topP: 0.9, temperature: 0.7 },
            ...turnDetection(voice),
          },
        },
      },
      {
        event: {
          promptStart: {
            promptName,
            textOutputConfiguration: TEXT,
            audioOutputConfiguration: { ...AUDIO, sampleRateHertz: NOVA_RATE_HZ, voiceId: voice.voice },
            ...(tools.length === 0 ? {} : toolConfiguration(tools)),
          },
        },
      },
      ...this.#text('SYSTEM', voice.instructions || 'You are a helpful voice on the telephone.', false),
      ...turnsOf(history).flatMap(({ role, text }) => this.#text(role, text, false)),
      {
        event: {
          contentStart: {
            promptName,
            contentName: this.#audioName,
            type: 'AUDIO',
            interactive: true,
            role: 'USER',
            audioInputConfiguration: { ...AUDIO, sampleRateHertz: 16_000 },
          },
        },
      },
    ];
  }

  /** Words for the model in the middle of the conversation. */
  words(text: string): InputEvent[] {
    return this.#text('USER', text, true);
  }

  toolResult(toolUseId: string, content: string): InputEvent[] {
    const names = { promptName: this.#promptName, contentName: randomUUID() };
    const start = {
      ...names,
      interactive: false,
      type: 'TOOL',
      role: 'TOOL',
      toolResultInputConfiguration: { toolUseId, type: 'TEXT', textInputConfiguration: TEXT },
    };
    return [
      { event: { contentStart: start } },
      { event: { toolResult: { ...names, content } } },
      { event: { contentEnd: names } },
    ];
  }

  /** @param audio s16 at 16 kHz in base64; as JSON, as it is sent 50 times a second */
  audio(audio: string): string {
    return `{"event":{"audioInput":{"promptName":"${this.#promptName}","contentName":"${this.#audioName}","content":"${audio}"}}}`;
  }

  closing(): InputEvent[] {
    const promptName = this.#promptName;
    return [
      { event: { contentEnd: { promptName, contentName: this.#audioName } } },
      { event: { promptEnd: { promptName } } },
      { event: { sessionEnd: {} } },
    ];
  }

  #text(role: 'SYSTEM' | 'USER' | 'ASSISTANT', content: string, interactive: boolean): InputEvent[] {
    const names = { promptName: this.#promptName, contentName: randomUUID() };
    return [
      { event: { contentStart: { ...names, type: 'TEXT', interactive, role, textInputConfiguration: TEXT } } },
      { event: { textInput: { ...names, content } } },
      { event: { contentEnd: names } },
    ];
  }
}

/** The first version of the model cannot be told how long to wait. */
export function takesWaits(model: string): boolean {
  return !model.includes('nova-sonic-v1');
}

/** The pauses that end a turn are 1.5, 1.75 and 2 s ("Turn-taking controllability" in Amazon's guide): the shortest that is not shorter than wanted. */
function turnDetection({ model, waits }: NovaVoice): object {
  const waitMs = waits?.minWaitMs;
  if (waitMs === undefined || !takesWaits(model)) return {};
  const endpointingSensitivity = waitMs <= 1500 ? 'HIGH' : waitMs <= 1750 ? 'MEDIUM' : 'LOW';
  return { turnDetectionConfiguration: { endpointingSensitivity } };
}

function toolConfiguration(tools: readonly ToolDescription[]): object {
  return {
    toolUseOutputConfiguration: { mediaType: 'application/json' },
    toolConfiguration: {
      tools: tools.map(({ name, description, inputSchema }) => ({
        toolSpec: { name, description, inputSchema: { json: JSON.stringify(inputSchema) } },
      })),
    },
  };
}

/** A history begins with the caller, and nobody has two turns in a row. */
function turnsOf(history: AgentCall['history']): { readonly role: 'USER' | 'ASSISTANT'; readonly text: string }[] {
  const turns: { role: 'USER' | 'ASSISTANT'; text: string }[] = [];
  for (const { who, text } of history) {
    const role = who === 'agent' ? 'ASSISTANT' : 'USER';
    const words = who === 'human' ? `[A colleague on the line said: ${text}]` : text;
    const last = turns.at(-1);
    if (last?.role === role) last.text += ` ${words}`;
    else turns.push({ role, text: words });
  }
  return turns[0]?.role === 'ASSISTANT' ? [{ role: 'USER', text: '[The call begins.]' }, ...turns] : turns;
}

const contentId = z.string();

/** What we read of what the model sends. */
const outputEvent = z.object({
  contentStart: z
    .object({
      contentId,
      type: z.enum(['TEXT', 'AUDIO', 'TOOL']),
      role: z.string(),
      /** JSON in a text; `generationStage` is SPECULATIVE for what is about to be said, FINAL for what was. */
      additionalModelFields: z.string().optional(),
    })
    .optional(),
  textOutput: z.object({ contentId, content: z.string() }).optional(),
  audioOutput: z.object({ contentId, content: z.string() }).optional(),
  toolUse: z.object({ contentId, toolName: z.string(), toolUseId: z.string(), content: z.string() }).optional(),
  contentEnd: z.object({ contentId, stopReason: z.string().optional() }).optional(),
  usageEvent: z.object({ totalInputTokens: z.number(), totalOutputTokens: z.number() }).optional(),
});

export type OutputEvent = z.output<typeof outputEvent>;

const output = z.object({ event: outputEvent });

/** A message of the model's; null when it is none of this protocol. */
export function readOutput(text: string): OutputEvent | null {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return null;
  }
  const result = output.safeParse(json);
  return result.success ? result.data.event : null;
}
