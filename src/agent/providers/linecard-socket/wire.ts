import { z } from 'zod';
import { FRAME_MS, SAMPLE_RATE_HZ } from '../../../core/units.js';
import type { AgentCall, HeardSpeech, ToolDescription, ToolResult } from '../../port.js';

const MAX_TEXT = 4000;
const id = z.string().min(1).max(100);
const text = z.string().max(MAX_TEXT);

/** What an agent may send as text; what it says comes as binary messages. Told to its author in docs/bring-your-own-bot.md. */
const agentMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('segment'), id, protected: z.boolean().default(false) }),
  z.object({
    type: z.literal('text'),
    text,
    words: z.array(z.object({ word: z.string().max(200), endMs: z.number().min(0) })).optional(),
  }),
  z.object({ type: z.literal('end') }),
  z.object({ type: z.literal('clear') }),
  z.object({ type: z.literal('callerSaid'), text }),
  z.object({ type: z.literal('callerSays'), text }),
  z.object({ type: z.literal('tool'), id, name: z.string().max(100), input: z.unknown() }),
  z.object({ type: z.literal('done'), reason: z.string().max(500).default('the agent ended the call') }),
  z.object({ type: z.literal('failed'), reason: z.string().max(500).default('no reason given') }),
]);

export type AgentMessage = z.output<typeof agentMessage>;

/** Reads a message of the agent's; a sentence about what is wrong when it is none. */
export function readAgentMessage(message: string): AgentMessage | { readonly type: 'nonsense'; readonly why: string } {
  let json: unknown;
  try {
    json = JSON.parse(message);
  } catch {
    return { type: 'nonsense', why: 'a text message that is not JSON' };
  }
  const result = agentMessage.safeParse(json);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  return { type: 'nonsense', why: `${issue?.path.join('.') || 'message'}: ${issue?.message ?? 'not allowed'}` };
}

/** What the agent is told at the beginning. */
export type Start = {
  readonly call: AgentCall;
  readonly greeting: string;
  readonly instructions: string;
  readonly voice: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly tools: readonly ToolDescription[];
  readonly turnTaking: 'linecard' | 'agent';
};

/** What we send as text. */
export type LinecardMessage =
  | { readonly type: 'answered' }
  | { readonly type: 'digit'; readonly digit: string }
  | { readonly type: 'callerStarted'; readonly spokenMs: number }
  | { readonly type: 'callerFinished' }
  | {
      readonly type: 'heard';
      readonly segment: string | null;
      readonly heardMs: number;
      readonly text: string;
      readonly interrupted: boolean;
    }
  | { readonly type: 'toolResult'; readonly id: string; readonly ok: true; readonly value: unknown }
  | { readonly type: 'toolResult'; readonly id: string; readonly ok: false; readonly message: string }
  | { readonly type: 'say'; readonly text: string }
  | { readonly type: 'instruct'; readonly text: string }
  | { readonly type: 'mistake'; readonly message: string }
  | { readonly type: 'ended' };

/** Version of the protocol: it rises when an agent of today would misunderstand us. New keys and messages do not count. */
const VERSION = 1;

export function writeStart({ call, ...rest }: Start): string {
  return JSON.stringify({
    type: 'start',
    version: VERSION,
    audio: { encoding: 's16le', sampleRateHz: SAMPLE_RATE_HZ, channels: 1, frameMs: FRAME_MS },
    call: { id: call.callId, caller: call.caller, extension: call.extension },
    history: call.history,
    ...(call.briefing === undefined ? {} : { briefing: call.briefing }),
    ...rest,
  });
}

export function write(message: LinecardMessage): string {
  return JSON.stringify(message);
}

/** @param name the agent's own for the segment; null where it did not give one */
export function heardMessage(name: string | null, speech: HeardSpeech): LinecardMessage {
  const { heardMs, text: words, interrupted } = speech;
  return { type: 'heard', segment: name, heardMs: Math.round(heardMs), text: words, interrupted };
}

export function resultMessage(callId: string, result: ToolResult): LinecardMessage {
  return result.ok
    ? { type: 'toolResult', id: callId, ok: true, value: result.value ?? null }
    : { type: 'toolResult', id: callId, ok: false, message: result.message };
}
