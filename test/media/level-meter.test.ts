import { describe, expect, it } from 'vitest';
import { FRAME_SAMPLES } from '../../src/core/units.js';
import { LevelMeter } from '../../src/media/level-meter.js';
import { tone } from '../support/signals.js';

const SILENCE = new Int16Array(FRAME_SAMPLES);

describe('a level meter', () => {
  it('has nothing to say before there was anything', () => {
    const meter = new LevelMeter();
    expect(meter.feed(SILENCE)).toBe('hush');
    expect(meter).toMatchObject({ speechDbfs: null, peakDbfs: null });
  });

  it('measures speech without its pauses', () => {
    const meter = new LevelMeter();
    for (let n = 0; n < 100; n++) meter.feed(n % 4 === 0 ? tone(400, FRAME_SAMPLES, 16_384) : SILENCE);
    // Half of full scale is -6 dB, a sine is 3 dB below its peak.
    expect(meter.speechDbfs).toBeCloseTo(-9, 0);
    expect(meter.peakDbfs).toBeCloseTo(-6, 0);
  });

  it('knows the loudest sample there is', () => {
    const meter = new LevelMeter();
    meter.feed(new Int16Array(FRAME_SAMPLES).fill(-32_768));
    expect(meter).toMatchObject({ speechDbfs: 0, peakDbfs: 0 });
  });

  it('tells breath from nothing, and the idle pattern of a codec is nothing', () => {
    const meter = new LevelMeter();
    expect(meter.feed(new Int16Array(FRAME_SAMPLES).fill(-1))).toBe('hush');
    expect(meter.feed(tone(300, FRAME_SAMPLES, 30))).toBe('quiet');
    expect(meter.feed(tone(300, FRAME_SAMPLES, 1000))).toBe('active');
  });
});
