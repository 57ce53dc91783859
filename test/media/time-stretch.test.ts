import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FRAME_SAMPLES } from '../../src/core/units.js';
import { PcmQueue } from '../../src/media/pcm-queue.js';
import { PITCH_HISTORY_SAMPLES } from '../../src/media/pitch.js';
import type { StretchMode } from '../../src/media/time-stretch.js';
import { TimeStretcher } from '../../src/media/time-stretch.js';
import { babble, noise, tone, vowel } from '../support/signals.js';

/** Plays `clean` through a stretcher that is asked for the same at each fifth frame. */
function play(clean: Int16Array, ask: 'shrink' | 'stretch', mode: StretchMode, most = 320): Int16Array {
  const stretcher = new TimeStretcher();
  const queue = new PcmQueue(clean.length);
  const out: number[] = [];
  const history = new Int16Array(PITCH_HISTORY_SAMPLES);
  const frame = new Int16Array(FRAME_SAMPLES);
  queue.write(clean, clean.length);
  for (let n = 0; queue.length >= 2 * FRAME_SAMPLES; n++) {
    const changed = n % 5 === 4 ? stretcher[ask](queue, history, frame, most, mode) : 0;
    if (changed === 0) queue.read(frame, 0, FRAME_SAMPLES);
    out.push(...frame);
    history.copyWithin(0, FRAME_SAMPLES);
    history.set(frame, PITCH_HISTORY_SAMPLES - FRAME_SAMPLES);
  }
  return Int16Array.from(out);
}

function largestStep(samples: Int16Array): number {
  let most = 0;
  for (let i = 1; i < samples.length; i++) most = Math.max(most, Math.abs(samples[i]! - samples[i - 1]!));
  return most;
}

/** How much of the energy is not at `hz`, in dB. */
function distortionDb(samples: Int16Array, hz: number): number {
  let worst = -200;
  // Over short windows, since the phase may move from one to the next.
  for (let at = 0; at + 1600 <= samples.length; at += 1600) {
    let sine = 0;
    let cosine = 0;
    let total = 0;
    for (let i = 0; i < 1600; i++) {
      const angle = (2 * Math.PI * hz * i) / 16_000;
      sine += samples[at + i]! * Math.sin(angle);
      cosine += samples[at + i]! * Math.cos(angle);
      total += samples[at + i]! ** 2;
    }
    const rest = total - (2 / 1600) * (sine ** 2 + cosine ** 2);
    worst = Math.max(worst, 10 * Math.log10(Math.max(rest, 1e-6) / total));
  }
  return worst;
}

describe('time that is stretched or shrunk', () => {
  it('leaves a steady tone a steady tone', () => {
    for (const hz of [100, 200, 400, 1000]) {
      for (const ask of ['shrink', 'stretch'] as const) {
        const heard = play(tone(hz, 16_000), ask, 'voice');
        expect(distortionDb(heard, hz), `${ask} ${hz} Hz`).toBeLessThan(-40);
      }
    }
  });

  it('makes no click in a voice', () => {
    for (const hz of [80, 117, 145, 210]) {
      const clean = vowel(hz, 32_000);
      for (const ask of ['shrink', 'stretch'] as const) {
        expect(largestStep(play(clean, ask, 'voice')), `${ask} ${hz} Hz`).toBeLessThan(largestStep(clean) * 1.1);
      }
    }
  });

  it('changes the length by whole periods', () => {
    const clean = vowel(125, 32_000);
    const fewer = clean.length - 2 * FRAME_SAMPLES - play(clean, 'shrink', 'voice').length;
    const more = play(clean, 'stretch', 'voice').length - (clean.length - 2 * FRAME_SAMPLES);
    expect(fewer).toBeGreaterThan(2000);
    expect(more).toBeGreaterThan(2000);
  });

  it('refuses where there is no period, unless it is a pause', () => {
    const hiss = noise(16_000, 3000);
    expect(play(hiss, 'shrink', 'voice').length).toBe(play(hiss, 'stretch', 'voice').length);
    expect(play(hiss, 'shrink', 'pause').length).toBeLessThan(play(hiss, 'stretch', 'pause').length);
  });

  it('takes from the queue exactly what it says, and no more than it may', () => {
    const voice = babble(20, 3);
    fc.assert(
      fc.property(
        fc.constantFrom('shrink' as const, 'stretch' as const),
        fc.constantFrom<StretchMode>('pause', 'voice', 'urgent'),
        fc.integer({ min: -50, max: 700 }),
        fc.integer({ min: 0, max: 1500 }),
        fc.integer({ min: 0, max: voice.length - 3000 }),
        (ask, mode, most, queued, from) => {
          const queue = new PcmQueue(2000);
          const history = voice.subarray(from, from + PITCH_HISTORY_SAMPLES);
          queue.write(voice.subarray(from + PITCH_HISTORY_SAMPLES), queued);
          const dst = new Int16Array(FRAME_SAMPLES).fill(1);
          const changed = new TimeStretcher()[ask](queue, history, dst, most, mode);
          expect(changed).toBeLessThanOrEqual(Math.max(0, most));
          expect(changed).toBeGreaterThanOrEqual(0);
          const taken = changed === 0 ? 0 : ask === 'shrink' ? FRAME_SAMPLES + changed : FRAME_SAMPLES - changed;
          expect(queue.length).toBe(queued - taken);
          if (changed === 0) expect(dst.every((sample) => sample === 1)).toBe(true);
        },
      ),
    );
  });
});
