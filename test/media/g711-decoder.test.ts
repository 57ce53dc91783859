import { describe, expect, it } from 'vitest';
import { G711Decoder } from '../../src/media/g711-decoder.js';
import { pcma, pcmu } from '../../src/media/g711.js';

const TONE_HZ = 440;

describe.each([pcmu, pcma])('packets of $name', (codec) => {
  it.each([10, 20, 30, 60])('of %d ms become the same sound at 16 kHz, without a click where they meet', (ptimeMs) => {
    const decoder = new G711Decoder(codec);
    const heard: number[] = [];
    const dst = new Int16Array(1920);
    const codes = ptimeMs * 8;
    for (let packet = 0; packet * ptimeMs < 600; packet++) {
      const tone = Int16Array.from({ length: codes }, (_, i) => toneAt((packet * codes + i) / 8000));
      const payload = new Uint8Array(codes);
      codec.encode(tone, payload);
      expect(decoder.durationOf(payload)).toBe(2 * codes);
      expect(decoder.decode(payload, dst)).toBe(2 * codes);
      heard.push(...dst.subarray(0, 2 * codes));
    }
    // Once in steady state, no two neighbours are further apart than the tone and the quantization let them be.
    const steepest = 10_000 * 2 * Math.PI * (TONE_HZ / 16_000);
    for (let i = 400; i < heard.length; i++) {
      expect(Math.abs((heard[i] as number) - (heard[i - 1] as number))).toBeLessThan(steepest + 400);
    }
  });

  it('of no length, or longer than any phone sends, are none', () => {
    const decoder = new G711Decoder(codec);
    expect(decoder.durationOf(new Uint8Array(0))).toBe(0);
    expect(decoder.decode(new Uint8Array(481), new Int16Array(1920))).toBe(0);
  });
});

function toneAt(seconds: number): number {
  return Math.round(10_000 * Math.sin(2 * Math.PI * TONE_HZ * seconds));
}
