import { describe, expect, test } from 'vitest';
import { createCodec } from '../support/phone/codec.js';
import { decodeALaw, decodeMuLaw, encodeALaw, encodeMuLaw } from '../support/phone/g711.js';
import { rms, toneShare } from '../support/phone/recording.js';
import type { CodecName } from '../support/phone/sdp.js';
import { tone } from '../support/phone/sources.js';

/** A second of a tone through the wire. */
function through(name: CodecName, hz: number): Int16Array {
  const [codec, source, frame] = [createCodec(name), tone(hz), new Int16Array(320)];
  const out = new Int16Array(16_000);
  for (let i = 0; i < 50; i++) {
    source(frame, 0);
    const payload = codec.encode(frame);
    expect(payload.length).toBe(160);
    out.set(codec.decode(payload), i * 320);
  }
  return out.subarray(1600);
}

describe.each(['PCMU', 'PCMA', 'G722'] as const)('%s', (name) => {
  test.each([300, 1000, 3000])('carries %i Hz at its level', (hz) => {
    const heard = through(name, hz);
    expect(toneShare(heard, hz)).toBeGreaterThan(0.99);
    expect(20 * Math.log10(rms(heard) / (8000 / Math.SQRT2))).toBeCloseTo(0, 0);
  });
});

test('5.5 kHz passes in G.722 only', () => {
  expect(toneShare(through('G722', 5500), 5500)).toBeGreaterThan(0.95);
  expect(rms(through('PCMU', 5500))).toBeLessThan(20);
});

test('G.711 has the end points and the zero of the ITU tables', () => {
  expect([0, 32_767, -32_768].map(encodeMuLaw)).toEqual([0xff, 0x80, 0x00]);
  expect([0xff, 0x80, 0x00].map(decodeMuLaw)).toEqual([0, 32_124, -32_124]);
  expect([0, 32_767, -32_768].map(encodeALaw)).toEqual([0xd5, 0xaa, 0x2a]);
  expect([0xd5, 0xaa, 0x2a].map(decodeALaw)).toEqual([8, 32_256, -32_256]);
});

test('every G.711 code survives decoding and encoding', () => {
  for (let code = 0; code < 256; code++) {
    expect(encodeALaw(decodeALaw(code))).toBe(code);
    // Two codes for zero.
    if (code !== 0x7f) expect(encodeMuLaw(decodeMuLaw(code))).toBe(code);
  }
});
