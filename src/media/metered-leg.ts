import type { LegId } from '../core/ids.js';
import { FRAME_MS } from '../core/units.js';
import type { FrameKind, LegCloseReason, LegCounters, LegListener, LegNetwork, MediaLeg, Playout } from './leg.js';
import { LevelMeter } from './level-meter.js';
import type { RecordingTap } from './recording-tap.js';

/** A party that makes no sound at all for so long, not even breath, is not there or cannot be heard. */
const ONE_WAY_AFTER_MS = 10_000;
/** Of these ten seconds; else there was nothing that the party could have answered. */
const LEAST_PLAYED_MS = 2000;
/** A pause in a conversation in which nobody says anything is shorter. */
const DEAD_AIR_AFTER_MS = 6000;

/** What a leg sounded like since it was opened; `heard` is what the party said, `played` what it was given. */
export type LegSound = {
  readonly heardDbfs: number | null;
  readonly heardPeakDbfs: number | null;
  readonly playedDbfs: number | null;
  readonly playedPeakDbfs: number | null;
  /** Time in which the party was spoken to and not a sound had come from it for ten seconds. */
  readonly oneWayMs: number;
  /** Time in which nobody had said anything for six seconds. */
  readonly deadAirMs: number;
};

export const NO_SOUND: LegSound = {
  heardDbfs: null,
  heardPeakDbfs: null,
  playedDbfs: null,
  playedPeakDbfs: null,
  oneWayMs: 0,
  deadAirMs: 0,
};

/** A leg that is listened to on its way: levels, one-way audio, dead air. Everything else goes to the leg inside. */
export class MeteredLeg implements MediaLeg {
  readonly #leg: MediaLeg;
  readonly #tap: RecordingTap | null;
  readonly #heard = new LevelMeter();
  readonly #played = new LevelMeter();
  #watching: 'on' | 'off' = 'off';
  /** How long the party has not made any sound, and how much of it there was speech for it. */
  #hushMs = 0;
  #hushPlayedMs = 0;
  #quietMs = 0;
  #oneWayMs = 0;
  #deadAirMs = 0;
  #heardSpeech = false;

  /** @param tap hears all of it, too */
  constructor(leg: MediaLeg, tap: RecordingTap | null = null) {
    this.#leg = leg;
    this.#tap = tap;
  }

  get id(): LegId {
    return this.#leg.id;
  }

  get codec(): string {
    return this.#leg.codec;
  }

  get wireRateHz(): number {
    return this.#leg.wireRateHz;
  }

  get counters(): Readonly<LegCounters> {
    return this.#leg.counters;
  }

  get playout(): Playout {
    return this.#leg.playout;
  }

  get network(): LegNetwork | undefined {
    return this.#leg.network;
  }

  get presence(): 'here' | 'away' | undefined {
    return this.#leg.presence;
  }

  get listener(): LegListener | null {
    return this.#leg.listener;
  }

  set listener(listener: LegListener | null) {
    this.#leg.listener = listener;
  }

  get sound(): LegSound {
    return {
      heardDbfs: this.#heard.speechDbfs,
      heardPeakDbfs: this.#heard.peakDbfs,
      playedDbfs: this.#played.speechDbfs,
      playedPeakDbfs: this.#played.peakDbfs,
      oneWayMs: this.#oneWayMs,
      deadAirMs: this.#deadAirMs,
    };
  }

  /** Whether a conversation goes on: before it and on hold silence means nothing. */
  watch(watching: 'on' | 'off'): void {
    this.#watching = watching;
    this.#hushMs = 0;
    this.#hushPlayedMs = 0;
    this.#quietMs = 0;
  }

  pull(dst: Int16Array, nowMs: number): FrameKind {
    const kind = this.#leg.pull(dst, nowMs);
    this.#tap?.heard(dst);
    const loudness = this.#heard.feed(dst);
    this.#heardSpeech = loudness === 'active';
    if (loudness === 'hush') this.#hushMs += FRAME_MS;
    else {
      this.#hushMs = 0;
      this.#hushPlayedMs = 0;
    }
    return kind;
  }

  push(src: Int16Array): void {
    this.#tap?.played(src);
    const spoken = this.#played.feed(src) === 'active';
    if (this.#watching === 'on') this.#judge(spoken);
    this.#leg.push(src);
  }

  notify(text: string): void {
    this.#leg.notify?.(text);
  }

  describe(): string[] {
    return this.#leg.describe();
  }

  close(reason: LegCloseReason): void {
    this.#leg.close(reason);
  }

  #judge(spoken: boolean): void {
    if (spoken && this.#hushMs > 0) this.#hushPlayedMs += FRAME_MS;
    if (this.#hushMs > ONE_WAY_AFTER_MS && this.#hushPlayedMs > LEAST_PLAYED_MS) this.#oneWayMs += FRAME_MS;
    this.#quietMs = spoken || this.#heardSpeech ? 0 : this.#quietMs + FRAME_MS;
    if (this.#quietMs > DEAD_AIR_AFTER_MS) this.#deadAirMs += FRAME_MS;
  }
}
