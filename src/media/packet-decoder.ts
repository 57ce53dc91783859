/**
 * A codec as a jitter buffer needs it: packets of one stream, in the order of their time, to mono s16 at 16 kHz. Synchronous; the buffers are
 * the caller's and have room for 120 ms (1920 samples).
 */
export interface PacketDecoder {
  /** Whether it makes up for losses by itself; if not, that is done on the samples. */
  readonly conceals: 'yes' | 'no';
  /** Length of what a payload decodes to, in samples at 16 kHz, without decoding it; 0 when it cannot be a packet of this codec. */
  durationOf(payload: Uint8Array): number;
  /** @returns samples written; 0 when the payload is broken (`dst` is untouched then) */
  decode(payload: Uint8Array, dst: Int16Array): number;
  /**
   * The packet before `next` is lost: makes its `samples` out of what `next` carries for that case (forward error correction).
   * @returns samples written; 0 when `next` carries nothing of it
   */
  recover(next: Uint8Array, dst: Int16Array, samples: number): number;
  /** Makes up `samples`, a multiple of 40, for a loss, out of what was decoded before. @returns samples written; 0 when it cannot */
  conceal(dst: Int16Array, samples: number): number;
  /** Idempotent. */
  close(): void;
}
