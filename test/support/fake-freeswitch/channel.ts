import type { Socket } from 'node:net';
import type { ChannelId } from '../../../src/core/ids.js';
import type { RawEvent } from '../esl-client.js';
import type { FakeUnicast } from './unicast.js';

/** An application and its data, as the dialplan has them. */
export type Action = readonly [application: string, data: string];

/** A channel of the fake: a caller's, or one that somebody originated. */
export class FakeChannel {
  readonly id: ChannelId;
  readonly direction: 'inbound' | 'outbound';
  readonly createdAtSeconds = Math.floor(Date.now() / 1000);
  readonly variables = new Map<string, string>();
  answerState: 'ringing' | 'answered' | 'hangup' = 'ringing';
  state = 'CS_EXECUTE';
  rateHz: number | null = null;
  destination: string;
  context = 'default';
  cause: string | null = null;
  /** Set between CHANNEL_PARK and CHANNEL_UNPARK: whether the park began with media, so that a unicast is safe. */
  park: 'with media' | 'without media' | null = null;
  unicast: FakeUnicast | null = null;
  /** What plays instead of it. */
  readonly displaced = new Set<string>();
  /** Nothing is read from it. */
  isMuted = false;
  /** Whom it is bridged with, and who of the two brought it about. */
  bridge: { readonly other: FakeChannel; readonly role: 'originator' | 'originatee' } | null = null;
  /** What is done when it is over, by whoever rings it. */
  onHangUp: (cause: string) => void = () => undefined;
  lifeline: Socket | null = null;
  /** Ends what the channel is doing: a transfer or a hang-up calls it. */
  interrupt: () => void = () => undefined;
  /** What is left of the extension. */
  actions: Action[] = [];

  constructor(id: ChannelId, direction: 'inbound' | 'outbound', destination: string) {
    this.id = id;
    this.direction = direction;
    this.destination = destination;
  }

  /** With the headers that the recording has. */
  event(name: string, more: RawEvent = {}): RawEvent {
    const extended = name.startsWith('CHANNEL_');
    const headers: Record<string, string | null> = {
      'Event-Name': name,
      'Unique-ID': this.id,
      'Call-Direction': this.direction,
      'Answer-State': this.answerState,
      'Channel-State': this.state,
      'Channel-Read-Codec-Name': this.rateHz === null ? null : 'PCMU',
      'Channel-Read-Codec-Rate': this.rateHz === null ? null : String(this.rateHz),
      'Caller-Context': this.context,
      'Caller-Destination-Number': this.destination,
      'Caller-Caller-ID-Number': '6001',
      'Caller-Caller-ID-Name': 'Alice',
      'Hangup-Cause': extended ? this.cause : null,
    };
    const variables = extended ? [...this.variables].map(([key, value]) => [`variable_${key}`, value] as const) : [];
    const present = Object.entries(headers).flatMap(([key, value]) => (value === null ? [] : [[key, value] as const]));
    return { ...Object.fromEntries([...present, ...variables]), ...more };
  }
}
