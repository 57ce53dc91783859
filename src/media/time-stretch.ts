import { FRAME_SAMPLES, SAMPLES_PER_MS } from '../core/units.js';
import { PITCH_HISTORY_SAMPLES, PitchFinder } from './pitch.js';
import type { PcmQueue } from './pcm-queue.js';

/** What is cut out of or put into one frame: periods shorter than this are taken several at a time. */
const PIECE_SAMPLES = 10 * SAMPLES_PER_MS;
/** A frame, and what has to come after it when up to a frame of it is cut out. */
const LOOKAHEAD_SAMPLES = 2 * FRAME_SAMPLES;

/**
 * pause: there is nothing to be heard, any piece will do. voice: whole periods of pitch, and none where two of them are not alike. urgent: even those
 * that are a little alike. joint: something was made up just before, so that the sound is broken anyway; any piece up to a whole frame.
 */
export type StretchMode = 'pause' | 'voice' | 'urgent' | 'joint';

const LEAST_MATCH = { voice: 0.7, urgent: 0.4 } as const;

/**
 * Makes one frame out of more or of fewer samples than a frame has, by one piece of up to 20 ms, overlapped and added so that it is not heard (WSOLA with the
 * pitch as the piece, as NetEq's accelerate and preemptive expand). Mono s16, 16 kHz.
 */
export class TimeStretcher {
  readonly #pitch: PitchFinder;
  /** Newest samples that were heard, then the next ones of the queue. */
  readonly #work = new Int16Array(PITCH_HISTORY_SAMPLES + LOOKAHEAD_SAMPLES);

  constructor(pitch: PitchFinder = new PitchFinder()) {
    this.#pitch = pitch;
  }

  /**
   * Makes a frame of 320 samples from 320 and up to `most` more of the queue.
   * @returns how many were cut out; 0 when nothing could be, and then the queue and `dst` are as they were
   */
  shrink(queue: PcmQueue, history: Int16Array, dst: Int16Array, most: number, mode: StretchMode): number {
    const work = this.#work;
    const available = this.#load(queue, history);
    const piece = this.#piece(Math.min(most, available - FRAME_SAMPLES), mode);
    if (piece === 0) return 0;
    const start = PITCH_HISTORY_SAMPLES;
    for (let i = 0; i < piece; i++) {
      const part = (i + 1) / (piece + 1);
      const early = work[start + i] as number;
      dst[i] = Math.round(early + part * ((work[start + i + piece] as number) - early));
    }
    for (let i = piece; i < FRAME_SAMPLES; i++) dst[i] = work[start + i + piece] as number;
    queue.skip(FRAME_SAMPLES + piece);
    return piece;
  }

  /**
   * Makes a frame of 320 samples from up to `most` fewer of the queue: what was heard last is heard again.
   * @returns how many were put in; 0 when nothing could be, and then the queue and `dst` are as they were
   */
  stretch(queue: PcmQueue, history: Int16Array, dst: Int16Array, most: number, mode: StretchMode): number {
    const work = this.#work;
    const available = this.#load(queue, history);
    const piece = this.#piece(Math.min(most, FRAME_SAMPLES), mode);
    if (piece === 0 || available < FRAME_SAMPLES - piece) return 0;
    const start = PITCH_HISTORY_SAMPLES;
    // As far as it is there, what comes next fades into what came a piece earlier; then follows what comes next, from its beginning.
    const overlap = Math.min(piece, available);
    for (let i = 0; i < piece; i++) {
      const part = i < overlap ? (i + 1) / (overlap + 1) : 1;
      const late = i < overlap ? (work[start + i] as number) : 0;
      dst[i] = Math.round(late + part * ((work[start + i - piece] as number) - late));
    }
    for (let i = piece; i < FRAME_SAMPLES; i++) dst[i] = work[start + i - piece] as number;
    queue.skip(FRAME_SAMPLES - piece);
    return piece;
  }

  /** Returns how many samples of the queue are in `#work`. */
  #load(queue: PcmQueue, history: Int16Array): number {
    const from = history.length - PITCH_HISTORY_SAMPLES;
    for (let i = 0; i < PITCH_HISTORY_SAMPLES; i++) this.#work[i] = history[from + i] as number;
    return queue.peek(this.#work, PITCH_HISTORY_SAMPLES, LOOKAHEAD_SAMPLES);
  }

  /** Length of the piece that may be cut out or put in: 0 when there is none. */
  #piece(most: number, mode: StretchMode): number {
    if (most <= 0) return 0;
    if (mode === 'joint') return Math.min(most, FRAME_SAMPLES);
    if (mode === 'pause') return Math.min(most, PIECE_SAMPLES);
    this.#pitch.find(this.#work, PITCH_HISTORY_SAMPLES);
    const { lag, match } = this.#pitch;
    if (match < LEAST_MATCH[mode] || lag > most) return 0;
    return lag * Math.max(1, Math.floor(Math.min(most, PIECE_SAMPLES) / lag));
  }
}
