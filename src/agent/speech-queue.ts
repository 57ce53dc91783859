import type { SegmentId } from '../core/ids.js';
import { newSegmentId } from '../core/ids.js';
import { SAMPLES_PER_MS } from '../core/units.js';
import type { HeardSpeech, SpeechOut, WordTiming } from './port.js';
import { Questions } from './questions.js';
import type { SampleChunks } from './sample-chunks.js';
import { SampleQueue } from './sample-chunks.js';
import { textHeard } from './text-heard.js';

/** Two minutes: a long answer in full. What comes on top was written by a provider that does not listen to us. */
const CAPACITY_MS = 120_000;
/** An agent that opens more segments than this speaks to itself. */
const MAX_SEGMENTS = 256;
/** Shorter clicks, longer is audible as speech that goes on. */
const FADE_SAMPLES = 5 * SAMPLES_PER_MS;
/** An onset is noticed 160 ms late, and whoever spoke did not listen: what was said then is said again. */
const REPEATED_SAMPLES = 240 * SAMPLES_PER_MS;
/** Who speaks into the last of what an agent has to say has not interrupted it. */
const NEARLY_OVER_MS = 400;

type Segment = {
  readonly id: SegmentId;
  readonly interruption: 'allowed' | 'protected';
  readonly samples: SampleQueue;
  /** Words said with their times, as far as they are known. */
  readonly words: { readonly word: string; readonly endMs: number | null }[];
  written: number;
  /** What its writer knows of its length; 0 when it did not say. */
  expected: number;
  played: number;
  state: 'open' | 'ended';
};

export type SpeechQueueOptions = {
  readonly pool: SampleChunks;
  /** Called within `read`, for segments that are cleared while they are held within `clear`; once for each, in order. */
  readonly onHeard: (speech: HeardSpeech) => void;
};

/**
 * What the agent says, between its writing at any speed and the ticker's reading frame by frame. Knows to the sample what the caller
 * heard, because it handed it to the ticker.
 */
export class SpeechQueue implements SpeechOut {
  readonly #pool: SampleChunks;
  readonly #onHeard: (speech: HeardSpeech) => void;
  readonly #segments: Segment[] = [];
  /** Cleared, and still to be faded out and reported at the next `read`. */
  #cut: Segment[] = [];
  /** stopping: held, and still to be faded out at the next `read`. */
  #state: 'playing' | 'stopping' | 'held' = 'playing';
  readonly #questions = new Questions();
  /** Ring of what was read last; the next sample goes to `#recentAt`. */
  readonly #recent = new Int16Array(REPEATED_SAMPLES);
  #recentAt = 0;
  /** The newest of the ring that are to be read once more, before anything else. */
  #repeated = 0;
  /** Samples since it went on, as long as they are faded in. */
  #fadedIn = FADE_SAMPLES;
  /** Samples that did not fit. */
  lost = 0;
  /** Frames in which an open segment that had begun to play had nothing. */
  underruns = 0;

  constructor(options: SpeechQueueOptions) {
    this.#pool = options.pool;
    this.#onHeard = options.onHeard;
  }

  get queuedMs(): number {
    let samples = this.#repeated;
    for (const segment of this.#segments) samples += segment.samples.length;
    return samples / SAMPLES_PER_MS;
  }

  /** Nothing to play, nothing to report, nobody is writing. */
  get idle(): boolean {
    return this.#segments.length === 0 && this.#cut.length === 0;
  }

  /** Whether a segment has been heard in part. */
  get playing(): boolean {
    return (this.#segments[0]?.played ?? 0) > 0;
  }

  get held(): boolean {
    return this.#state !== 'playing';
  }

  /** What the caller has heard by now of the segment that plays. */
  get saying(): string {
    const segment = this.#segments[0];
    return segment === undefined || segment.played === 0 ? '' : heardOf(segment, true).text;
  }

  /** Whether there is speech, heard or about to be, and whether the caller's voice may cut it. */
  get current(): 'none' | 'allowed' | 'protected' {
    const first = this.#segments[0];
    return first === undefined || (first.written === 0 && first.state === 'open') ? 'none' : first.interruption;
  }

  /** Nothing is being said, and what was said last was a question. */
  get asked(): boolean {
    return this.#segments.length === 0 && this.#questions.open;
  }

  get awaitsAnswer(): boolean {
    const first = this.#segments[0];
    if (first === undefined) return true;
    const isAll = this.#segments.every(({ state }) => state === 'ended');
    if (isAll && this.queuedMs <= NEARLY_OVER_MS) return true;
    return this.#questions.mayBeAnswered(first.words, first.played / SAMPLES_PER_MS, totalMsOf(first));
  }

  begin(options?: { readonly interruption?: 'allowed' | 'protected' }): SegmentId {
    const id = newSegmentId();
    if (this.#segments.length >= MAX_SEGMENTS) return id;
    this.#segments.push({
      id,
      interruption: options?.interruption ?? 'allowed',
      samples: new SampleQueue(this.#pool, CAPACITY_MS * SAMPLES_PER_MS),
      words: [],
      written: 0,
      expected: 0,
      played: 0,
      state: 'open',
    });
    return id;
  }

  write(segmentId: SegmentId, pcm: Int16Array): number {
    const segment = this.#find(segmentId);
    const room = Math.max(0, CAPACITY_MS * SAMPLES_PER_MS - this.queuedMs * SAMPLES_PER_MS);
    const fitting = room >= pcm.length ? pcm : pcm.subarray(0, room);
    const taken = segment?.state === 'open' ? segment.samples.write(fitting) : 0;
    if (segment !== undefined) {
      segment.written += taken;
      this.lost += pcm.length - taken;
    }
    return taken;
  }

  expect(segmentId: SegmentId, samples: number): void {
    const segment = this.#find(segmentId);
    if (segment !== undefined) segment.expected = samples;
  }

  text(segmentId: SegmentId, text: string, words?: readonly WordTiming[]): void {
    const segment = this.#find(segmentId);
    if (segment === undefined) return;
    if (words !== undefined) segment.words.push(...words);
    else for (const word of text.split(/\s+/)) if (word !== '') segment.words.push({ word, endMs: null });
  }

  end(segmentId: SegmentId): void {
    const segment = this.#find(segmentId);
    if (segment !== undefined) segment.state = 'ended';
  }

  clear(): void {
    const wasSilent = this.#state === 'held';
    this.#state = 'playing';
    this.#repeated = 0;
    this.#questions.forget();
    if (this.#segments.length === 0) return;
    const cut = this.#segments.splice(0);
    if (!wasSilent) {
      this.#cut = this.#cut.concat(cut);
      return;
    }
    for (const segment of cut) this.#drop(segment);
  }

  ifCleared(): readonly HeardSpeech[] {
    return this.#segments.map((segment) => heardOf(segment, true));
  }

  /** Stops at the next `read`, with a fade, and keeps everything until `resume` or `clear`. */
  hold(): void {
    if (this.#state === 'playing' && this.#segments.length > 0) this.#state = 'stopping';
  }

  /** Goes on, a moment before the place where it was held. */
  resume(): void {
    if (this.#state === 'held') {
      const [first] = this.#segments;
      const more = Math.min(REPEATED_SAMPLES - this.#repeated, first?.played ?? 0);
      this.#repeated += more;
      if (first !== undefined) first.played -= more;
      this.#fadedIn = 0;
    }
    this.#state = 'playing';
  }

  /**
   * Fills `dst` with what is to be heard now, silence where there is nothing.
   * @returns how many of its samples are speech
   */
  read(dst: Int16Array): number {
    let filled = this.#cut.length > 0 ? this.#finishCut(dst) : 0;
    if (this.#state === 'stopping') {
      this.#state = 'held';
      const [first] = this.#segments;
      if (filled === 0 && first !== undefined && first.played > 0) filled = this.#fadeOut(first, dst);
    }
    while (filled < dst.length && this.#state === 'playing') {
      const segment = this.#segments[0];
      if (segment === undefined) break;
      filled += this.#take(segment, dst, filled, dst.length - filled);
      if (segment.samples.length > 0 || this.#repeated > 0) continue;
      if (segment.state === 'open') {
        if (segment.played > 0 && filled < dst.length) this.underruns += 1;
        break;
      }
      this.#segments.shift();
      this.#report(segment, false);
    }
    dst.fill(0, filled);
    return filled;
  }

  /** Gives all storage back; nothing is reported. */
  close(): void {
    for (const segment of this.#segments) segment.samples.clear();
    for (const segment of this.#cut) segment.samples.clear();
    this.#segments.length = 0;
    this.#cut.length = 0;
    this.#repeated = 0;
  }

  /** The first cut segment fades out if it was audible; all of them are reported. */
  #finishCut(dst: Int16Array): number {
    const cut = this.#cut;
    this.#cut = [];
    let filled = 0;
    for (const segment of cut) {
      if (segment.played > 0 && filled === 0) filled = this.#fadeOut(segment, dst);
      this.#drop(segment);
    }
    return filled;
  }

  #fadeOut(segment: Segment, dst: Int16Array): number {
    const count = this.#take(segment, dst, 0, FADE_SAMPLES);
    for (let i = 0; i < count; i++) dst[i] = Math.round(((dst[i] as number) * (count - i)) / (count + 1));
    return count;
  }

  #drop(segment: Segment): void {
    segment.samples.clear();
    this.#report(segment, true);
  }

  /** The next samples of a segment, those first that are said again; returns how many there were. */
  #take(segment: Segment, dst: Int16Array, at: number, count: number): number {
    let part: number;
    if (this.#repeated > 0) {
      part = Math.min(count, this.#repeated);
      const from = this.#recentAt - this.#repeated + REPEATED_SAMPLES;
      for (let i = 0; i < part; i++) dst[at + i] = this.#recent[(from + i) % REPEATED_SAMPLES] as number;
      this.#repeated -= part;
    } else {
      part = segment.samples.read(dst, at, count);
      for (let i = 0; i < part; i++) {
        this.#recent[this.#recentAt] = dst[at + i] as number;
        this.#recentAt = this.#recentAt + 1 === REPEATED_SAMPLES ? 0 : this.#recentAt + 1;
      }
    }
    segment.played += part;
    for (let i = 0; i < part && this.#fadedIn < FADE_SAMPLES; i++) {
      this.#fadedIn += 1;
      dst[at + i] = Math.round(((dst[at + i] as number) * this.#fadedIn) / FADE_SAMPLES);
    }
    return part;
  }

  #report(segment: Segment, interrupted: boolean): void {
    if (!interrupted) this.#questions.heard(segment.words, totalMsOf(segment));
    this.#onHeard(heardOf(segment, interrupted));
  }

  #find(segmentId: SegmentId): Segment | undefined {
    return this.#segments.find((segment) => segment.id === segmentId);
  }
}

function heardOf(segment: Segment, interrupted: boolean): HeardSpeech {
  const { id, words, played } = segment;
  const heardMs = played / SAMPLES_PER_MS;
  const text = interrupted ? textHeard(words, heardMs, totalMsOf(segment)) : words.map(({ word }) => word).join(' ');
  return { segment: id, heardMs, text, interrupted };
}

function totalMsOf({ written, expected }: Segment): number {
  return Math.max(written, expected) / SAMPLES_PER_MS;
}
