import { FRAME_SAMPLES, SAMPLE_RATE_HZ } from '../../core/units.js';
import type { RateConverter } from '../../media/rate-converter.js';
import { openRateConverter } from '../../media/rate-converter.js';
import type { DatagramFormat } from './wire.js';

/** Datagrams of 10 ms come in twos; a system that is behind keeps some; these are apart from both. */
const BUFFERS = 8;

/** One buffer, seen as what it holds and as what is sent. */
type Datagram = { readonly samples: Int16Array; readonly bytes: Uint8Array };

/** Frames of 16 kHz and 20 ms made into datagrams of the wire's rate and ptime. */
export class Downlink {
  readonly #format: DatagramFormat;
  readonly #converter: RateConverter | null;
  readonly #converted: Int16Array;
  /** In turn, since the socket holds on to what waits in it. */
  readonly #datagrams: readonly Datagram[];
  #next = 0;
  /** Samples in the datagram at hand; less than it holds. */
  #filled = 0;

  constructor(format: DatagramFormat) {
    const { rateHz, bytes } = format;
    this.#format = format;
    this.#converter = openRateConverter(SAMPLE_RATE_HZ, rateHz);
    this.#converted = new Int16Array(Math.ceil((FRAME_SAMPLES * rateHz) / SAMPLE_RATE_HZ) + 1);
    this.#datagrams = Array.from({ length: BUFFERS }, () => {
      const samples = new Int16Array(bytes / 2);
      return { samples, bytes: new Uint8Array(samples.buffer) };
    });
  }

  /** Takes one frame and gives each datagram that it completes to `send`; its bytes stay as they are for the next seven. */
  push(src: Int16Array, send: (datagram: Uint8Array) => void): void {
    const converted = this.#converter === null ? src : this.#converted;
    const count = this.#converter === null ? src.length : this.#converter.process(src, this.#converted);
    const size = this.#format.bytes / 2;
    for (let from = 0; from < count;) {
      const datagram = this.#datagrams[this.#next] as Datagram;
      const end = Math.min(count, from + size - this.#filled);
      for (let i = from; i < end; i++) datagram.samples[this.#filled++] = converted[i] as number;
      from = end;
      if (this.#filled < size) break;
      this.#filled = 0;
      this.#next = (this.#next + 1) % BUFFERS;
      send(datagram.bytes);
    }
  }

  describe(): string[] {
    return this.#converter === null ? [] : [`resample ${SAMPLE_RATE_HZ} to ${this.#format.rateHz} Hz`];
  }
}
