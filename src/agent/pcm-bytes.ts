/**
 * Little-endian s16 bytes in pieces of any size, as samples: a sample may be cut in two by the border of pieces. The machine is little endian
 * too: `transports/audiosocket/wire.ts` checks it at the start.
 */
export class PcmReader {
  /** First byte of a sample whose second has not come; -1 when there is none. */
  #half = -1;

  /** The samples that are complete now: in the memory of `bytes`, which is the reader's from now on, where they lie in it as samples do; else in their own. */
  read(bytes: Uint8Array): Int16Array {
    const carried = this.#half >= 0 ? 1 : 0;
    const count = (bytes.length + carried) >> 1;
    if (carried === 0 && bytes.byteOffset % 2 === 0) {
      if (bytes.length % 2 === 1) this.#half = bytes[bytes.length - 1] as number;
      return new Int16Array(bytes.buffer, bytes.byteOffset, count);
    }
    const samples = new Int16Array(count);
    if (count === 0) {
      if (bytes.length > 0) this.#half = bytes[0] as number;
      return samples;
    }
    const target = new Uint8Array(samples.buffer);
    const used = count * 2 - carried;
    if (carried === 1) target[0] = this.#half;
    target.set(bytes.subarray(0, used), carried);
    this.#half = used < bytes.length ? (bytes[used] as number) : -1;
    return samples;
  }
}

/** Samples as little-endian bytes, in the same memory. */
export function pcmBytes(samples: Int16Array): Buffer {
  return Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength);
}
