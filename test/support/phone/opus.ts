import { createRequire } from 'node:module';
import type { OpusEncoder } from '@discordjs/opus';
import type { Codec } from './codec.js';

const { OpusEncoder: Opus } = createRequire(import.meta.url)('@discordjs/opus') as {
  readonly OpusEncoder: new (rateHz: number, channels: number) => OpusEncoder;
};

/** RFC 6716 by libopus: nobody writes this one for a test. */
export function createOpus(): Codec {
  const opus = new Opus(16_000, 1);
  return {
    encode: (samples) => opus.encode(Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength)),
    decode: (payload) => {
      const pcm = opus.decode(Buffer.from(payload));
      return Int16Array.from({ length: pcm.length / 2 }, (_, i) => pcm.readInt16LE(i * 2));
    },
  };
}
