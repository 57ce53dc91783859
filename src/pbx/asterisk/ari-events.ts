import type { Caller } from '../../core/calls.js';
import type { BridgeId, ChannelId } from '../../core/ids.js';
import type { HangUpCause } from '../port.js';

/** A channel as ARI describes it, as far as we read it. */
export type AriChannel = {
  readonly id: ChannelId;
  /** `PJSIP/6001-00000007`, `Local/7000@phones-00000001;2`. */
  readonly name: string;
  readonly state: string;
  readonly caller: Caller;
  readonly context: string;
  readonly extension: string;
  /** The dialplan application it is in, and its arguments: `Stasis` and `linecard,7000`. */
  readonly appName: string;
  readonly appData: string;
  readonly createdAtMs: number;
};

export type AriBridge = {
  readonly id: BridgeId;
  readonly name: string;
  readonly channels: readonly ChannelId[];
};

/** The events we act upon; everything else is null. */
export type AriEvent =
  | {
      readonly kind: 'entered';
      readonly app: string;
      readonly args: readonly string[];
      readonly channel: AriChannel;
      /** A transfer by a phone: it stands where this one was. */
      readonly replacedChannelId: ChannelId | null;
    }
  | { readonly kind: 'gone'; readonly channelId: ChannelId; readonly cause: HangUpCause }
  | { readonly kind: 'digit'; readonly channelId: ChannelId; readonly digit: string; readonly stamp: string }
  | { readonly kind: 'hold'; readonly channelId: ChannelId; readonly held: 'held' | 'resumed' }
  /** How far a leg that we dial has come: empty, then RINGING, PROGRESS, ANSWER, BUSY, … */
  | { readonly kind: 'dialled'; readonly channelId: ChannelId; readonly status: string }
  | { readonly kind: 'replaced'; readonly app: string };

/** Names of the events above: a PBX that can is asked for no others (a call makes about 25). */
export const WANTED_EVENTS = [
  'StasisStart',
  'StasisEnd',
  'ChannelHangupRequest',
  'ChannelDestroyed',
  'ChannelDtmfReceived',
  'ChannelHold',
  'ChannelUnhold',
  'Dial',
  'ApplicationReplaced',
] as const;

/** Reads an event; null when it is none of ours or lacks what it must have. */
export function readEvent(raw: unknown): AriEvent | null {
  const type = text(raw, 'type') as (typeof WANTED_EVENTS)[number];
  if (type === 'ApplicationReplaced') return { kind: 'replaced', app: text(raw, 'application') };
  const channel = readChannel(field(raw, type === 'Dial' ? 'peer' : 'channel'));
  if (channel === null) return null;
  const channelId = channel.id;
  switch (type) {
    case 'StasisStart': {
      const args = field(raw, 'args');
      return {
        kind: 'entered',
        app: text(raw, 'application'),
        args: Array.isArray(args) ? args.filter((arg) => typeof arg === 'string') : [],
        channel,
        replacedChannelId: readChannel(field(raw, 'replace_channel'))?.id ?? null,
      };
    }
    case 'StasisEnd':
      return { kind: 'gone', channelId, cause: 'normal' };
    case 'ChannelHangupRequest':
      return { kind: 'gone', channelId, cause: field(raw, 'soft') === true ? readSoftCause(raw) : readCause(raw) };
    case 'ChannelDestroyed':
      return { kind: 'gone', channelId, cause: readCause(raw) };
    case 'ChannelDtmfReceived': {
      const digit = text(raw, 'digit').toUpperCase();
      if (!/^[0-9*#A-D]$/.test(digit)) return null;
      return { kind: 'digit', channelId, digit, stamp: text(raw, 'timestamp') };
    }
    case 'Dial':
      return { kind: 'dialled', channelId, status: text(raw, 'dialstatus') };
    case 'ChannelHold':
      return { kind: 'hold', channelId, held: 'held' };
    case 'ChannelUnhold':
      return { kind: 'hold', channelId, held: 'resumed' };
    default:
      return null;
  }
}

/** Reads a list of channels; those without an id are left out. */
export function readChannels(raw: unknown): AriChannel[] {
  return Array.isArray(raw) ? raw.map(readChannel).filter((channel) => channel !== null) : [];
}

/** Reads a list of bridges; those without an id are left out. */
export function readBridges(raw: unknown): AriBridge[] {
  if (!Array.isArray(raw)) return [];
  return raw
    .map((bridge: unknown) => {
      const channels = field(bridge, 'channels');
      return {
        id: text(bridge, 'id') as BridgeId,
        name: text(bridge, 'name'),
        channels: (Array.isArray(channels) ? channels.filter((id) => typeof id === 'string') : []) as ChannelId[],
      };
    })
    .filter((bridge) => bridge.id !== '');
}

/** Q.850 in words. Missing is normal: an event that tells no cause tells of no failure. */
export function causeFromQ850(code: number): HangUpCause {
  switch (code) {
    case 0:
    case 16:
      return 'normal';
    case 17:
      return 'busy';
    case 18:
    case 19:
      return 'noAnswer';
    case 21:
      return 'declined';
    case 3:
    case 20:
    case 27:
      return 'unreachable';
    case 26: // answered elsewhere
      return 'cancelled';
    default:
      return 'failed';
  }
}

/** The word that `DELETE /channels/{id}?reason=` knows. */
export function reasonForHangUp(cause: HangUpCause): string {
  const reasons = {
    normal: 'normal',
    busy: 'busy',
    noAnswer: 'no_answer',
    declined: 'rejected',
    unreachable: 'unallocated',
    cancelled: 'normal',
    lost: 'failure',
    failed: 'failure',
  } as const satisfies Record<HangUpCause, string>;
  return reasons[cause];
}

function readChannel(raw: unknown): AriChannel | null {
  const id = text(raw, 'id');
  if (id === '') return null;
  const caller = field(raw, 'caller');
  const dialplan = field(raw, 'dialplan');
  const createdAtMs = Date.parse(text(raw, 'creationtime'));
  return {
    id: id as ChannelId,
    name: text(raw, 'name'),
    state: text(raw, 'state'),
    caller: { number: text(caller, 'number'), name: text(caller, 'name') },
    context: text(dialplan, 'context'),
    extension: text(dialplan, 'exten'),
    appName: text(dialplan, 'app_name'),
    appData: text(dialplan, 'app_data'),
    createdAtMs: Number.isNaN(createdAtMs) ? 0 : createdAtMs,
  };
}

/** What Asterisk does by itself has a flag in the place of a Q.850 cause (`AST_SOFTHANGUP_…` of channel.h). */
const SOFT_HANGUP_SHUTDOWN = 4;

/** `core restart now` and the like hang everybody up before they end: nobody has done so. */
function readSoftCause(raw: unknown): HangUpCause {
  return field(raw, 'cause') === SOFT_HANGUP_SHUTDOWN ? 'lost' : 'normal';
}

function readCause(raw: unknown): HangUpCause {
  const cause = field(raw, 'cause');
  return causeFromQ850(typeof cause === 'number' ? cause : 0);
}

/** A member of an object that somebody else made. */
export function field(raw: unknown, name: string): unknown {
  return typeof raw === 'object' && raw !== null ? (raw as Readonly<Record<string, unknown>>)[name] : undefined;
}

/** A string member; empty when it is missing or no string. */
export function text(raw: unknown, name: string): string {
  const value = field(raw, name);
  return typeof value === 'string' ? value : '';
}
