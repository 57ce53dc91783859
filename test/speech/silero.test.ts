import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { silentLogger } from '../../src/core/logger.js';
import { FRAME_SAMPLES, SAMPLE_RATE_HZ } from '../../src/core/units.js';
import { Silero, openSileroWorker } from '../../src/speech/silero/silero.js';
import type { Detector } from '../../src/speech/silero/silero.js';
import { RING_WINDOWS, SileroSlots, WINDOW_SAMPLES } from '../../src/speech/silero/slots.js';
import { FakeClock } from '../support/fake-clock.js';
import { speech } from '../support/speech.js';

/** The runtime is compiled at the start: a busy machine takes its time. */
const WAIT = { timeout: 60_000, interval: 5 };

const opened: Silero[] = [];
afterEach(() => Promise.all(opened.splice(0).map((silero) => silero.close())));

function keep(silero: Silero): Silero {
  opened.push(silero);
  return silero;
}

/** Says always the same. */
function standIn(answer: boolean): Detector & { closed: boolean } {
  const detector = { closed: false, isSpeech: () => answer, close: () => void (detector.closed = true) };
  return detector;
}

describe('the detector with the model', () => {
  it('hears speech, and neither hum, hiss nor music', async () => {
    let slots = new SileroSlots();
    const openWorker = (buffer: SharedArrayBuffer): Worker => {
      slots = new SileroSlots(buffer);
      return openSileroWorker(buffer);
    };
    const silero = keep(new Silero({ clock: systemClock, log: silentLogger, openWorker }));
    await silero.prepare();
    await vi.waitFor(() => expect(silero.limitations()).toEqual([]), WAIT);
    const words = speech(['I would like to speak with the sales department, please.']);
    const judged = (): Promise<void> => vi.waitFor(() => expect(slots.waiting(0)).toBe(0), { ...WAIT, interval: 1 });
    const shareOf = (pcm: Int16Array): Promise<number> => share(silero.open(standIn(false)), pcm, judged);
    const shares = {
      speech: await shareOf(words),
      hum: await shareOf(wave(1.5, (i) => 3000 * Math.sin(i * 0.04) + 2000 * Math.sin(i * 0.011))),
      hiss: await shareOf(wave(1.5, (i) => (Math.sin(i * i * 12.9898) % 1) * 1500)),
      music: await shareOf(wave(1.5, (i) => chord(i) * 5000)),
    };
    expect(shares.speech).toBeGreaterThan(0.6);
    for (const noise of [shares.hum, shares.hiss, shares.music]) expect(noise).toBeLessThan(0.1);
  }, 120_000);
});

describe('a call', () => {
  it('has its other detector where the model cannot be loaded, and the admin is told', async () => {
    const broken = (): Worker => new Worker("throw new Error('Cannot find package')", { eval: true });
    const silero = keep(new Silero({ clock: new FakeClock(), log: silentLogger, openWorker: broken }));
    await silero.prepare();
    expect(silero.limitations()).toEqual([expect.stringContaining('Cannot find package')]);
    const other = standIn(true);
    const detector = silero.open(other);
    const frame = new Int16Array(FRAME_SAMPLES);
    const answers = Array.from({ length: 20 }, () => detector.isSpeech(frame));
    expect(answers.at(-1)).toBe(true);
    detector.close();
    detector.close();
    expect(other.closed).toBe(true);
  });

  it('has it where no slot is left, and a slot again when a call has ended', () => {
    const silero = keep(new Silero({ clock: new FakeClock(), log: silentLogger }));
    const detectors = Array.from({ length: 256 }, () => silero.open(standIn(false)));
    const other = standIn(true);
    expect(silero.open(other)).toBe(other);
    detectors[7]?.close();
    expect(silero.open(other)).not.toBe(other);
  });
});

describe('the memory that both sides share', () => {
  it('hands windows over in order, and the oldest are lost on who is behind', () => {
    const ours = new SileroSlots();
    const theirs = new SileroSlots(ours.buffer);
    const window = new Float32Array(WINDOW_SAMPLES);
    ours.open(3);
    const opening = theirs.opening(3);
    expect(opening).toBeGreaterThan(0);
    expect(theirs.next(3, window)).toBe(false);
    for (let number = 1; number <= 2; number++) ours.write(3, new Int16Array(WINDOW_SAMPLES).fill(number * 1024));
    for (let number = 1; number <= 2; number++) {
      expect(theirs.next(3, window)).toBe(true);
      expect(window[511]).toBe(number / 32);
      theirs.judged(3, opening, number / 4);
      expect(ours.answer(3)).toBe(number * 250);
    }
    for (let number = 1; number <= RING_WINDOWS + 3; number++)
      ours.write(3, new Int16Array(WINDOW_SAMPLES).fill(number));
    expect(ours.waiting(3)).toBe(RING_WINDOWS + 3);
    theirs.next(3, window);
    expect(window[0]).toBe((RING_WINDOWS + 3) / 32_768);
    theirs.judged(3, opening, 1);
    expect(ours.waiting(3)).toBe(0);
  });

  it('takes no answer of a call that has ended for the next one', () => {
    const slots = new SileroSlots();
    slots.open(0);
    const before = slots.opening(0);
    slots.write(0, new Int16Array(WINDOW_SAMPLES));
    slots.close(0);
    expect(slots.opening(0)).toBe(0);
    slots.open(0);
    slots.judged(0, before, 1);
    expect(slots.answer(0)).toBe(0);
    expect(slots.opening(0)).not.toBe(before);
  });
});

/** How much of it is speech, when each window is waited for. */
async function share(detector: Detector, pcm: Int16Array, judged: () => Promise<void>): Promise<number> {
  let speaking = 0;
  let frames = 0;
  for (let at = 0; at + FRAME_SAMPLES <= pcm.length; at += FRAME_SAMPLES) {
    frames += 1;
    if (detector.isSpeech(pcm.subarray(at, at + FRAME_SAMPLES))) speaking += 1;
    await judged();
  }
  detector.close();
  return speaking / frames;
}

function wave(seconds: number, sample: (index: number) => number): Int16Array {
  return new Int16Array(seconds * SAMPLE_RATE_HZ).map((_, i) => Math.round(sample(i)));
}

/** Three strings that are plucked every half second. */
function chord(index: number): number {
  const at = index % (SAMPLE_RATE_HZ / 2);
  const decay = Math.exp(-at / 4000);
  return [220, 277, 330].reduce(
    (sum, hz) => sum + (decay * Math.sin((2 * Math.PI * hz * index) / SAMPLE_RATE_HZ)) / 3,
    0,
  );
}
