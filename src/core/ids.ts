import { randomUUID } from 'node:crypto';

/** A string that only one kind of thing may carry; the brand exists for the compiler alone. */
type Branded<Name extends string> = string & { readonly __brand: Name };

/** One conversation from the first ring to the last hang-up, whatever legs and channels it used. */
export type CallId = Branded<'CallId'>;
/** One party's media in a call. For AudioSocket it is the UUID on the wire (RFC 9562 text form, lower case). */
export type LegId = Branded<'LegId'>;
/** A channel of the PBX (Asterisk uniqueid, FreeSWITCH uuid). */
export type ChannelId = Branded<'ChannelId'>;
/** A mixing or holding bridge of the PBX. */
export type BridgeId = Branded<'BridgeId'>;
/** One stretch of agent speech that is heard, cut or dropped as a whole. */
export type SegmentId = Branded<'SegmentId'>;

const UUID_PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function newCallId(): CallId {
  return randomUUID() as CallId;
}

export function newLegId(): LegId {
  return randomUUID() as LegId;
}

/** Channel and bridge ids are chosen by us, so that a command may be repeated after a timeout. */
export function newChannelId(): ChannelId {
  return `linecard-${randomUUID()}` as ChannelId;
}

export function newBridgeId(): BridgeId {
  return `linecard-${randomUUID()}` as BridgeId;
}

export function newSegmentId(): SegmentId {
  return randomUUID() as SegmentId;
}

const OWN_ID_PATTERN = /^linecard-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whether we chose this channel or bridge id. The prefix alone does not tell: a PBX may be called `linecard-…` itself. */
export function isOwnId(id: string): boolean {
  return OWN_ID_PATTERN.test(id);
}

/** Reads a UUID in its text form, any case; `null` when it is none. */
export function parseLegId(text: string): LegId | null {
  const lower = text.toLowerCase();
  return UUID_PATTERN.test(lower) ? (lower as LegId) : null;
}
