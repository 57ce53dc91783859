import fc from 'fast-check';
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

  it('are the last 32 of them, whatever is given up and whatever comes late', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('lost' as const), length: fc.integer({ min: 0, max: 50 }), apart: fc.nat(5) }),
      fc.record({ kind: fc.constant('late' as const), back: fc.nat(60) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const missed = new MissedPackets();
        // What is taken keeps its place among the 32.
        const model: { readonly sequence: number; taken: boolean }[] = [];
        let next = 0;
        for (const each of steps) {
          if (each.kind === 'lost') {
            const from = next + each.apart;
            next = from + each.length;
            missed.add(from, next);
            for (let sequence = from; sequence < next; sequence++) model.push({ sequence, taken: false });
            continue;
          }
          const wanted = next - each.back;
          const found = model.slice(-32).find(({ sequence, taken }) => sequence === wanted && !taken);
          expect(missed.take(wanted)).toBe(found !== undefined);
          if (found !== undefined) found.taken = true;
        }
      }),
    );
  });
});
