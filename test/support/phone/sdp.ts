import type { SipAddress } from './sip-socket.js';

export type CodecName = 'PCMU' | 'PCMA' | 'G722' | 'OPUS';
export type MediaDirection = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

/** Static ones of RFC 3551; Opus has the number that Asterisk gives it. */
export const PAYLOAD_TYPES: Readonly<Record<CodecName, number>> = { PCMU: 0, PCMA: 8, G722: 9, OPUS: 107 };
/** Ticks a second: of G.722 by an old mistake, of Opus by RFC 7587. */
export const RTP_CLOCKS_HZ: Readonly<Record<CodecName, number>> = { PCMU: 8000, PCMA: 8000, G722: 8000, OPUS: 48_000 };
const EVENT_CLOCK_HZ = 8000;
const EVENT_PAYLOAD_TYPE = 101;

/** What a session description says about the one audio stream. */
export type AudioDescription = {
  readonly address: SipAddress;
  /** Codecs that this phone speaks, in the order of the description. */
  readonly codecs: readonly CodecName[];
  /** Payload type of RFC 4733 events; null when there are none. */
  readonly eventPayloadType: number | null;
  readonly direction: MediaDirection;
};

export function formatSdp(
  description: Omit<AudioDescription, 'eventPayloadType'> & {
    readonly version: number;
    readonly eventPayloadType?: number;
  },
): string {
  const { address, codecs, direction, version } = description;
  const events = description.eventPayloadType ?? EVENT_PAYLOAD_TYPE;
  const types = codecs.map((codec) => PAYLOAD_TYPES[codec]);
  return [
    'v=0',
    `o=phone 1 ${version} IN IP4 ${address.host}`,
    's=phone',
    `c=IN IP4 ${address.host}`,
    't=0 0',
    `m=audio ${address.port} RTP/AVP ${[...types, events].join(' ')}`,
    ...codecs.map((codec) => `a=rtpmap:${PAYLOAD_TYPES[codec]} ${rtpName(codec)}`),
    `a=rtpmap:${events} telephone-event/${EVENT_CLOCK_HZ}`,
    `a=fmtp:${events} 0-16`,
    'a=ptime:20',
    `a=${direction}`,
    '',
  ].join('\r\n');
}

/** Null when there is no audio stream. */
export function parseSdp(text: string): AudioDescription | null {
  const media = /^m=audio (\d+) \S+ (.*)$/m.exec(text);
  const host = /^c=IN IP4 (\S+)/m.exec(text)?.[1];
  if (media === null || host === undefined) return null;
  const types = (media[2] ?? '').trim().split(/\s+/).map(Number);
  const events = /^a=rtpmap:(\d+) telephone-event\/8000/im.exec(text)?.[1];
  const direction = /^a=(sendrecv|sendonly|recvonly|inactive)\s*$/m.exec(text)?.[1];
  const names = Object.keys(PAYLOAD_TYPES) as CodecName[];
  return {
    address: { host, port: Number(media[1]) },
    codecs: types.flatMap((type) => names.find((name) => PAYLOAD_TYPES[name] === type) ?? []),
    eventPayloadType: events === undefined ? null : Number(events),
    direction: (direction ?? 'sendrecv') as MediaDirection,
  };
}

function rtpName(codec: CodecName): string {
  return codec === 'OPUS' ? 'opus/48000/2' : `${codec}/${RTP_CLOCKS_HZ[codec]}`;
}
