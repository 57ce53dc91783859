import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { G711Codec } from '../../src/media/g711.js';
import { pcma, pcmu } from '../../src/media/g711.js';

/** A law as the Recommendation prints it, for positive values: decision values and the output between two of them. */
type Table = {
  readonly codec: G711Codec;
  readonly unit: number;
  readonly decisions: number[];
  readonly outputs: number[];
};

/** G.711 table 1a: 13 segments, on a scale where full load is 4096. */
function tableA(): Table {
  const decisions = [0];
  for (let segment = 0; segment < 8; segment++) {
    const step = 2 * 2 ** Math.max(0, segment - 1);
    for (let i = 0; i < 16; i++) decisions.push((decisions.at(-1) as number) + step);
  }
  const outputs = decisions.slice(1).map((to, i) => (to + (decisions[i] as number)) / 2);
  return { codec: pcma, unit: 8, decisions, outputs };
}

/** G.711 table 2a: 15 segments, on a scale where full load is 8159. */
function tableMu(): Table {
  const decisions = [0, 1];
  for (let i = 1; i < 16; i++) decisions.push((decisions.at(-1) as number) + 2);
  for (let segment = 1; segment < 8; segment++) {
    for (let i = 0; i < 16; i++) decisions.push((decisions.at(-1) as number) + 2 * 2 ** segment);
  }
  const outputs = decisions.slice(1).map((to, i) => (i === 0 ? 0 : (to + (decisions[i] as number)) / 2));
  return { codec: pcmu, unit: 4, decisions, outputs };
}

describe.each([
  { name: 'A-law', table: tableA(), maximum: 0xaa, wire: (code: number) => code ^ 0x55 },
  { name: 'µ-law', table: tableMu(), maximum: 0x80, wire: (code: number) => code ^ 0x7f },
])('$name', ({ table, maximum, wire }) => {
  const { codec, unit, decisions, outputs } = table;

  it('decodes each code to the value of the ITU table', () => {
    const positive = outputs.map((_, i) => wire(0x80 | i));
    expect(decode(codec, positive)).toEqual(outputs.map((output) => output * unit));
    const negative = positive.map((code) => code & 0x7f);
    expect(decode(codec, negative)).toEqual(outputs.map((output) => -output * unit || 0));
  });

  it('encodes everything between two decision values of the ITU table to the code between them', () => {
    decisions.slice(0, -1).forEach((decision, i) => {
      const last = Math.min(32_767, (decisions[i + 1] as number) * unit - 1);
      const code = wire(0x80 | i);
      expect(encode(codec, [decision * unit, last])).toEqual([code, code]);
      // One's complement: the smallest negative sample mirrors the smallest positive one.
      expect(encode(codec, [~(decision * unit), ~last])).toEqual([code & 0x7f, code & 0x7f]);
    });
  });

  it('clips what is louder than the table', () => {
    expect(encode(codec, [32_767, -32_768])).toEqual([maximum, maximum & 0x7f]);
  });

  it('gives each code back that it decoded, but for the negative zero of µ-law', () => {
    const codes = Array.from({ length: 256 }, (_, code) => code);
    const again = encode(codec, decode(codec, codes));
    expect(again).toEqual(codes.map((code) => (codec === pcmu && code === 0x7f ? 0xff : code)));
  });

  it('is never further away than half a step, and never turns the order round', () => {
    // The loudest output of µ-law is 32 124.
    const sample = fc.integer({ min: -32_124, max: 32_124 });
    fc.assert(
      fc.property(sample, sample, (a, b) => {
        const [low, high] = decode(codec, encode(codec, [Math.min(a, b), Math.max(a, b)])) as [number, number];
        expect(low).toBeLessThanOrEqual(high);
        expect(Math.abs(low - Math.min(a, b))).toBeLessThanOrEqual(8 + Math.abs(Math.min(a, b)) / 32);
      }),
    );
  });
});

describe('the digital milliwatt', () => {
  it('is 1 kHz at 0 dBm0 in both laws (G.711 tables 5 and 6)', () => {
    const mu = decode(pcmu, [0x1e, 0x0b, 0x0b, 0x1e, 0x9e, 0x8b, 0x8b, 0x9e]);
    const a = decode(pcma, [0x34, 0x21, 0x21, 0x34, 0xb4, 0xa1, 0xa1, 0xb4]);
    expect(mu).toEqual([-8828, -20_860, -20_860, -8828, 8828, 20_860, 20_860, 8828]);
    expect(a).toEqual([-8960, -20_992, -20_992, -8960, 8960, 20_992, 20_992, 8960]);
  });
});

function decode(codec: G711Codec, codes: number[]): number[] {
  const dst = new Int16Array(codes.length);
  expect(codec.decode(Uint8Array.from(codes), dst)).toBe(codes.length);
  return [...dst];
}

function encode(codec: G711Codec, samples: number[]): number[] {
  const dst = new Uint8Array(samples.length);
  expect(codec.encode(Int16Array.from(samples), dst)).toBe(samples.length);
  return [...dst];
}
