import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { FRAME_SAMPLES } from '../../src/core/units.js';
import { G711Decoder } from '../../src/media/g711-decoder.js';
import { pcmu } from '../../src/media/g711.js';
import { JitterBuffer } from '../../src/media/jitter-buffer.js';
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

describe('any packets at any time', () => {
  let opus: OpusDecoder;
  beforeAll(async () => {
    opus = await OpusDecoder.open();
  });
  afterAll(() => opus.close());

  const packet = fc.record({
    ssrc: fc.constantFrom(1, 1, 1, 1, 2),
    step: fc.constantFrom(1, 1, 1, 1, 2, 3, 0, -1, -5, 100, 30_000),
    ticks: fc.oneof(fc.constant(1), fc.integer({ min: -10, max: 200 }), fc.nat(0xffff_ffff)),
    payload: fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      // One frame of 20 ms, SILK or CELT, with anything in it.
      fc.tuple(fc.constantFrom(0x48, 0xf8), fc.uint8Array({ maxLength: 80 })).map(([toc, rest]) => [toc, ...rest]),
    ),
    waitMs: fc.oneof(fc.constant(20), fc.double({ min: 0, max: 100, noNaN: true }), fc.constantFrom(0, 1500)),
    pulls: fc.constantFrom(0, 1, 1, 1, 2, 5),
  });
  const stream = fc.record({ codec: fc.constantFrom('opus', 'pcmu'), packets: fc.array(packet, { maxLength: 60 }) });

  fuzz('are whole frames to the jitter buffer, and no more waits than may', stream, ({ codec, packets }) => {
    const decoder = codec === 'opus' ? opus : new G711Decoder(pcmu);
    const clockRateHz = codec === 'opus' ? 48_000 : 8000;
    const counters = noCounters();
    const buffer = new JitterBuffer({ decoder, clockRateHz, counters });
    const frame = new Int16Array(FRAME_SAMPLES);
    let [nowMs, sequenceNumber, timestamp] = [0, 65_500, 0xffff_0000];
    for (const { ssrc, step, ticks, payload, waitMs, pulls } of packets) {
      nowMs += waitMs;
      sequenceNumber = (sequenceNumber + step) & 0xffff;
      timestamp = (timestamp + (ticks * clockRateHz) / 50) >>> 0;
      buffer.insert({ ssrc, sequenceNumber, timestamp }, Uint8Array.from(payload), nowMs);
      for (let n = 0; n < pulls; n++) expect([0, 1, 2]).toContain(buffer.pull(frame, nowMs + n * 20));
      // 64 packets of 120 ms, and what is decoded.
      expect(buffer.depthMs).toBeGreaterThanOrEqual(0);
      expect(buffer.depthMs).toBeLessThan(10_000);
      expect(buffer.targetMs).toBeLessThanOrEqual(500);
    }
    for (const count of Object.values({ ...counters, ...buffer.packets })) expect(count).toBeGreaterThanOrEqual(0);
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
