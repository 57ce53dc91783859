import type { SegmentId } from '../../core/ids.js';
import { SAMPLE_RATE_HZ } from '../../core/units.js';
import { Resampler } from '../../media/resample.js';
import type { HeardSpeech, SpeechOut, WordTiming } from '../port.js';
import { WordStream } from '../word-stream.js';
import type { SoundFormat } from './sound-format.js';
import { SoundReader } from './sound-format.js';

/**
 * Models send answers faster than they are heard, whole ones in a burst: resampling all of one at once is 5 ms in which every other call of the
 * thread waits, and half of it is never heard when the caller interrupts. So it is done this far ahead,
 */
const AHEAD_MS = 600;
/** in pieces of this length. */
const SLICE_MS = 60;
/** What waits beyond this, of a model that does not stop, is lost. */
const MAX_WAITING_MS = 120_000;

/** What a model says in one call: pieces of speech, on their way from its rate to the speech queue. */
export class ModelVoice {
  readonly #speech: SpeechOut;
  readonly #format: SoundFormat;
  /** In the order in which they were begun; those that were heard are not among them. */
  readonly #spoken: Spoken[] = [];

  /** @param format of the audio that will come */
  constructor(speech: SpeechOut, format: SoundFormat) {
    this.#speech = speech;
    this.#format = format;
  }

  begin(): Spoken {
    const spoken = new Spoken(this.#speech, this.#format);
    this.#spoken.push(spoken);
    return spoken;
  }

  /** Once a tick: keeps the queue filled. */
  work(): void {
    for (const spoken of this.#spoken) {
      spoken.work();
      if (spoken.waits) return;
    }
  }

  /** A segment was heard, cut or dropped: nothing more of it is wanted. */
  heard({ segment }: HeardSpeech): void {
    const at = this.#spoken.findIndex((spoken) => spoken.segment === segment);
    if (at >= 0) this.#spoken.splice(at, 1);
  }
}

/** One thing that a model says, which is one segment of the speech queue: audio and words on their way there. */
export class Spoken {
  readonly segment: SegmentId;
  readonly #speech: SpeechOut;
  readonly #rateHz: number;
  readonly #sound: SoundReader;
  readonly #words = new WordStream();
  /** Null where the rate is ours. */
  readonly #resampler: Resampler | null;
  readonly #converted: Int16Array;
  /** At the model's rate. */
  #waiting: Int16Array[] = [];
  #waitingSamples = 0;
  #receivedSamples = 0;
  #state: 'open' | 'complete' | 'ended' = 'open';
  /** Samples at 16 kHz that did not fit. */
  lost = 0;

  constructor(speech: SpeechOut, format: SoundFormat) {
    const { rateHz } = format;
    this.#speech = speech;
    this.#rateHz = rateHz;
    this.#sound = new SoundReader(format);
    this.#resampler = rateHz === SAMPLE_RATE_HZ ? null : new Resampler(rateHz, SAMPLE_RATE_HZ);
    this.#converted = new Int16Array(Math.ceil((SLICE_MS * SAMPLE_RATE_HZ) / 1000) + 1);
    this.segment = speech.begin();
  }

  /** What has come of it, whole milliseconds. */
  get receivedMs(): number {
    return Math.floor((this.#receivedSamples * 1000) / this.#rateHz);
  }

  /** Some of it is not in the queue yet. */
  get waits(): boolean {
    return this.#waitingSamples > 0;
  }

  /** @param piece in base64, cut anywhere */
  audio(piece: string): void {
    this.bytes(Buffer.from(piece, 'base64'));
  }

  /** The same as it is. */
  bytes(piece: Buffer): void {
    const samples = this.#sound.read(piece);
    this.#receivedSamples += samples.length;
    if (this.#waitingSamples > (MAX_WAITING_MS * this.#rateHz) / 1000) {
      this.lost += this.#atOurRate(samples.length);
      return;
    }
    this.#waiting.push(samples);
    this.#waitingSamples += samples.length;
    this.#speech.expect(this.segment, this.#atOurRate(this.#receivedSamples));
    this.work();
  }

  /** @param piece of the transcript, cut anywhere */
  text(piece: string): void {
    const words = this.#words.push(piece);
    if (words !== '') this.#speech.text(this.segment, words);
  }

  /** Words whose times are known, which takes the place of `text`. */
  timed(words: readonly WordTiming[]): void {
    this.#speech.text(this.segment, '', words);
  }

  /** The transcript is complete. */
  endText(): void {
    const last = this.#words.end();
    if (last !== '') this.#speech.text(this.segment, last);
  }

  /** The audio is complete. */
  end(): void {
    if (this.#state === 'open') this.#state = 'complete';
    this.work();
  }

  /** Gives the queue what it needs for the next while. */
  work(): void {
    while (this.#waitingSamples > 0 && this.#speech.queuedMs < AHEAD_MS) this.#convert();
    if (this.#state !== 'complete' || this.#waitingSamples > 0) return;
    this.#state = 'ended';
    this.#speech.end(this.segment);
  }

  #convert(): void {
    const first = this.#waiting[0] as Int16Array;
    const slice = first.subarray(0, (SLICE_MS * this.#rateHz) / 1000);
    if (slice.length === first.length) this.#waiting.shift();
    else this.#waiting[0] = first.subarray(slice.length);
    this.#waitingSamples -= slice.length;
    const samples = this.#atRate(slice);
    const taken = this.#speech.write(this.segment, samples);
    this.lost += samples.length - taken;
    if (taken > 0 || samples.length === 0) return;
    // The queue has no such segment any more: it was cut.
    this.#waiting = [];
    this.#waitingSamples = 0;
  }

  /** @returns memory that is good until the next call, or the slice itself */
  #atRate(slice: Int16Array): Int16Array {
    if (this.#resampler === null) return slice;
    return this.#converted.subarray(0, this.#resampler.process(slice, this.#converted));
  }

  #atOurRate(samples: number): number {
    return Math.floor((samples * SAMPLE_RATE_HZ) / this.#rateHz);
  }
}
