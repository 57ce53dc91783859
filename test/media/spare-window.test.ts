import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SpareWindow } from '../../src/media/spare-window.js';

/** Half a second. */
const BLOCK_FRAMES = 25;
const BLOCKS = 8;

describe('the least spare depth', () => {
  it('of four seconds is forgotten after four, that of the last second after one', () => {
    const window = new SpareWindow();
    window.note(-100);
    for (let n = 0; n < 2 * BLOCK_FRAMES; n++) window.frame();
    window.note(50);
    expect([window.worst(), window.recentWorst()]).toEqual([-100, 50]);
    for (let n = 0; n < 6 * BLOCK_FRAMES; n++) window.frame();
    expect([window.worst(), window.recentWorst()]).toEqual([50, Infinity]);
  });

  it('holds good after the playout was moved', () => {
    const window = new SpareWindow();
    window.note(100);
    window.move(-80);
    expect(window.worst()).toBe(20);
    window.note(30);
    window.move(80);
    expect(window.worst()).toBe(100);
  });

  it('is that of a list of all that was noted, at every moment', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('note' as const), samples: fc.integer({ min: -4000, max: 4000 }) }),
      fc.record({ kind: fc.constant('move' as const), samples: fc.integer({ min: -320, max: 320 }) }),
      fc.record({ kind: fc.constant('frames' as const), samples: fc.integer({ min: 1, max: 60 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const window = new SpareWindow();
        const noted: { readonly block: number; readonly value: number }[] = [];
        let [frames, moved] = [0, 0];
        const least = (blocks: number): number => {
          const from = Math.floor(frames / BLOCK_FRAMES) - blocks;
          return Math.min(...noted.filter(({ block }) => block > from).map(({ value }) => value + moved));
        };
        for (const { kind, samples } of steps) {
          if (kind === 'note') {
            window.note(samples);
            noted.push({ block: Math.floor(frames / BLOCK_FRAMES), value: samples - moved });
          } else if (kind === 'move') {
            window.move(samples);
            moved += samples;
          } else {
            for (let n = 0; n < samples; n++) window.frame();
            frames += samples;
          }
          expect(window.worst()).toBe(least(BLOCKS));
          expect(window.recentWorst()).toBe(least(2));
          expect(window.framesKnown).toBe(Math.min(frames, BLOCKS * BLOCK_FRAMES));
        }
      }),
    );
  });
});
