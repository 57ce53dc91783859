import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PacketShelf } from '../../../src/media/jitter/packet-shelf.js';

const CAPACITY = 8;

describe('the shelf', () => {
  it('holds the newest packets in order, each once, whatever order they come in', () => {
    // More are put than taken: it has to be full now and then, with its first packet anywhere.
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.integer({ min: 0, max: 60 }) },
      { weight: 1, arbitrary: fc.constant('take' as const) },
    );
    const moves = fc.array(step, { maxLength: 100 });
    fc.assert(
      fc.property(moves, (steps) => {
        const shelf = new PacketShelf(CAPACITY);
        let model: number[] = [];
        for (const step of steps) {
          if (step === 'take') {
            expect(shelf.next?.sequence).toBe(model[0]);
            shelf.drop();
            model = model.slice(1);
          } else {
            const known = model.includes(step);
            const before = model.length;
            if (!known) model = [...model, step].sort((a, b) => a - b).slice(-CAPACITY);
            const expected = known ? 'duplicate' : before === CAPACITY ? 'full' : 'stored';
            expect(shelf.put(step, step * 320, 320, Uint8Array.of(step))).toBe(expected);
          }
          expect(shelf.length).toBe(model.length);
          expect(shelf.afterNext?.sequence).toBe(model[1]);
          expect(shelf.last?.sequence).toBe(model.at(-1));
        }
        for (const sequence of model) {
          expect(shelf.next).toEqual({ sequence, at: sequence * 320, samples: 320, payload: Uint8Array.of(sequence) });
          shelf.drop();
        }
        expect(shelf.next).toBeNull();
      }),
    );
  });

  it('lets go of what it has given', () => {
    const shelf = new PacketShelf(CAPACITY);
    shelf.put(1, 0, 320, Uint8Array.of(1));
    const slot = shelf.next;
    shelf.clear();
    expect(slot?.payload.length).toBe(0);
    expect(shelf.length).toBe(0);
  });
});
