import { FRAME_MS, FRAME_SAMPLES, SAMPLES_PER_MS } from '../core/units.js';
import { ClockSkew } from './clock-skew.js';
import { CONCEALED_SAMPLES_LIMIT, Concealer } from './concealer.js';
import type { FrameKind, LegCounters } from './leg.js';
import { FRAME_AUDIO, FRAME_CONCEALED, FRAME_SILENCE } from './leg.js';
import { PauseDetector } from './pause-detector.js';
import { PcmQueue } from './pcm-queue.js';
import { PitchFinder } from './pitch.js';
import { SpareWindow } from './spare-window.js';
import type { StretchMode } from './time-stretch.js';
import { TimeStretcher } from './time-stretch.js';
import { TurnSchedule } from './turn-schedule.js';

/** Hard bound; beyond it the oldest samples are shed. A caller whose words come later than this is talking over the agent anyway. */
const BOUND_MS = 240;
const BOUND_SAMPLES = BOUND_MS * SAMPLES_PER_MS;
/**
 * The bound is met again within so many frames when it is we who are slow, and each cut costs a search for the pitch: a thread with too much to do must not get more
 * by every frame that comes. So half of all goes at once then, a cut where six were, and nothing is stretched or shrunk for so long.
 */
const SHED_AGAIN_FRAMES = 50;
/** Chunks have to be here this long before they are needed, beyond the worst of the last seconds. */
const RESERVE_MS = 3;
/** Lateness that is prepared for; a stall that is longer is concealed, once, and not paid for with delay for good. */
const PREPARED_MS = 60;
/** A smaller surplus is left alone. */
const LEAST_SURPLUS_SAMPLES = 5 * SAMPLES_PER_MS;
/** In the middle of speech only a frame or more is worth a cut, and rarely. */
const SPEECH_SURPLUS_SAMPLES = FRAME_SAMPLES;
const SPEECH_SHRINK_EVERY = 10;
/** After a burst: delay that the caller notices goes faster. */
const BURST_SURPLUS_SAMPLES = 2 * FRAME_SAMPLES;
const BURST_SHRINK_EVERY = 3;
/** A pause is waited for so long before speech is stretched; half of what a clock 500 ppm off takes from 3 ms. */
const PATIENCE_FRAMES = 75;
const SPEECH_STRETCH_EVERY = 5;
/** The beginning of a frame that is not whole is used when it is at least this long. */
const LEAST_PART_SAMPLES = 5 * SAMPLES_PER_MS;
/** Nothing is cut out before arrivals were watched for a second. */
const LEAST_KNOWN_FRAMES = 50;

const SCRATCH = new Int16Array(FRAME_SAMPLES);

/**
 * Playout for streams without sequence numbers (AudioSocket, unicast): audio comes in chunks of any size at any time and leaves as one frame a tick. The depth is
 * as small as the arrivals of the last seconds allow, and is kept there against a sender with another clock by stretching and shrinking pauses, or
 * speech by its pitch where there is no pause. What is missing is concealed for 60 ms. Mono s16, 16 kHz; `push` and `pull` allocate nothing.
 */
export class ElasticFifo {
  readonly #counters: LegCounters;
  readonly #queue = new PcmQueue(BOUND_SAMPLES);
  readonly #concealer: Concealer;
  readonly #stretcher: TimeStretcher;
  readonly #pauses = new PauseDetector();
  readonly #schedule = new TurnSchedule();
  readonly #spare = new SpareWindow();
  readonly #skew = new ClockSkew();
  /** idle: nothing to play; the next whole frame starts it. */
  #state: 'idle' | 'playing' = 'idle';
  /** Frames since the last one in a pause, and since the last one that was stretched or shrunk. */
  #sincePause = 0;
  #sinceChange = 0;
  #sinceShed = SHED_AGAIN_FRAMES;
  /** Frames that are to be left as they are. */
  #restFor = 0;
  /** Frames for which chunks have been too late for comfort. */
  #shortFor = 0;

  constructor(counters: LegCounters) {
    this.#counters = counters;
    const pitch = new PitchFinder();
    this.#concealer = new Concealer(pitch);
    this.#stretcher = new TimeStretcher(pitch);
  }

  /** Audio that waits, milliseconds. */
  get depthMs(): number {
    return this.#queue.length / SAMPLES_PER_MS;
  }

  /** How much faster the sender's clock runs than ours, parts per million; 0 until half a minute is known. */
  get skewPpm(): number {
    return this.#skew.ppm;
  }

  /** Takes the first `count` samples of `src`, which came at `nowMs`. */
  push(src: Int16Array, count: number, nowMs: number): void {
    if (count === 0) return;
    this.#skew.feed(count, nowMs);
    if (this.#state === 'playing') this.#spare.note(this.#spareAt(nowMs));
    const excess = this.#queue.length + count - BOUND_SAMPLES;
    if (excess > 0) this.#shed(excess);
    this.#queue.write(src, count);
  }

  /** Writes one frame into `dst`. To be called each 20 ms; `nowMs` is on the clock of `push`. */
  pull(dst: Int16Array, nowMs: number): FrameKind {
    this.#schedule.turn(nowMs);
    if (this.#queue.length >= FRAME_SAMPLES) return this.#play(dst);
    if (this.#state === 'playing') return this.#starve(dst);
    dst.fill(0);
    return FRAME_SILENCE;
  }

  /** One line each, in the order of the signal. */
  describe(): string[] {
    return [
      `elastic FIFO: as deep as the last 4 s of arrivals need and ${RESERVE_MS} ms more, ${BOUND_MS} ms at most`,
      'stretch and shrink: pauses, else by pitch; against another clock and after bursts',
      'conceal: by pitch, silent after 60 ms',
    ];
  }

  /**
   * Samples that could have been cut out before this arrival without it coming too late; negative where some have to be put in. What waits
   * before the arrival is played in whole frames, so that the arrival is needed at the turn after the last one that does without it.
   */
  #spareAt(nowMs: number): number {
    const lateMs = RESERVE_MS - this.#schedule.untilNextMs(nowMs);
    const turns = Math.ceil(Math.min(Math.max(lateMs, 0), PREPARED_MS) / FRAME_MS);
    return this.#queue.length - turns * FRAME_SAMPLES;
  }

  #shed(samples: number): void {
    // What was to come next would have gone on like this; what comes now is joined to it.
    if (this.#state === 'playing' && this.#concealer.lostSamples === 0) this.#concealer.conceal(SCRATCH, 0, 1);
    const again = this.#sinceShed > 0 && this.#sinceShed < SHED_AGAIN_FRAMES;
    if (again) this.#restFor = SHED_AGAIN_FRAMES;
    this.#spare.move(-this.#queue.skip(again ? Math.max(samples, BOUND_SAMPLES / 2) : samples));
    this.#sinceShed = 0;
    this.#counters.overruns += 1;
  }

  #play(dst: Int16Array): FrameKind {
    if (this.#state === 'idle') {
      this.#state = 'playing';
      this.#spare.reset();
      this.#shortFor = 0;
    }
    this.#spare.frame();
    this.#sinceChange += 1;
    this.#sinceShed += 1;
    if (this.#restFor > 0) this.#restFor -= 1;
    this.#queue.peek(dst, 0, FRAME_SAMPLES);
    this.#sincePause = this.#pauses.isPause(dst) ? 0 : this.#sincePause + 1;
    // Directly after a loss the frame is joined as it is.
    const moved = this.#concealer.lostSamples === 0 ? this.#adjust(dst) : 0;
    if (moved === 0) this.#queue.skip(FRAME_SAMPLES);
    this.#concealer.heard(dst, 0, FRAME_SAMPLES);
    return FRAME_AUDIO;
  }

  /**
   * Makes the frame of more or of fewer samples when the depth is not what it should be; returns by how many, 0 when it is left. What counts is the worst arrival of
   * the window, but not a stall beyond what is prepared for.
   */
  #adjust(dst: Int16Array): number {
    if (this.#restFor > 0) return 0;
    const prepared = this.#spare.recentWorst() - PREPARED_MS * SAMPLES_PER_MS;
    const spare = Math.max(this.#spare.worst(), prepared);
    if (spare < 0) {
      this.#shortFor += 1;
      const mode = this.#stretchMode();
      // A whole period is more than is missing, mostly; the rest is cut out of a pause later.
      const most = mode === 'pause' ? Math.max(-spare, LEAST_PART_SAMPLES) : FRAME_SAMPLES;
      const put = mode === null ? 0 : this.#stretcher.stretch(this.#queue, this.#concealer.history, dst, most, mode);
      if (put > 0) this.#changed('stretched', put);
      return put;
    }
    this.#shortFor = 0;
    const mode = this.#shrinkMode(spare);
    const cut = mode === null ? 0 : this.#stretcher.shrink(this.#queue, this.#concealer.history, dst, spare, mode);
    if (cut > 0) this.#changed('shrunk', -cut);
    return cut;
  }

  #stretchMode(): StretchMode | null {
    if (this.#sincePause === 0) return 'pause';
    if (this.#shortFor < PATIENCE_FRAMES || this.#sinceChange < SPEECH_STRETCH_EVERY) return null;
    return this.#shortFor < 2 * PATIENCE_FRAMES ? 'voice' : 'urgent';
  }

  #shrinkMode(surplus: number): StretchMode | null {
    if (surplus < LEAST_SURPLUS_SAMPLES || this.#spare.framesKnown < LEAST_KNOWN_FRAMES) return null;
    if (this.#sincePause === 0) return 'pause';
    if (surplus < SPEECH_SURPLUS_SAMPLES) return null;
    const every = surplus < BURST_SURPLUS_SAMPLES ? SPEECH_SHRINK_EVERY : BURST_SHRINK_EVERY;
    if (this.#sinceChange < every) return null;
    return surplus < BURST_SURPLUS_SAMPLES ? 'voice' : 'urgent';
  }

  #changed(counter: 'stretched' | 'shrunk', moved: number): void {
    this.#counters[counter] += 1;
    this.#sinceChange = 0;
    this.#spare.move(moved);
  }

  /** Less than a frame is here: what there is of it, then what is made up. */
  #starve(dst: Int16Array): FrameKind {
    this.#spare.frame();
    const began = this.#concealer.lostSamples === 0;
    let part = 0;
    if (began) {
      if (this.#sincePause > 0) this.#counters.underruns += 1;
      // Only at the beginning of a loss: what comes after one is joined to it in whole frames.
      if (this.#queue.length >= LEAST_PART_SAMPLES) part = this.#queue.read(dst, 0, FRAME_SAMPLES);
      this.#concealer.heard(dst, 0, part);
    }
    this.#concealer.conceal(dst, part, FRAME_SAMPLES - part);
    this.#spare.move(FRAME_SAMPLES - part);
    if (this.#concealer.lostSamples - FRAME_SAMPLES >= CONCEALED_SAMPLES_LIMIT) {
      this.#state = 'idle';
      return FRAME_SILENCE;
    }
    this.#counters.concealed += 1;
    return FRAME_CONCEALED;
  }
}
