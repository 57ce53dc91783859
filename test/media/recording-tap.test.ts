import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { FRAME_SAMPLES } from '../../src/core/units.js';
import type { RecordedChunk } from '../../src/media/recording-tap.js';
import { RecordingTap } from '../../src/media/recording-tap.js';
import { FakeClock } from '../support/fake-clock.js';

let clock: FakeClock;
let chunks: RecordedChunk[];
let tap: RecordingTap;

beforeEach(() => {
  clock = new FakeClock();
  chunks = [];
  tap = new RecordingTap({ clock, onChunk: (chunk) => chunks.push(structuredClone(chunk)) });
});

describe('what a party said and was given', () => {
  it('stands side by side, half a second at a time', () => {
    clock.advance(1000);
    const startedAtMs = clock.wallMs();
    for (let turn = 1; turn <= 60; turn++) {
      tap.heard(frameOf(turn));
      tap.played(frameOf(-turn));
      clock.advance(20);
    }
    expect(chunks.map(({ fromMs, atSample }) => [fromMs, atSample])).toEqual([
      [startedAtMs, 0],
      [startedAtMs, 8000],
    ]);
    expect([...chunks[1]!.stereo.subarray(0, 4)]).toEqual([26, -26, 26, -26]);
    tap.flush();
    expect(chunks[2]).toMatchObject({ fromMs: startedAtMs, atSample: 16_000 });
    expect(chunks[2]!.stereo).toHaveLength(10 * FRAME_SAMPLES * 2);
    tap.flush();
    expect(chunks).toHaveLength(3);
  });

  it('stays in step when a turn plays nothing, or something before the party was heard', () => {
    tap.played(frameOf(99));
    tap.heard(frameOf(1));
    tap.heard(frameOf(2));
    tap.played(frameOf(-2));
    tap.played(frameOf(-3));
    tap.heard(frameOf(3));
    tap.flush();
    const { stereo } = chunks[0]!;
    const turns = [0, 1, 2].map((turn) => [...stereo.subarray(turn * 2 * FRAME_SAMPLES, turn * 2 * FRAME_SAMPLES + 2)]);
    expect(turns).toEqual([
      [1, 0],
      [2, -2],
      [3, 0],
    ]);
    expect(stereo).toHaveLength(3 * 2 * FRAME_SAMPLES);
  });

  it('is all there once, whatever comes in whatever order', () => {
    const step = fc.constantFrom('heard', 'played', 'flush');
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        chunks.length = 0;
        const turns: [caller: number, agent: number][] = [];
        const anew = new RecordingTap({ clock, onChunk: (chunk) => chunks.push(structuredClone(chunk)) });
        let turn: 'open' | 'closed' = 'closed';
        for (const [i, what] of [...steps, 'flush' as const].entries()) {
          if (what === 'heard') {
            anew.heard(frameOf(i + 1));
            turns.push([i + 1, 0]);
            turn = 'open';
          } else if (what === 'played') {
            anew.played(frameOf(-i - 1));
            if (turn === 'open') turns.at(-1)![1] = -i - 1;
            turn = 'closed';
          } else {
            anew.flush();
            turn = 'closed';
          }
        }
        const recorded = chunks.flatMap(({ stereo }) => [...stereo]);
        const expected = turns.flatMap((pair) => new Array<typeof pair>(FRAME_SAMPLES).fill(pair).flat());
        expect(recorded).toEqual(expected);
        let at = 0;
        for (const { atSample, stereo } of chunks) {
          expect(atSample).toBe(at);
          at += stereo.length / 2;
        }
      }),
    );
  });

  it('is nothing where there was no turn', () => {
    tap.flush();
    expect(chunks).toEqual([]);
  });
});

function frameOf(value: number): Int16Array {
  return new Int16Array(FRAME_SAMPLES).fill(value);
}
