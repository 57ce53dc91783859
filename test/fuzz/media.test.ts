import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { FRAME_SAMPLES } from '../../src/core/units.js';
import { OpusDecoder } from '../../src/media/opus/decoder.js';
import { MAX_CHUNK_MS, StreamUplink } from '../../src/media/stream-uplink.js';
import { fuzz } from '../support/fuzz.js';
import { noCounters } from '../support/playout-run.js';

/** 120 ms, the longest packet of Opus. */
const MOST_SAMPLES = 120 * 16;

describe('any bytes', () => {
  let decoder: OpusDecoder;
  const room = new Int16Array(MOST_SAMPLES + 1);
  beforeAll(async () => {
    decoder = await OpusDecoder.open();
  });
  afterAll(() => decoder.close());

  fuzz('are sound or none to the Opus decoder, and it goes on', fc.uint8Array({ maxLength: 400 }), (payload) => {
    room[MOST_SAMPLES] = 4711;
    for (const samples of [decoder.decode(payload, room), decoder.recover(payload, room, FRAME_SAMPLES)]) {
      expect(samples).toBeGreaterThanOrEqual(0);
      expect(samples).toBeLessThanOrEqual(MOST_SAMPLES);
    }
    expect(decoder.conceal(room, FRAME_SAMPLES)).toBe(FRAME_SAMPLES);
    expect(room[MOST_SAMPLES]).toBe(4711);
  });
});

describe('any chunks at any time', () => {
  const chunk = fc.record({
    bytes: fc.nat(400).chain((samples) => fc.uint8Array({ minLength: samples * 2, maxLength: samples * 2 })),
    waitMs: fc.oneof(fc.constant(20), fc.double({ min: 0, max: 120, noNaN: true }), fc.constantFrom(0, 2000, 60_000)),
    pulls: fc.constantFrom(0, 1, 1, 1, 2, 5),
  });
  const run = fc.record({
    rateHz: fc.constantFrom(8000, 16_000, 24_000, 44_100, 48_000),
    chunks: fc.array(chunk, { maxLength: 40 }),
  });

  fuzz('are played in whole frames, and no more waits than may', run, ({ rateHz, chunks }) => {
    const uplink = new StreamUplink(rateHz, noCounters());
    const frame = new Int16Array(FRAME_SAMPLES);
    let nowMs = 0;
    for (const { bytes, waitMs, pulls } of chunks) {
      nowMs += waitMs;
      uplink.push(bytes, 0, bytes.length, nowMs);
      expect(uplink.depthMs).toBeLessThanOrEqual(240 + MAX_CHUNK_MS);
      for (let n = 0; n < pulls; n++) {
        expect([0, 1, 2]).toContain(uplink.pull(frame, nowMs + n * 20));
      }
    }
  });
});
