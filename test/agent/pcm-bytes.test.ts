import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PcmReader, pcmBytes } from '../../src/agent/pcm-bytes.js';

describe('samples in bytes', () => {
  it('are the same however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.int16Array(), fc.array(fc.nat({ max: 9 })), (samples, sizes) => {
        const bytes = pcmBytes(samples);
        const reader = new PcmReader();
        const got: number[] = [];
        let at = 0;
        for (const size of [...sizes, bytes.length]) {
          got.push(...reader.read(bytes.subarray(at, at + size)));
          at = Math.min(at + size, bytes.length);
        }
        expect(got).toEqual([...samples]);
      }),
    );
  });
});
