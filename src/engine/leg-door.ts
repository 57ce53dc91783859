import type { Transport } from '../core/calls.js';
import type { LegId } from '../core/ids.js';
import type { MediaLeg } from '../media/leg.js';
import type { LegSignal, MediaAddress, OpenSession } from './port.js';

/** A door by which legs come to a media thread; there is one for each transport. */
export interface LegDoor {
  start(): Promise<void>;
  /** A leg is coming: where it is to connect. Throws MEDIA_FULL when this door has no room for it. */
  expect(session: OpenSession, options: { timeLimitMs: number; onTimeout: () => void }): MediaAddress;
  /** The leg is not wanted any more. Idempotent. */
  unexpect(legId: LegId): void;
  /** A call of the dialplan ended as it should: asked, this door says so. */
  endedOnPurpose?(legId: LegId): void;
  /** What the party's own signalling says of an expected or live leg; resolves with the answer's SDP, null when there is none. */
  signal?(legId: LegId, signal: LegSignal): Promise<string | null>;
  /** Audio of a leg's party that came by way of control. */
  hear?(legId: LegId, pcm: Int16Array): void;
  stop(): Promise<void>;
}

/** The doors of a thread. Only the AudioSocket one is always there: the dialplan knows its address. */
export type LegDoors = { readonly audiosocket: LegDoor & { readonly address: MediaAddress } } & {
  readonly [Name in Exclude<Transport, 'audiosocket'>]?: LegDoor;
};

/** What a door tells. */
export interface LegDoorListener {
  /** A leg that nobody announced: why it is not let in; null when it is. */
  onUnknown(legId: LegId, peer: string): string | null;
  onLeg(leg: MediaLeg, arrival: { readonly peer: string; readonly announced: 'yes' | 'no' }): void;
}
