import { beforeAll, describe, expect, it } from 'vitest';
import { FRAME_MS, FRAME_SAMPLES } from '../../src/core/units.js';
import { EchoGuard } from '../../src/media/echo-guard.js';
import type { EchoLineOptions } from '../support/echo-line.js';
import { EchoLine } from '../support/echo-line.js';
import { rms, seeded } from '../support/signals.js';
import { speech } from '../support/speech.js';

const SILENCE = new Int16Array(FRAME_SAMPLES);
/** A frame louder than this is one on which somebody decides. */
const LOUD_RMS = 100;

let agent: Int16Array;
let caller: Int16Array;

/** Plays `played` over a line; what the guard thinks of each loud frame that is heard. */
function verdicts(played: Int16Array, options: EchoLineOptions): { readonly atMs: number; readonly echo: boolean }[] {
  const guard = new EchoGuard();
  const line = new EchoLine(options);
  const found: { atMs: number; echo: boolean }[] = [];
  for (let at = 0; at + FRAME_SAMPLES <= played.length; at += FRAME_SAMPLES) {
    const heard = line.heard();
    guard.heard(heard);
    if (rms(heard) > LOUD_RMS) found.push({ atMs: (at / FRAME_SAMPLES) * FRAME_MS, echo: guard.isEcho() });
    const frame = played.subarray(at, at + FRAME_SAMPLES);
    guard.played(frame);
    line.played(frame);
  }
  return found;
}

beforeAll(() => {
  agent = speech(['Thank you for calling Acme, my name is Clara.', 'I can put you through to sales or to support.']);
  caller = speech(['No wait, stop. I want to talk to somebody in sales.'], 'rms');
});

describe('what comes back of the agent', () => {
  it.each([-10, -20, -30])('is known as its echo at %i dB, however late', (echoDb) => {
    for (const delayMs of [40, 120, 250, 400]) {
      const found = verdicts(agent, { echoDb, delayMs });
      expect(found.length, `${delayMs} ms`).toBeGreaterThan(10);
      const missed = found.filter(({ echo }) => !echo).length;
      expect(missed / found.length, `${delayMs} ms`).toBeLessThan(0.03);
    }
  });
});

describe('a caller', () => {
  it('is no echo while the agent speaks', () => {
    const found = verdicts(agent, { delayMs: 100, caller: { voice: caller, atMs: 1000 } });
    expect(found.filter(({ echo }) => echo).length / found.length).toBeLessThan(0.03);
  });

  it('is no echo while nothing is played', () => {
    const quiet = new Int16Array(2 * 16_000);
    const found = verdicts(quiet, { delayMs: 100, caller: { voice: caller, atMs: 200 } });
    expect(found.length).toBeGreaterThan(20);
    expect(found.some(({ echo }) => echo)).toBe(false);
  });

  it.each([-10, -20, -30])('is told from the echo of %i dB within 300 ms', (echoDb) => {
    for (const atMs of [800, 1500, 2600]) {
      const found = verdicts(agent, { echoDb, delayMs: 120, caller: { voice: caller, atMs } });
      const first = found.find((frame) => frame.atMs > atMs && !frame.echo);
      expect(first?.atMs, `cut in at ${atMs}`).toBeLessThan(atMs + 300);
      const later = found.filter((frame) => frame.atMs > atMs + 300 && frame.atMs < atMs + 1000);
      expect(later.filter(({ echo }) => !echo).length / later.length).toBeGreaterThan(0.6);
    }
  });
});

describe('silence', () => {
  it('is nobody', () => {
    const guard = new EchoGuard();
    for (let n = 0; n < 100; n++) {
      guard.heard(SILENCE);
      expect(guard.isEcho()).toBe(false);
      guard.played(SILENCE);
    }
  });

  it('and any samples at all leave it sane', () => {
    const guard = new EchoGuard();
    const random = seeded(2);
    const frame = new Int16Array(FRAME_SAMPLES);
    for (let n = 0; n < 300; n++) {
      const amplitude = n % 50 < 25 ? 65_535 : 0;
      for (let i = 0; i < FRAME_SAMPLES; i++) frame[i] = Math.round(amplitude * (random() - 0.5));
      guard.heard(frame);
      guard.played(frame);
    }
    // The same at both ends is what it is there to find.
    guard.heard(frame);
    expect(typeof guard.isEcho()).toBe('boolean');
  });
});
