import { FRAME_SAMPLES, SAMPLES_PER_MS } from '../core/units.js';
import { MAX_PITCH_SAMPLES, PitchFinder } from './pitch.js';

/** Up to here the last sound goes on as loud as it was. */
const STEADY_SAMPLES = 10 * SAMPLES_PER_MS;
/** From here on nothing is made up any more: a voice that went on for longer would say what nobody said. */
export const CONCEALED_SAMPLES_LIMIT = 60 * SAMPLES_PER_MS;
/** Periods that are repeated: one more after every 10 ms, so that it does not sound like a machine. */
const MAX_PERIODS = 3;
/** The end of what is repeated is bent to meet its beginning, over this part of a period. */
const JOINT = 0.25;
/** Samples of what was heard that are kept. */
export const HISTORY_SAMPLES = MAX_PITCH_SAMPLES * (MAX_PERIODS + JOINT);
/** What is heard goes round in whole frames; it is put in order when somebody asks for it, which is rare. */
const KEPT_SAMPLES = Math.ceil(HISTORY_SAMPLES / FRAME_SAMPLES) * FRAME_SAMPLES;
/** Shared by all: what `history` was asked for last. */
const IN_ORDER = new Int16Array(HISTORY_SAMPLES);
/** Overlap with what comes after the loss: a quarter of a period and 4 ms for each 10 ms lost, 10 ms at most. */
const OVERLAP_OF_LOST = 0.4;
const MAX_OVERLAP_SAMPLES = 10 * SAMPLES_PER_MS;
/** After silence the sound comes back within this time. */
const FADE_IN_SAMPLES = 5 * SAMPLES_PER_MS;
/** Less alike than this is no voice; the longest period repeats least audibly. */
const VOICED_MATCH = 0.4;

/**
 * Makes up what was lost from the pitch of what was heard last (G.711 Appendix I at 16 kHz, without its delay): the last period is repeated, then
 * two and three of them, fading out to silence at 60 ms; both ends of the gap are joined without a click. Mono s16, any number of samples at a time.
 */
export class Concealer {
  readonly #pitch: PitchFinder;
  /** The newest samples that were heard, real or made up; the oldest of them at `#keptAt`, below KEPT_SAMPLES. */
  readonly #kept = new Int16Array(KEPT_SAMPLES);
  #keptAt = 0;
  /** The history as it was when the loss began. */
  readonly #source = new Int16Array(HISTORY_SAMPLES);
  /** Samples made up since the last real one. */
  #lost = 0;
  #period = MAX_PITCH_SAMPLES;
  /** A part of `#period`, in whole samples. */
  #joint = MAX_PITCH_SAMPLES * JOINT;
  /** Length of what is repeated, a multiple of the period, and the position in it. */
  #loop = MAX_PITCH_SAMPLES;
  #at = 0;
  /** The same for what was repeated before a period was added, while the one fades into the other; `#fading` samples are left. */
  #oldLoop = MAX_PITCH_SAMPLES;
  #oldAt = 0;
  #fading = 0;
  /** From the last real sample to what came before the loop: taken out again during the first `#joint` samples. */
  #step = 0;

  constructor(pitch: PitchFinder = new PitchFinder()) {
    this.#pitch = pitch;
  }

  /** Samples made up since the last real one; those beyond `CONCEALED_SAMPLES_LIMIT` are silence. */
  get lostSamples(): number {
    return this.#lost;
  }

  /** The newest `HISTORY_SAMPLES` samples that were heard, oldest first; shared by all concealers and theirs until the next one is asked. */
  get history(): Int16Array {
    const from = this.#keptAt + KEPT_SAMPLES - HISTORY_SAMPLES;
    for (let i = 0; i < HISTORY_SAMPLES; i++) IN_ORDER[i] = this.#kept[(from + i) % KEPT_SAMPLES] as number;
    return IN_ORDER;
  }

  /** Takes note of `count` real samples in `frame` from `at` on. The first ones after a loss are changed: joined to what was made up. */
  heard(frame: Int16Array, at: number, count: number): void {
    if (this.#lost > 0 && count > 0) this.#join(frame, at, count);
    this.#remember(frame, at, count);
  }

  /** Writes `count` made up samples into `dst` from `at` on. */
  conceal(dst: Int16Array, at: number, count: number): void {
    if (this.#lost === 0) this.#begin();
    for (let i = 0; i < count; i++) dst[at + i] = Math.round(this.#next());
    this.#remember(dst, at, count);
  }

  #begin(): void {
    this.#source.set(this.history);
    this.#pitch.find(this.#source, HISTORY_SAMPLES);
    this.#period = this.#pitch.match >= VOICED_MATCH ? this.#pitch.lag : MAX_PITCH_SAMPLES;
    this.#joint = Math.floor(this.#period * JOINT);
    this.#loop = this.#period;
    this.#at = 0;
    this.#fading = 0;
    this.#step =
      (this.#source[HISTORY_SAMPLES - 1] as number) - (this.#source[HISTORY_SAMPLES - this.#loop - 1] as number);
  }

  /** The next made up sample. */
  #next(): number {
    const lost = this.#lost;
    this.#lost += 1;
    if (lost >= CONCEALED_SAMPLES_LIMIT) return 0;
    if (lost > 0 && lost % STEADY_SAMPLES === 0 && this.#loop < this.#period * MAX_PERIODS) this.#addPeriod();
    let value = this.#repeated(this.#loop, this.#at);
    this.#at = (this.#at + 1) % this.#loop;
    if (this.#fading > 0) {
      const part = this.#fading / (this.#joint + 1);
      value += part * (this.#repeated(this.#oldLoop, this.#oldAt) - value);
      this.#oldAt = (this.#oldAt + 1) % this.#oldLoop;
      this.#fading -= 1;
    }
    if (lost < this.#joint) value += this.#step * (1 - lost / this.#joint);
    const faded = Math.max(0, lost - STEADY_SAMPLES) / (CONCEALED_SAMPLES_LIMIT - STEADY_SAMPLES);
    return Math.max(-32_768, Math.min(32_767, value * (1 - faded)));
  }

  #addPeriod(): void {
    this.#oldLoop = this.#loop;
    this.#oldAt = this.#at;
    this.#fading = this.#joint;
    this.#loop += this.#period;
    this.#at %= this.#period;
  }

  /** Sample `at` of the last `loop` samples before the loss. */
  #repeated(loop: number, at: number): number {
    const source = this.#source;
    const inJoint = at - (loop - this.#joint);
    const value = source[HISTORY_SAMPLES - loop + at] as number;
    if (inJoint < 0) return value;
    const earlier = source[HISTORY_SAMPLES - 2 * loop + at] as number;
    return value + ((inJoint + 1) / (this.#joint + 1)) * (earlier - value);
  }

  /** Fades from what would have been made up to what is real. */
  #join(frame: Int16Array, at: number, count: number): void {
    const silent = this.#lost >= CONCEALED_SAMPLES_LIMIT;
    const wanted = silent ? FADE_IN_SAMPLES : Math.floor(this.#joint + OVERLAP_OF_LOST * this.#lost);
    const overlap = Math.min(wanted, MAX_OVERLAP_SAMPLES, count);
    for (let i = 0; i < overlap; i++) {
      const part = (i + 1) / (overlap + 1);
      const real = frame[at + i] as number;
      frame[at + i] = Math.round(real * part + this.#next() * (1 - part));
    }
    this.#lost = 0;
  }

  #remember(frame: Int16Array, at: number, count: number): void {
    if (count === frame.length && this.#keptAt + count <= KEPT_SAMPLES) this.#kept.set(frame, this.#keptAt);
    else for (let i = 0; i < count; i++) this.#kept[(this.#keptAt + i) % KEPT_SAMPLES] = frame[at + i] as number;
    this.#keptAt = (this.#keptAt + count) % KEPT_SAMPLES;
  }
}
