import { describe, expect, it } from 'vitest';
import { BeatWatch } from '../../src/core/beat-watch.js';
import { FakeClock } from '../support/fake-clock.js';

function setUp(): { clock: FakeClock; watch: BeatWatch; beats: number[]; silences: number[] } {
  const clock = new FakeClock();
  const beats: number[] = [];
  const silences: number[] = [];
  const watch = new BeatWatch({
    clock,
    intervalMs: 250,
    limit: 6,
    beat: (sequence) => beats.push(sequence),
    onSilence: () => silences.push(clock.nowMs()),
  });
  return { clock, watch, beats, silences };
}

describe('heartbeat watch', () => {
  it('tells a silence once, after seven beats of its own', () => {
    const { clock, watch, beats, silences } = setUp();
    watch.start();
    clock.advance(60_000);
    expect(silences).toEqual([1750]);
    expect(beats).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(clock.pendingAlarms).toBe(0);
  });

  // Incident: control froze in the first quarter of a second after the start, before its first beat; the media thread, which
  // begins to watch with that beat, never did, and the process stood there with its callers.
  it('beats at once', () => {
    const { watch, beats } = setUp();
    watch.start();
    expect(beats).toEqual([1]);
  });

  it('is content with any sign of life', () => {
    const { clock, watch, silences } = setUp();
    watch.start();
    for (let i = 0; i < 100; i++) {
      clock.advance(1500);
      watch.heard();
    }
    expect(silences).toEqual([]);
  });

  it('does not hear a silence after its stop', () => {
    const { clock, watch, silences } = setUp();
    watch.start();
    clock.advance(1600);
    watch.stop();
    clock.advance(10_000);
    expect(silences).toEqual([]);
    expect(clock.pendingAlarms).toBe(0);
  });

  it('does not take a machine that stood still for a frozen thread', () => {
    // Incident: a suspended guest came back after a minute; one alarm rang late, and a healthy thread was ended with its calls.
    const { clock, watch, silences } = setUp();
    const suspended: FakeClock['setAlarm'] = (delayMs, ring) =>
      FakeClock.prototype.setAlarm.call(clock, delayMs + 60_000, ring);
    watch.start();
    clock.advance(1000);
    clock.setAlarm = suspended;
    clock.advance(61_000);
    expect(silences).toEqual([]);
  });
});
