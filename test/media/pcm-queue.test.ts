import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PcmQueue } from '../../src/media/pcm-queue.js';

type Step = { readonly op: 'write' | 'read' | 'peek' | 'skip'; readonly count: number };

const steps = fc.array(
  fc.record<Step>({
    op: fc.constantFrom('write', 'read', 'peek', 'skip'),
    count: fc.integer({ min: 0, max: 300 }),
  }),
  { maxLength: 200 },
);

describe('a queue of samples', () => {
  it('gives what was put in, in order, never more than that and never beyond its bound', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), steps, (capacity, list) => {
        const queue = new PcmQueue(capacity);
        const model: number[] = [];
        let next = 1;
        for (const { op, count } of list) {
          if (op === 'write') {
            const src = Int16Array.from({ length: count }, (_, i) => next + i);
            const taken = queue.write(src, count);
            expect(taken).toBe(Math.min(count, capacity - model.length));
            model.push(...src.subarray(0, taken));
            next = (next + count) % 20_000;
          } else if (op === 'skip') {
            expect(queue.skip(count)).toBe(model.splice(0, count).length);
          } else {
            const dst = new Int16Array(count + 3).fill(-1);
            const given = queue[op](dst, 2, count);
            expect([...dst.subarray(2, 2 + given)]).toEqual(model.slice(0, count));
            expect([dst[0], dst[1], ...dst.subarray(2 + given)].every((sample) => sample === -1)).toBe(true);
            if (op === 'read') model.splice(0, given);
          }
          expect(queue.length).toBe(model.length);
          expect(queue.length).toBeLessThanOrEqual(capacity);
        }
      }),
    );
  });

  it('writes no further than its destination reaches', () => {
    const queue = new PcmQueue(100);
    queue.write(new Int16Array(100).fill(7), 100);
    const dst = new Int16Array(10);
    expect(queue.read(dst, 4, 50)).toBe(6);
    expect(queue.read(dst, 12, 50)).toBe(0);
    expect(queue.length).toBe(94);
  });

  it('is empty after it was cleared', () => {
    const queue = new PcmQueue(10);
    queue.write(Int16Array.of(1, 2, 3), 3);
    queue.clear();
    expect(queue.length).toBe(0);
    expect(queue.read(new Int16Array(10), 0, 10)).toBe(0);
  });
});
