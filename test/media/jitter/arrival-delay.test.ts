import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArrivalDelay } from '../../../src/media/jitter/arrival-delay.js';
import { randomFrom } from '../../support/random.js';

describe('the target', () => {
  it('is what 95 of 100 packets need', () => {
    const target = afterwards(steady(uniform(60), 1000));
    expect(target).toBeGreaterThan(54);
    expect(target).toBeLessThanOrEqual(60);
  });

  it('is nothing worth naming where nothing jitters', () => {
    expect(afterwards(steady(() => 0, 500))).toBeLessThanOrEqual(2);
  });

  it('does not follow single stragglers', () => {
    expect(afterwards(steady((i) => (i % 50 === 0 ? 200 : 3), 1000))).toBeLessThan(10);
  });

  it('rises within a second when the network gets worse, and falls within half a minute when it is well again', () => {
    const delay = new ArrivalDelay();
    const random = randomFrom(1);
    const feed = (packets: { from: number; count: number; jitterMs: number }): void => {
      for (let i = packets.from; i < packets.from + packets.count; i++) {
        delay.add(i * 20 + random() * packets.jitterMs, i * 20);
      }
    };
    feed({ from: 0, count: 1500, jitterMs: 10 });
    expect(delay.targetMs).toBeLessThanOrEqual(10);
    feed({ from: 1500, count: 50, jitterMs: 60 });
    expect(delay.targetMs).toBeGreaterThan(45);
    feed({ from: 1550, count: 250, jitterMs: 60 });
    feed({ from: 1800, count: 250, jitterMs: 10 });
    expect(delay.targetMs).toBeGreaterThan(30);
    feed({ from: 2050, count: 1250, jitterMs: 10 });
    expect(delay.targetMs).toBeLessThanOrEqual(10);
  });

  it.each([500, -500])('is hardly touched by a clock that is off by %d ppm', (ppm) => {
    const delay = new ArrivalDelay();
    for (let i = 0; i < 3000; i++) delay.add(i * 20 * (1 + ppm / 1e6), i * 20);
    expect(delay.targetMs).toBeLessThanOrEqual(6);
    expect(3000 * 20 * (ppm / 1e6) - delay.baseMs).toBeLessThan(5);
  });

  it('learns the distance anew when it has changed for good', () => {
    const delay = new ArrivalDelay();
    for (let i = 0; i < 500; i++) delay.add(i * 20, i * 20);
    for (let i = 500; i < 1500; i++) delay.add(i * 20 + 100, i * 20);
    expect(delay.baseMs).toBeCloseTo(100);
  });

  it('keeps what it knows of the network when media time begins anew', () => {
    const delay = new ArrivalDelay();
    const random = randomFrom(2);
    for (let i = 0; i < 500; i++) delay.add(i * 20 + random() * 40, i * 20);
    delay.rebase();
    expect(delay.add(10_000, 5_000_000)).toBe(0);
    expect(delay.targetMs).toBeGreaterThan(30);
  });
});

describe('whatever arrives', () => {
  it('no packet is faster than the fastest, and the target is one that can be waited for', () => {
    const packet = fc.record({
      waitMs: fc.oneof(fc.constant(20), fc.double({ min: 0, max: 200, noNaN: true }), fc.constantFrom(5000, 60_000)),
      mediaMs: fc.oneof(fc.constant(20), fc.integer({ min: -500, max: 5000 })),
    });
    fc.assert(
      fc.property(fc.array(packet, { minLength: 1, maxLength: 300 }), (packets) => {
        const delay = new ArrivalDelay();
        let [nowMs, atMs] = [0, 0];
        for (const { waitMs, mediaMs } of packets) {
          nowMs += waitMs;
          atMs += mediaMs;
          expect(delay.add(nowMs, atMs)).toBeGreaterThanOrEqual(0);
          expect(delay.baseMs).toBeLessThanOrEqual(nowMs - atMs);
          expect(delay.targetMs).toBeGreaterThan(0);
          expect(delay.targetMs).toBeLessThanOrEqual(500);
        }
      }),
    );
  });
});

type Packet = { readonly arrivalMs: number; readonly mediaMs: number };

function steady(delayOf: (index: number) => number, count: number): Packet[] {
  return Array.from({ length: count }, (_, i) => ({ arrivalMs: i * 20 + delayOf(i), mediaMs: i * 20 }));
}

function uniform(jitterMs: number): () => number {
  const random = randomFrom(3);
  return () => random() * jitterMs;
}

function afterwards(packets: readonly Packet[]): number {
  const delay = new ArrivalDelay();
  for (const { arrivalMs, mediaMs } of packets) delay.add(arrivalMs, mediaMs);
  return delay.targetMs;
}
