import type { Clock } from '../../core/clock.js';
import type { LegId } from '../../core/ids.js';
import { FRAME_SAMPLES, SAMPLES_PER_MS, SAMPLE_RATE_HZ } from '../../core/units.js';
import { ElasticFifo } from '../../media/elastic-fifo.js';
import type { FrameKind, LegCloseReason, LegCounters, LegListener, MediaLeg, Playout } from '../../media/leg.js';
import { newLegCounters } from '../../media/leg.js';

/** What the queue takes at once. */
const MAX_CHUNK_SAMPLES = 60 * SAMPLES_PER_MS;

export type SocketLegOptions = {
  readonly id: LegId;
  /** Takes one frame to the client: mono s16, 16 kHz, 320 samples, of nobody else's. */
  readonly send: (pcm: Int16Array) => void;
  readonly clock: Clock;
  readonly onClosed: () => void;
};

/** A client without WebRTC: plain frames, whose WebSocket lives on another thread. Digits come from there as well. */
export class SocketLeg implements MediaLeg {
  readonly id: LegId;
  readonly codec = 'slin16';
  readonly wireRateHz = SAMPLE_RATE_HZ;
  listener: LegListener | null = null;
  readonly #send: (pcm: Int16Array) => void;
  readonly #clock: Clock;
  readonly #onClosed: () => void;
  readonly #counters: LegCounters = newLegCounters();
  readonly #fifo = new ElasticFifo(this.#counters);
  #closed = false;

  constructor(options: SocketLegOptions) {
    this.id = options.id;
    this.#send = options.send;
    this.#clock = options.clock;
    this.#onClosed = options.onClosed;
  }

  get counters(): Readonly<LegCounters> {
    return this.#counters;
  }

  get playout(): Playout {
    return this.#fifo;
  }

  /** A message of the client: any number of samples. */
  hear(pcm: Int16Array): void {
    if (this.#closed) return;
    this.#counters.framesIn += 1;
    const nowMs = this.#clock.nowMs();
    for (let at = 0; at < pcm.length; at += MAX_CHUNK_SAMPLES) {
      const chunk = pcm.subarray(at, at + MAX_CHUNK_SAMPLES);
      this.#fifo.push(chunk, chunk.length, nowMs);
    }
  }

  pull(dst: Int16Array, nowMs: number): FrameKind {
    return this.#fifo.pull(dst, nowMs);
  }

  push(src: Int16Array): void {
    if (this.#closed) return;
    this.#counters.framesOut += 1;
    this.#send(src.slice(0, FRAME_SAMPLES));
  }

  describe(): string[] {
    return ['websocket, L16 at 16000 Hz', ...this.#fifo.describe(), 'websocket, L16 at 16000 Hz, 20 ms a message'];
  }

  close(reason: LegCloseReason): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClosed();
    const { listener } = this;
    this.listener = null;
    listener?.closed(reason, 'closed by Linecard');
  }
}
