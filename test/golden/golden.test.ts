import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { GOLDEN_CASES, GOLDEN_FOLDER, GOLDEN_LOST_FRAMES, readGolden } from '../support/golden.js';
import { rms } from '../support/signals.js';
import { snrDb } from '../support/voice-signal.js';

/** Rounding on another machine is far below this; a click or a wrong tap is far above. */
const LEAST_SNR_DB = 50;

describe('speech as it was approved by ear', () => {
  const speech = readGolden('speech');

  it.each(Object.keys(GOLDEN_CASES))('comes out of %s as it did', (name) => {
    const golden = readGolden(name);
    const heard = GOLDEN_CASES[name]!(speech);
    expect(heard.length).toBe(golden.length);
    expect(Math.abs(20 * Math.log10(rms(heard) / rms(golden)))).toBeLessThan(0.05);
    expect(snrDb(golden, heard)).toBeGreaterThan(LEAST_SNR_DB);
  });

  it('is recorded in files that nobody has touched', () => {
    const sums = readFileSync(path.join(GOLDEN_FOLDER, 'SHA256SUMS'), 'utf8').trim().split('\n');
    expect(sums).toHaveLength(Object.keys(GOLDEN_CASES).length + 1);
    for (const line of sums) {
      const [sum, file] = line.split('  ') as [string, string];
      const bytes = readFileSync(path.join(GOLDEN_FOLDER, file));
      expect(createHash('sha256').update(bytes).digest('hex'), file).toBe(sum);
    }
  });
});

describe('what became of the speech', () => {
  const speech = readGolden('speech');

  /** The best SNR at any whole delay up to 6 ms. */
  function snrAligned(heard: Int16Array): number {
    const fits = Array.from({ length: 97 }, (_, lag) =>
      snrDb(speech.subarray(0, speech.length - lag), heard.subarray(lag)),
    );
    return Math.max(...fits);
  }

  // What is beyond 7 kHz is gone, and the delay is no whole number of samples.
  it('is the same to the ear after provider and browser rates', () => {
    expect(snrAligned(readGolden('provider-24k-and-back'))).toBeGreaterThan(18);
    expect(snrAligned(readGolden('wideband-48k-and-back'))).toBeGreaterThan(18);
  });

  it('has the noise of its law and no more', () => {
    expect(snrDb(speech, readGolden('pcmu'))).toBeGreaterThan(35);
    expect(snrDb(speech, readGolden('pcma'))).toBeGreaterThan(35);
  });

  it('is closer to what was lost than silence would be', () => {
    const silent = speech.slice();
    for (const n of GOLDEN_LOST_FRAMES) silent.fill(0, n * 320, (n + 1) * 320);
    expect(snrDb(speech, readGolden('lost-20-60-100ms'))).toBeGreaterThan(snrDb(speech, silent));
  });
});
