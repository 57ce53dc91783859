import type { SegmentId } from '../../../core/ids.js';
import { pcmu } from '../../../media/g711.js';
import { RateDoubler } from '../../../media/half-band.js';
import type { SpeechOut } from '../../port.js';

/** 200 ms of µ-law: what one turn may cost, ten times the pace of hearing. Bots send whole answers in one message. */
const BYTES_PER_TURN = 1600;
/** What the converter takes at once: 40 ms. */
const PIECE_BYTES = 320;
/** Two minutes of µ-law. What comes on top is lost, and counted. */
const MAX_WAITING_BYTES = 120 * 8000;
/** A bot that marks every packet would use up the speech queue's segments: from here on marks share one. */
const MAX_SEGMENTS = 128;
const MAX_WAITING_ITEMS = 20_000;
/** The queue is filled up to here; the rest waits here, where it costs an eighth of the memory. */
const MAX_QUEUED_MS = 30_000;

type Waiting = { readonly kind: 'audio'; readonly bytes: Buffer } | { readonly kind: 'mark'; readonly name: string };

export type DownlinkOptions = {
  readonly speech: SpeechOut;
  /** What was sent before this mark was heard, or dropped. */
  readonly onMark: (name: string) => void;
};

/**
 * What a bot says, on its way into the speech queue: µ-law at 8 kHz to 16 kHz, a bounded piece each turn, and marks in their place. A mark ends a
 * segment, so that the queue tells when it was heard.
 */
export class Downlink {
  readonly #speech: SpeechOut;
  readonly #onMark: (name: string) => void;
  #waiting: Waiting[] = [];
  /** Bytes of the first waiting item that are done. */
  #offset = 0;
  #waitingBytes = 0;
  #open: SegmentId | null = null;
  /** Segments that were begun and not heard to their end yet, with the marks behind them. */
  readonly #marks = new Map<SegmentId, string[]>();
  #doubler = new RateDoubler();
  readonly #narrow = new Int16Array(PIECE_BYTES);
  readonly #wide = new Int16Array(2 * PIECE_BYTES);
  /** Bytes that did not fit. */
  lost = 0;

  constructor(options: DownlinkOptions) {
    this.#speech = options.speech;
    this.#onMark = options.onMark;
  }

  media(bytes: Buffer): void {
    if (this.#waitingBytes + bytes.length > MAX_WAITING_BYTES || this.#waiting.length >= MAX_WAITING_ITEMS) {
      this.lost += bytes.length;
      return;
    }
    const idle = this.#waiting.length === 0;
    this.#waiting.push({ kind: 'audio', bytes });
    this.#waitingBytes += bytes.length;
    // A packet at the pace of speech must not wait for the next turn.
    if (idle) this.work();
  }

  mark(name: string): void {
    if (this.#waiting.length >= MAX_WAITING_ITEMS) return;
    if (this.#waiting.length > 0) this.#waiting.push({ kind: 'mark', name });
    else this.#mark(name);
  }

  /** Once a tick: another piece of what waits. */
  work(): void {
    let bytes = 0;
    let done = 0;
    while (bytes < BYTES_PER_TURN && this.#speech.queuedMs < MAX_QUEUED_MS) {
      const item = this.#waiting[done];
      if (item === undefined) break;
      if (item.kind === 'mark') this.#mark(item.name);
      else {
        const piece = item.bytes.subarray(this.#offset, this.#offset + PIECE_BYTES);
        this.#speak(piece);
        bytes += piece.length;
        this.#offset += piece.length;
        if (this.#offset < item.bytes.length) continue;
        this.#offset = 0;
      }
      done += 1;
    }
    this.#waitingBytes -= bytes;
    if (done > 0) this.#waiting.splice(0, done);
  }

  /** Forgets what waits and stops what plays; the marks of both are told. */
  clear(): void {
    this.cut();
    this.#speech.clear();
  }

  /** The queue was cut by somebody else: what waits belongs to it. */
  cut(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#offset = 0;
    this.#doubler = new RateDoubler();
    for (const item of waiting) if (item.kind === 'mark') this.#mark(item.name);
    this.end();
  }

  /** Everything that came is in the queue. */
  get idle(): boolean {
    return this.#waiting.length === 0;
  }

  /** Nothing more belongs to the segment at hand. */
  end(): void {
    if (this.#open !== null) this.#speech.end(this.#open);
    this.#open = null;
  }

  /** A segment was heard, cut or dropped. */
  heard(segment: SegmentId): void {
    if (segment === this.#open) this.#open = null;
    const names = this.#marks.get(segment) ?? [];
    this.#marks.delete(segment);
    for (const name of names) this.#onMark(name);
    // A segment that had to take further marks may end now.
    if (this.#open !== null && (this.#marks.get(this.#open)?.length ?? 0) > 0) this.end();
  }

  #speak(bytes: Buffer): void {
    pcmu.decode(bytes, this.#narrow);
    const count = this.#doubler.process(this.#narrow.subarray(0, bytes.length), this.#wide);
    this.#speech.write(this.#segment(), this.#wide.subarray(0, count));
  }

  #mark(name: string): void {
    const segment = this.#segment();
    this.#marks.get(segment)?.push(name);
    if (this.#marks.size < MAX_SEGMENTS) this.end();
  }

  /** The open segment; one without any audio is heard as soon as what is before it was. */
  #segment(): SegmentId {
    if (this.#open === null) {
      this.#open = this.#speech.begin();
      this.#marks.set(this.#open, []);
    }
    return this.#open;
  }
}
