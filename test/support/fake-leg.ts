import { newLegId } from '../../src/core/ids.js';
import { FRAME_AUDIO, FRAME_SILENCE } from '../../src/media/leg.js';
import type { FrameKind, LegCloseReason, LegCounters, LegListener, MediaLeg } from '../../src/media/leg.js';
import { legReport } from './fake-engine.js';

/** A leg whose party says what the test puts into `uplink`, and that keeps every frame it was given. */
export class FakeLeg implements MediaLeg {
  readonly id = newLegId();
  readonly codec = 'slin16';
  readonly wireRateHz = 16_000;
  readonly counters: LegCounters = { ...legReport().counters };
  readonly playout = { depthMs: 0, skewPpm: 0 };
  listener: LegListener | null = null;
  readonly uplink: Int16Array[] = [];
  readonly played: Int16Array[] = [];

  pull(dst: Int16Array): FrameKind {
    const frame = this.uplink.shift();
    if (frame === undefined) {
      dst.fill(0);
      return FRAME_SILENCE;
    }
    dst.set(frame);
    return FRAME_AUDIO;
  }

  push(src: Int16Array): void {
    this.played.push(src.slice());
  }

  describe(): string[] {
    return ['fake'];
  }

  close(reason: LegCloseReason): void {
    this.listener?.closed(reason, 'closed');
  }

  /** The largest sample that was ever played. */
  get loudest(): number {
    return this.played.reduce(
      (most, frame) => frame.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), most),
      0,
    );
  }

  /** Frames with anything audible in them. */
  get audibleFrames(): number {
    return this.played.filter((frame) => frame.some((sample) => sample !== 0)).length;
  }
}
