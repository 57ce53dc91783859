import type { LegId } from '../core/ids.js';

/** What `pull` gave: nothing was there (dst is silence), real audio, or audio made up for a loss. */
export const FRAME_SILENCE = 0;
export const FRAME_AUDIO = 1;
export const FRAME_CONCEALED = 2;
export type FrameKind = typeof FRAME_SILENCE | typeof FRAME_AUDIO | typeof FRAME_CONCEALED;

/** Why a leg is gone. `remote`: the other side closed (a hang-up, or the PBX ended). */
export type LegCloseReason = 'remote' | 'local' | 'protocol' | 'timeout' | 'overload' | 'error';

/** What the owner of a leg is told. At most one `closed`, and nothing after it. */
export interface LegListener {
  /** One of `0-9*#A-D`; `atMs` is the injected clock's `nowMs` at arrival. */
  digit(digit: string, atMs: number): void;
  closed(reason: LegCloseReason, detail: string): void;
}

/** Counts since the leg opened; the object is live and owned by the leg. */
export type LegCounters = {
  framesIn: number;
  framesOut: number;
  /** Downlink frames not sent because the socket, or the PBX behind it, was backed up. */
  dropped: number;
  /** `pull` found nothing although the talkspurt went on. */
  underruns: number;
  concealed: number;
  /** Frames shed because the queue was at its bound. */
  overruns: number;
  /** Stretched or shrunk frames of the elastic buffer. */
  stretched: number;
  shrunk: number;
  late: number;
  lost: number;
  clippedSamples: number;
};

/** The counters of a leg that has just opened. */
export function newLegCounters(): LegCounters {
  return {
    framesIn: 0,
    framesOut: 0,
    dropped: 0,
    underruns: 0,
    concealed: 0,
    overruns: 0,
    stretched: 0,
    shrunk: 0,
    late: 0,
    lost: 0,
    clippedSamples: 0,
  };
}

/** How a leg's packets fare, where its transport tells (RTCP); null until it told. */
export type LegNetwork = {
  /** Of the party's packets, since the first, 0 to 100. */
  readonly uplinkLossPercent: number | null;
  readonly uplinkJitterMs: number | null;
  /** Of our packets, as the party reports it. */
  readonly downlinkLossPercent: number | null;
  readonly downlinkJitterMs: number | null;
  readonly roundTripMs: number | null;
};

/** Of a leg whose party has reported nothing yet. */
export const NOTHING_KNOWN: LegNetwork = {
  uplinkLossPercent: null,
  uplinkJitterMs: null,
  downlinkLossPercent: null,
  downlinkJitterMs: null,
  roundTripMs: null,
};

/** Where a party's audio waits for its turn; the object is live. */
export interface Playout {
  /** Audio that waits, milliseconds. */
  readonly depthMs: number;
  /** How much faster the party's clock runs than ours, parts per million; 0 until known. */
  readonly skewPpm: number;
}

/**
 * One party's audio, the same behind every door. Frames are mono s16, 16 kHz, 320 samples; the leg converts to and from
 * the wire. `pull` and `push` are called once a tick, never await, never allocate. The caller owns both buffers.
 */
export interface MediaLeg {
  readonly id: LegId;
  /** What is on the wire, for people: `slin16`, `slin`, `opus`. */
  readonly codec: string;
  /** Sample rate on the wire. */
  readonly wireRateHz: number;
  readonly counters: Readonly<LegCounters>;
  readonly playout: Playout;
  /**
   * Audio comes each 20 ms from the moment on at which the leg is here, and turns are best so much later. Absent: nobody knows when it will come.
   */
  readonly turnAfterMs?: number | undefined;
  /** Absent where the transport tells nothing. */
  readonly network?: LegNetwork | undefined;
  /** away: the party is out of reach for a moment, and looks for a way back. Absent where the transport cannot tell. */
  readonly presence?: 'here' | 'away' | undefined;
  /** Set by the owner before the first tick. */
  listener: LegListener | null;
  /** Writes exactly one frame into `dst`. @param nowMs when the turn was due, on the injected clock: whole steps of 20 ms, whatever the timer did */
  pull(dst: Int16Array, nowMs: number): FrameKind;
  /** Plays exactly one frame. */
  push(src: Int16Array): void;
  /** JSON to the party's page; only where the transport carries data beside audio. Dropped when nobody reads. */
  notify?(text: string): void;
  /** The chain of stages, in the order of the signal, one line each. */
  describe(): string[];
  /** Idempotent; tells the listener once. */
  close(reason: LegCloseReason): void;
}
