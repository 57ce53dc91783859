import { describe, expect, it } from 'vitest';
import { FRAME_SAMPLES } from '../../src/core/units.js';
import { HoldMusic } from '../../src/media/hold-music.js';

/** 24 notes of a fifth of a second. */
const LOOP_FRAMES = 240;

function played(music: HoldMusic, frames: number): Int16Array {
  const all = new Int16Array(frames * FRAME_SAMPLES);
  const frame = new Int16Array(FRAME_SAMPLES);
  for (let n = 0; n < frames; n++) {
    music.pull(frame);
    all.set(frame, n * FRAME_SAMPLES);
  }
  return all;
}

describe('music for who waits', () => {
  const twice = played(new HoldMusic(), 2 * LOOP_FRAMES);

  it('goes round and round', () => {
    const half = LOOP_FRAMES * FRAME_SAMPLES;
    expect(twice.subarray(half)).toEqual(twice.subarray(0, half));
  });

  it('has neither a hole nor a click, where it begins anew either', () => {
    for (let n = 0; n < 2 * LOOP_FRAMES; n++) {
      const frame = twice.subarray(n * FRAME_SAMPLES, (n + 1) * FRAME_SAMPLES);
      expect(Math.max(...frame)).toBeGreaterThan(100);
    }
    let steepest = 0;
    for (let i = 1; i < twice.length; i++) steepest = Math.max(steepest, Math.abs(twice[i]! - twice[i - 1]!));
    expect(steepest).toBeLessThan(1000);
  });

  it('is the same for all, each at its own place', () => {
    const late = new HoldMusic();
    const other = new HoldMusic();
    played(other, 7);
    expect(played(late, 3)).toEqual(twice.slice(0, 3 * FRAME_SAMPLES));
    expect(played(other, 1)).toEqual(twice.slice(7 * FRAME_SAMPLES, 8 * FRAME_SAMPLES));
  });
});
