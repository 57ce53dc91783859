import { describe, expect, it } from 'vitest';
import { MissedPackets } from '../../../src/media/jitter/missed-packets.js';

describe('packets that were given up', () => {
  it('are told from duplicates, once', () => {
    const missed = new MissedPackets();
    missed.add(10, 13);
    expect([9, 10, 11, 12, 13].map((sequence) => missed.take(sequence))).toEqual([false, true, true, true, false]);
    expect(missed.take(11)).toBe(false);
  });

  it('are forgotten when they are many, the oldest first', () => {
    const missed = new MissedPackets();
    missed.add(0, 1000);
    expect(missed.take(967)).toBe(false);
    expect(missed.take(968)).toBe(true);
    missed.add(1000, 1010);
    expect(missed.take(969)).toBe(false);
    expect(missed.take(999)).toBe(true);
  });

  it('are forgotten with their stream', () => {
    const missed = new MissedPackets();
    missed.add(1, 5);
    missed.clear();
    expect(missed.take(3)).toBe(false);
  });
});
