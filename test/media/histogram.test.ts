import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Histogram } from '../../src/media/histogram.js';

describe('histogram', () => {
  it('knows nothing of nothing', () => {
    const histogram = new Histogram({ step: 1, buckets: 4 });
    expect([histogram.quantile(0.5), histogram.max, histogram.count]).toEqual([0, 0, 0]);
  });

  it('gives each quantile to within a step, whatever the values', () => {
    const values = fc.array(fc.double({ min: 0, max: 99, noNaN: true }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(values, fc.double({ min: 0.01, max: 1, noNaN: true }), (list, part) => {
        const histogram = new Histogram({ step: 0.25, buckets: 400 });
        for (const value of list) histogram.add(value);
        const sorted = [...list].sort((a, b) => a - b);
        const exact = sorted[Math.ceil(part * list.length) - 1] as number;
        const found = histogram.quantile(part);
        expect(found).toBeGreaterThanOrEqual(exact);
        expect(found - exact).toBeLessThanOrEqual(0.25);
        expect(histogram.max).toBe(sorted.at(-1));
      }),
    );
  });

  it('keeps the greatest value exactly, beyond its last bucket too', () => {
    const histogram = new Histogram({ step: 1, buckets: 10 });
    histogram.add(700.5);
    expect([histogram.quantile(0.99), histogram.max]).toEqual([700.5, 700.5]);
    histogram.clear();
    expect(histogram.max).toBe(0);
  });
});
