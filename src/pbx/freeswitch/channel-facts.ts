import type { Caller } from '../../core/calls.js';
import type { ChannelId } from '../../core/ids.js';
import type { EslEvent } from './esl-connection.js';

/** What is known of a FreeSWITCH channel from its events; the base of every decision about it. */
export type ChannelFacts = {
  readonly channelId: ChannelId;
  /** `inbound` is a caller, `outbound` a leg that somebody originated. */
  readonly direction: 'inbound' | 'outbound';
  readonly answerState: AnswerState;
  /** Between CHANNEL_PARK and CHANNEL_UNPARK: how the channel was when it was parked. */
  readonly park: Park | null;
  /** Set by us when we send it, cleared by whatever closes it. */
  readonly unicast: 'none' | 'active';
  /** Channel-Read-Codec-Rate; null until the codec is negotiated. */
  readonly readRateHz: number | null;
  readonly codec: string | null;
  readonly ptimeMs: number;
  /** A file or a stream is being played to the party. */
  readonly playing: 'yes' | 'no';
  readonly caller: Caller;
  /** Where the call came from and where it may be handed back to. */
  readonly context: string;
  /** `linecard_extension` where the dialplan sets it, else the dialled number. */
  readonly extension: string;
  /** Value of `linecard_app`: the Linecard that the dialplan means the call for; null when it does not. */
  readonly app: string | null;
  /** Value of `linecard_leg`: the Linecard that rang this person; null for anybody else. */
  readonly leg: string | null;
  /** Value of `linecard_person`: the channel of the person whom a Linecard connected this caller with. */
  readonly person: ChannelId | null;
  /** What the dialplan's `socket` was given, where the call came by it: its connection is the caller's lifeline. */
  readonly socket: string | null;
  /** What the dialplan tells of the call: `agent` is `linecard_agent`, the others are `linecard_var_<name>`. */
  readonly variables: Readonly<Record<string, string>>;
  /** Value of `linecard_fallback`, the extension that the dialplan goes on to when we are gone. */
  readonly fallback: string | null;
  /** Value of `linecard_park`, by which a park that we asked for is known. */
  readonly parkName: string | null;
};

/** FreeSWITCH's Answer-State. */
type AnswerState = 'ringing' | 'early' | 'answered' | 'hangup' | 'unknown';

/** A park, as it began. */
type Park = { readonly answerState: AnswerState; readonly readRateHz: number | null };

/** Variable by which the dialplan says for which Linecard a call is, and we that it is no longer. */
export const APP_VARIABLE = 'linecard_app';
/** Value of it after a call was handed back: a variable cannot be taken away for sure. */
export const NO_APP = 'none';
/** Variable that names the extension where the dialled number is another. */
export const EXTENSION_VARIABLE = 'linecard_extension';
/** Variable by which a person's channel says which Linecard rang it. */
export const LEG_VARIABLE = 'linecard_leg';
/** Variable by which a caller says whom they talk with, while a Linecard watches it. */
export const PERSON_VARIABLE = 'linecard_person';
/** Variable that says what plays to a caller on hold. */
export const MUSIC_VARIABLE = 'linecard_music';
/** Variable that names the park which we asked for last. */
export const PARK_VARIABLE = 'linecard_park';
/** Variable that names the agent in the place of the extension's. */
const AGENT_VARIABLE = 'linecard_agent';
/** What prompts know as `var.<name>` is a variable of this beginning. */
const VARIABLE_PREFIX = 'linecard_var_';
/** Variable by which the dialplan says who is rung when we are gone. */
const FALLBACK_VARIABLE = 'linecard_fallback';

/** The facts after an event, from those before it; undefined when the event ends the channel or names none. */
export function applyEvent(before: ChannelFacts | undefined, event: EslEvent): ChannelFacts | undefined {
  const name = event['Event-Name'];
  if (event['Unique-ID'] === undefined || name === 'CHANNEL_HANGUP_COMPLETE') return undefined;
  const facts = factsOf(before, event);
  switch (name) {
    case 'CHANNEL_PARK': {
      const { answerState, readRateHz } = facts;
      // A new park has no unicast, whatever the last one had.
      return { ...facts, park: { answerState, readRateHz }, unicast: 'none', playing: 'no' };
    }
    case 'CHANNEL_UNPARK':
    case 'CHANNEL_BRIDGE':
    case 'CHANNEL_HANGUP':
      return { ...facts, park: null, unicast: 'none' };
    case 'PLAYBACK_START':
      return { ...facts, playing: 'yes', unicast: 'none' };
    case 'PLAYBACK_STOP':
      return { ...facts, playing: 'no' };
    default:
      return facts;
  }
}

/** What is told while we do not listen is lost: of a park nothing is known any more, so that the next unicast parks anew. */
export function afterDeafness(facts: ChannelFacts): ChannelFacts {
  return { ...facts, park: null };
}

/**
 * The one place that decides whether `unicast` may be sent. A park loop that meets it before it has read a frame ends the whole switch with
 * all its calls (an assertion in switch_ivr_park; reproduced on 1.11 for a caller who is not answered and for a ringing outbound leg). An
 * answer in mid-park does not help: the loop may be between two frames. So the park itself must have begun with media, and
 * whatever is not known to be safe is refused.
 * @returns null when it may be sent, else why not
 */
export function unicastRefusal(facts: ChannelFacts | undefined): string | null {
  if (facts === undefined) return 'the channel is not known';
  const { answerState, direction, park } = facts;
  if (answerState === 'hangup') return 'the channel has hung up';
  if (park === null) return 'the channel is not parked';
  for (const state of [answerState, park.answerState]) {
    if (state === 'answered' || (state === 'early' && direction === 'inbound')) continue;
    return `the channel is or was ${state} in this park, not answered`;
  }
  if (park.readRateHz === null || facts.readRateHz === null) return 'the codec was not negotiated when the park began';
  if (facts.unicast === 'active') return 'unicast is active on this park already';
  if (facts.playing === 'yes') return 'the channel is playing a file';
  return null;
}

function factsOf(before: ChannelFacts | undefined, event: EslEvent): ChannelFacts {
  const rateHz = Number(event['Channel-Read-Codec-Rate']);
  const ptimeMs = Number(event['variable_rtp_use_codec_ptime']);
  // Only these carry the channel's variables (switch_channel_event_set_extended_data); their absence there means something.
  const hasVariables = event['Event-Name']?.startsWith('CHANNEL_') === true;
  return {
    channelId: event['Unique-ID'] as ChannelId,
    direction: event['Call-Direction'] === 'outbound' ? 'outbound' : 'inbound',
    answerState: answerStateOf(event['Answer-State']),
    park: before?.park ?? null,
    unicast: before?.unicast ?? 'none',
    playing: before?.playing ?? 'no',
    readRateHz: rateHz > 0 ? rateHz : (before?.readRateHz ?? null),
    codec: event['Channel-Read-Codec-Name'] ?? before?.codec ?? null,
    ptimeMs: ptimeMs > 0 ? ptimeMs : (before?.ptimeMs ?? 20),
    caller: {
      number: event['Caller-Caller-ID-Number'] ?? before?.caller.number ?? '',
      name: event['Caller-Caller-ID-Name'] ?? before?.caller.name ?? '',
    },
    context: event['Caller-Context'] ?? before?.context ?? 'default',
    extension: event[`variable_${EXTENSION_VARIABLE}`] ?? event['Caller-Destination-Number'] ?? before?.extension ?? '',
    app: hasVariables ? (event[`variable_${APP_VARIABLE}`] ?? null) : (before?.app ?? null),
    leg: hasVariables ? (event[`variable_${LEG_VARIABLE}`] ?? null) : (before?.leg ?? null),
    person: hasVariables ? toChannelId(event[`variable_${PERSON_VARIABLE}`]) : (before?.person ?? null),
    socket:
      event['variable_current_application'] === 'socket'
        ? (event['variable_current_application_data'] ?? null)
        : (before?.socket ?? null),
    variables: hasVariables ? variablesOf(event) : (before?.variables ?? {}),
    fallback: event[`variable_${FALLBACK_VARIABLE}`] ?? before?.fallback ?? null,
    parkName: event[`variable_${PARK_VARIABLE}`] ?? before?.parkName ?? null,
  };
}

function toChannelId(text: string | undefined): ChannelId | null {
  return text === undefined || text === '' ? null : (text as ChannelId);
}

function variablesOf(event: EslEvent): Readonly<Record<string, string>> {
  const variables: Record<string, string> = {};
  const agent = event[`variable_${AGENT_VARIABLE}`];
  if (agent !== undefined && agent !== '') variables['agent'] = agent;
  const prefix = `variable_${VARIABLE_PREFIX}`;
  for (const [name, value] of Object.entries(event)) {
    if (name.startsWith(prefix) && value !== undefined) variables[name.slice(prefix.length)] = value;
  }
  return variables;
}

function answerStateOf(text: string | undefined): AnswerState {
  switch (text) {
    case 'ringing':
    case 'early':
    case 'answered':
    case 'hangup':
      return text;
    default:
      return 'unknown';
  }
}
