import type { Caller, Transport } from '../core/calls.js';
import type { BridgeId, ChannelId, LegId } from '../core/ids.js';
import type { MediaAddress, MediaFormat } from '../engine/port.js';

/** A channel of the PBX as a snapshot shows it. */
export type ChannelInfo = {
  readonly channelId: ChannelId;
  readonly state: 'down' | 'ringing' | 'up';
  readonly caller: Caller;
  /** Why it is with us: the first argument of the hand-over if there is one, else the dialled extension. */
  readonly extension: string | null;
  /** Where the call may be handed back to. */
  readonly context: string;
  /** Ours: media channels and originated legs carry an id that we chose. */
  readonly owner: 'linecard' | 'pbx';
  /** Wall clock, milliseconds. */
  readonly createdAtMs: number;
};

export type PbxSnapshot = {
  /** Channels that are in our application. */
  readonly channels: readonly ChannelInfo[];
  /** Bridges that we made, with who is in them. */
  readonly bridges: readonly {
    readonly bridgeId: BridgeId;
    readonly channels: readonly ChannelId[];
    /** A caller and a person whom we connected; absent: a caller and their media. */
    readonly holds?: 'parties';
  }[];
};

/** A caller is here and waits for us. */
export type CallOffer = {
  readonly channelId: ChannelId;
  readonly caller: Caller;
  /** First argument of the hand-over if there is one, else the dialled extension. */
  readonly extension: string;
  /** Where the call may be handed back to: the dialplan context it came from. */
  readonly context: string;
  readonly answered: 'yes' | 'no';
  /** The agent that the dialplan wants for this call, in the place of the extension's. */
  readonly agent?: string;
  /** What else the dialplan told, by name. */
  readonly variables?: Readonly<Record<string, string>>;
};

/** What the PBX tells. Digits come once, from here and not from the media leg. */
export type PbxEvent =
  | { readonly kind: 'callOffered'; readonly offer: CallOffer }
  | { readonly kind: 'channelGone'; readonly channelId: ChannelId; readonly cause: HangUpCause }
  | { readonly kind: 'digitPressed'; readonly channelId: ChannelId; readonly digit: string }
  /** A party that was rung by `consult.dial` picked up. Before that, and after, `channelGone` tells that it ended. */
  | { readonly kind: 'legAnswered'; readonly channelId: ChannelId }
  /** The party's phone put us on hold: an agent talking to hold music is a defect. */
  | { readonly kind: 'holdChanged'; readonly channelId: ChannelId; readonly held: 'held' | 'resumed' }
  /**
   * The caller gave the call to somebody else, by their phone's transfer key: in the bridge another channel stands where theirs was, which is gone without a
   * word. Not answered: it rings there, and `legAnswered` or `channelGone` follow.
   */
  | {
      readonly kind: 'callerReplaced';
      readonly replacedChannelId: ChannelId;
      readonly by: { readonly channelId: ChannelId; readonly caller: Caller; readonly answered: 'yes' | 'no' };
    }
  /**
   * restarted: it has none of the calls that it had. same: whoever it does not have any more hung up while nothing was told; of people whom we rang that is told
   * with the first snapshot. Absent: at the first connection, and where the PBX does not say.
   */
  | { readonly kind: 'connected'; readonly pbx?: 'same' | 'restarted' }
  | { readonly kind: 'disconnected'; readonly reason: string };

/** Why a channel ended, in words both PBXs share (Q.850 cause in brackets). */
export type HangUpCause =
  | 'normal' // 16
  | 'busy' // 17
  | 'noAnswer' // 18, 19
  | 'declined' // 21
  | 'unreachable' // 3, 20, 27
  | 'cancelled' // we took it back while it rang
  | 'lost' // the PBX ends, and all of its calls with it
  | 'failed'; // anything else

/** What a PBX can do, as data. */
export type PbxCapabilities = {
  /** Uplink and downlink rates it can send to a media leg, best first; found out at run time. */
  readonly mediaRatesHz: readonly (8000 | 16_000)[];
  /** How its media reaches us. */
  readonly transport: Transport;
  /** Whether `openMedia` may come before `answer`: Asterisk may, FreeSWITCH dies of it. */
  readonly mediaBeforeAnswer: 'yes' | 'no';
};

export type OpenMedia = {
  readonly callerChannelId: ChannelId;
  readonly mediaChannelId: ChannelId;
  readonly bridgeId: BridgeId;
  readonly legId: LegId;
  readonly address: MediaAddress;
};

/** A person who is rung on behalf of a caller. */
export type DialLeg = {
  /** Chosen by us. */
  readonly channelId: ChannelId;
  /** Null: the caller is not on this PBX. */
  readonly callerChannelId: ChannelId | null;
  /** Where the dialplan is asked to ring: from the configuration, never from a caller or a model. */
  readonly extension: string;
  readonly context: string;
  /** What the person's phone shows; made harmless by the adapter. */
  readonly caller: Caller;
  /** The PBX gives up by itself some seconds later, should we be gone by then. */
  readonly ringTimeMs: number;
};

/** A caller and a person in a bridge of their own. */
export type Parties = {
  readonly bridgeId: BridgeId;
  readonly callerChannelId: ChannelId;
  readonly personChannelId: ChannelId;
};

/** A supervisor who hears a call. The channel that hears it, and the bridge, are taken away by `closeMedia`. */
export type Listen = {
  readonly callerChannelId: ChannelId;
  readonly personChannelId: ChannelId;
  readonly snoopChannelId: ChannelId;
  readonly bridgeId: BridgeId;
};

/** What a PBX does for a caller who is to be brought to a person, and perhaps back. It rejects as `Pbx` does. */
export interface ConsultPbx {
  /** Resolves when the PBX has begun to ring; `legAnswered` or `channelGone` follow. The person's media is opened as a caller's is. */
  dial(leg: DialLeg): Promise<void>;
  /** Both out of whatever they are in, the music off: they hear each other and nobody else. */
  connect(parties: Parties): Promise<void>;
  /** The caller out of whatever they are in and back to their media. The bridge that they leave is taken away by `closeMedia`. */
  takeBack(callerChannelId: ChannelId, mediaBridgeId: BridgeId): Promise<void>;
  /**
   * released: the PBX carries the two, ends them together, and we hear no more of them. kept: it cannot do without us; they talk on when we die, but
   * somebody has to hang up the one when the other has.
   */
  release(parties: Parties): Promise<'released' | 'kept'>;
  /** The person hears what the caller says and hears; nobody hears the person. */
  listen(request: Listen): Promise<void>;
  /** A new channel that hears what this person says, and nothing else; it ends by `hangUp`. Absent: the PBX cannot. */
  overhear?(request: { readonly personChannelId: ChannelId; readonly snoopChannelId: ChannelId }): Promise<void>;
  /** The person out of whatever they are in, and into this conversation. */
  join(personChannelId: ChannelId, bridgeId: BridgeId): Promise<void>;
}

/** What a PBX got from a party by RTP, since the party's present source began: a new one starts at zero. */
export type ReceivedSound = {
  readonly packets: number;
  /** Without headers; null where the PBX does not tell. */
  readonly bytes: number | null;
};

/** For a PBX that may get a party's sound and not hand it on. */
export interface UplinkPbx {
  /** Null where the PBX cannot tell: the party does not come by RTP. */
  received(channelId: ChannelId): Promise<ReceivedSound | null>;
  /** Has the PBX begin anew with what it does to the caller's sound on its way to us; in both directions a few milliseconds are missing. */
  refresh(request: Pick<OpenMedia, 'callerChannelId' | 'mediaChannelId' | 'bridgeId'>): Promise<void>;
}

/**
 * A PBX in words of calls and legs. Every id is chosen by us, so each command may be repeated after a timeout. Commands
 * reject with PBX_UNREACHABLE, PBX_TIMEOUT, PBX_REFUSED or, when the party has hung up, CHANNEL_GONE.
 */
export interface Pbx {
  readonly name: string;
  readonly kind: 'asterisk' | 'freeswitch';
  readonly can: PbxCapabilities;
  /** Absent where a caller can only be handed back to the dialplan. */
  readonly consult?: ConsultPbx;
  /** Absent where what a party sends always reaches us. */
  readonly uplink?: UplinkPbx;
  /** Begins to connect and goes on trying until `stop`; never rejects because the PBX is away. */
  start(): void;
  /** Null when calls can come; else a sentence for `/readyz`. */
  unready(): string | null;
  /** One listener: control. Set before `start`. */
  onEvent: (event: PbxEvent) => void;
  snapshot(): Promise<PbxSnapshot>;
  /** The caller hears ringing. */
  ring(channelId: ChannelId): Promise<void>;
  answer(channelId: ChannelId): Promise<void>;
  /** What `openMedia` will bring; null where the packets tell. Comes before it, and after `answer` where that must be first. */
  mediaFormat(channelId: ChannelId): Promise<MediaFormat | null>;
  /** Puts caller and a media channel to `address` into a bridge; resolves when both are in it. */
  openMedia(request: OpenMedia): Promise<void>;
  /** Takes media channel and bridge away; the caller's channel stays. Idempotent. A bridge may have lost its media channel. */
  closeMedia(request: { readonly mediaChannelId: ChannelId | null; readonly bridgeId: BridgeId }): Promise<void>;
  /** Gives the call back to the dialplan, at an extension; the PBX carries it and we are out. */
  handBack(channelId: ChannelId, to: { readonly context: string; readonly extension: string }): Promise<void>;
  /** Idempotent: a channel that is gone is hung up. */
  hangUp(channelId: ChannelId, cause?: HangUpCause): Promise<void>;
  /** Music (`held`) or back to the conversation. */
  hold(channelId: ChannelId, held: 'held' | 'resumed'): Promise<void>;
  sendDigits(channelId: ChannelId, digits: string): Promise<void>;
  stop(): Promise<void>;
}
