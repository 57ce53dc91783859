import type { Fault } from './errors.js';
import type { CallId } from './ids.js';

/** By which door the caller's audio comes in; the label of every metric. */
export type Transport = 'audiosocket' | 'unicast' | 'webrtc' | 'websocket';

/** Who calls, as the PBX says; empty strings when it does not. Untrusted text: never part of a dial string. */
export type Caller = { readonly number: string; readonly name: string };

/**
 * offered: the PBX told us, nobody answered yet. talking: with the agent. held: hears music. transferring: on the way to
 * a person. connected: with a person, and we carry the sound (a browser's call). ended: no leg of it is with us any more.
 */
export type CallState = 'offered' | 'talking' | 'held' | 'transferring' | 'connected' | 'ended';

/**
 * blind: the PBX carries the call at once. warm: a person is told who calls and why, and may decline. conference: as warm, and who takes the call is a
 * third with the caller and the agent.
 */
export type TransferMode = 'blind' | 'warm' | 'conference';

/**
 * What a supervisor does. listen: hears both, unheard. whisper: hears both, and what they write reaches the agent alone. join: a third in the conversation.
 * takeover: talks with the caller instead of the agent.
 */
export type SuperviseMode = 'listen' | 'whisper' | 'join' | 'takeover';

/** What somebody who asks for a transfer wants. `default`: as the destination's configuration says. */
export type HowToTransfer = {
  readonly mode: TransferMode | 'default';
  /** What the person is told of the caller's wish, in the agent's words; for a warm one. */
  readonly summary: string;
};

export type Outcome = {
  readonly result: 'completed' | 'transferred' | 'abandoned' | 'failed';
  readonly fault: Fault;
  /** A sentence for the admin. */
  readonly reason: string;
};

/** One utterance as it was heard: what the agent did not get to say is not in it. */
export type Turn = {
  readonly who: 'caller' | 'agent' | 'human';
  readonly text: string;
  /** Wall clock, milliseconds since 1970, when it began. */
  readonly atMs: number;
  /** How long it was audible, milliseconds. */
  readonly heardMs: number;
  /** True when the caller cut it short. */
  readonly interrupted: boolean;
};

/** A tool that an agent used. `input` and `result` are JSON, cut to 500 characters, with references in the place of secrets. */
export type ToolUse = {
  readonly tool: string;
  readonly ok: boolean;
  readonly tookMs: number;
  readonly input: string;
  readonly result: string;
};

/** What the models of a call were given and gave; `cost` in the currency of the configuration's prices, 0 without prices. */
export type Usage = { readonly inputTokens: number; readonly outputTokens: number; readonly cost: number };

export const NO_USAGE: Usage = { inputTokens: 0, outputTokens: 0, cost: 0 };

/** A limit of an agent's that a call can reach. */
export type CallLimit = 'minutes' | 'tokens' | 'cost';

/** What an agent wrote down for the person who gets the call. */
export type Note = { readonly text: string; /** Wall clock. */ readonly atMs: number };

/** Milestones in milliseconds since the call was offered; a milestone that was not reached is absent. */
export type CallTimings = {
  readonly answeredMs?: number;
  /** The media leg's first frame reached us. */
  readonly mediaMs?: number;
  /** First audible frame of the agent on the wire. */
  readonly firstAudioMs?: number;
  readonly endedMs?: number;
};

/** How a call sounded and how soon its agent answered: what phones and browsers are compared by. Null is what nobody measured. */
export type CallQuality = {
  /** From the end of the caller's speech to the agent's first frame; the median of the call. */
  readonly responseMs: number | null;
  /** From the onset of the caller's speech to the agent's last frame; the median of the call. */
  readonly bargeInMs: number | null;
  /** Frames of the caller that were made up, of all. */
  readonly concealedPercent: number | null;
  /** How long the caller was spoken to and not a sound came from there. */
  readonly oneWayMs: number;
  /** Packets, where the transport has them and their fate is told (RTCP): from the caller, and to the caller. */
  readonly uplinkLossPercent: number | null;
  readonly uplinkJitterMs: number | null;
  readonly downlinkLossPercent: number | null;
  readonly downlinkJitterMs: number | null;
  readonly roundTripMs: number | null;
};

/** A call as `GET /v1/calls` shows it (dates as ISO 8601, UTC). */
export type CallRecord = {
  readonly id: CallId;
  readonly transport: Transport;
  /** Name of the PBX in the configuration; null for dialplan AudioSocket and browser calls. */
  readonly pbx: string | null;
  readonly extension: string | null;
  readonly caller: Caller;
  readonly agent: string;
  readonly state: CallState;
  readonly codec: string | null;
  readonly sampleRateHz: number | null;
  readonly startedAt: string;
  readonly answeredAt: string | null;
  readonly endedAt: string | null;
  readonly outcome: Outcome | null;
  readonly turns: readonly Turn[];
  /** The last hundred. */
  readonly toolCalls: readonly (ToolUse & { readonly atMs: number })[];
  readonly notes: readonly Note[];
  readonly usage: Usage;
  readonly timings: CallTimings;
  /** Absent until the leg's first report. */
  readonly quality?: CallQuality;
};
