import { LinecardError } from '../../core/errors.js';
import type { ChannelId } from '../../core/ids.js';
import type { ChannelInfo } from '../port.js';
import type { ChannelFacts } from './channel-facts.js';
import type { EslEvent } from './esl-connection.js';

/** One channel as FreeSWITCH's own table has it. */
export type ChannelRow = {
  readonly channelId: ChannelId;
  readonly direction: 'inbound' | 'outbound';
  /** `waiting`: in our `socket` or `park`; `connected`: with a person, by us. */
  readonly state: 'waiting' | 'connected' | 'elsewhere';
  readonly createdAtMs: number;
};

/** Reads `show channels as json`; rows without a uuid are left out. Throws PBX_REFUSED for anything else. */
export function readRows(text: string): ChannelRow[] {
  const parsed = parseObject(text);
  if (parsed === null) throw new LinecardError('PBX_REFUSED', 'FreeSWITCH does not list its channels as JSON');
  // Without a channel there is only row_count.
  const rows: unknown = parsed['rows'] ?? [];
  return Array.isArray(rows) ? rows.flatMap(readRow) : [];
}

/** Reads `uuid_dump … json`; null when it is no object. */
export function readDump(text: string): EslEvent | null {
  const parsed = parseObject(text);
  if (parsed === null) return null;
  const texts = Object.entries(parsed).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return { ...Object.fromEntries(texts), 'Event-Name': 'CHANNEL_DATA' };
}

export function toChannelInfo(facts: ChannelFacts, createdAtMs: number): ChannelInfo {
  const { channelId, direction, answerState, caller, context, leg } = facts;
  const state = answerState === 'answered' ? 'up' : 'ringing';
  // The far half of a person's loopback channel has the variable, too, and may be a caller of ours.
  const isLeg = leg !== null && direction === 'outbound';
  const extension = isLeg ? null : facts.extension;
  return { channelId, state, caller, extension, context, owner: isLeg ? 'linecard' : 'pbx', createdAtMs };
}

function readRow(row: unknown): ChannelRow[] {
  if (typeof row !== 'object' || row === null) return [];
  const { uuid, direction, application, state, created_epoch: created } = row as Readonly<Record<string, unknown>>;
  if (typeof uuid !== 'string' || uuid === '') return [];
  return [
    {
      channelId: uuid as ChannelId,
      direction: direction === 'inbound' ? 'inbound' : 'outbound',
      state: stateOf(application, state),
      createdAtMs: Number(created ?? 0) * 1000,
    },
  ];
}

function stateOf(application: unknown, state: unknown): ChannelRow['state'] {
  if (application === 'uuid_bridge') return 'connected';
  return application === 'park' || application === 'socket' || state === 'CS_PARK' ? 'waiting' : 'elsewhere';
}

function parseObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Readonly<Record<string, unknown>>)
      : null;
  } catch {
    return null; // what this function is asked
  }
}
