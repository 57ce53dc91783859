import type { RateConverter } from '../src/media/rate-converter.js';
import { openRateConverter } from '../src/media/rate-converter.js';
import { levelDb, sine } from './support/tones.js';

/** What transports and providers need, both ways. */
const PAIRS = [
  [8000, 16_000],
  [16_000, 8000],
  [16_000, 24_000],
  [24_000, 16_000],
  [16_000, 48_000],
  [48_000, 16_000],
  [8000, 24_000],
  [24_000, 8000],
  [8000, 48_000],
  [48_000, 8000],
] as const;
const AMPLITUDE = 16_000;
const RUNS = 300;
const FRAMES = 50;

for (const [fromHz, toHz] of PAIRS) {
  const passHz = Math.min(fromHz, toHz) === 8000 ? 3400 : 7000;
  const { aliasDb, imageDb } = unwanted(fromHz, toHz, passHz);
  const figures = {
    rippleDb: ripple(fromHz, toHz, passHz),
    passBandHz: passHz,
    aliasDb,
    imageDb,
    delayMs: Math.max(delayMs(fromHz, toHz, 1000), delayMs(fromHz, toHz, passHz - 400)),
  };
  const micros = microsPerFrame(fromHz, toHz);
  const rounded = Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, round(value)]));
  const name = `resample ${fromHz / 1000} to ${toHz / 1000} kHz`;
  process.stdout.write(`${JSON.stringify({ name, value: round(micros), unit: 'µs a frame', ...rounded })}\n`);
}

/** A second of `input` in frames of 20 ms. */
function convert(fromHz: number, toHz: number, input: Int16Array): Int16Array {
  const converter = open(fromHz, toHz);
  const block = fromHz / 50;
  const room = new Int16Array(toHz / 50 + 2);
  const out = new Int16Array((input.length * toHz) / fromHz + 2);
  let length = 0;
  for (let at = 0; at + block <= input.length; at += block) {
    const written = converter.process(input.subarray(at, at + block), room);
    out.set(room.subarray(0, written), length);
    length += written;
  }
  return out.subarray(0, length);
}

function open(fromHz: number, toHz: number): RateConverter {
  const converter = openRateConverter(fromHz, toHz);
  if (converter === null) throw new Error(`nothing to convert from ${fromHz} to ${toHz} Hz`);
  return converter;
}

/** The farthest that a tone of the pass band is from its level. */
function ripple(fromHz: number, toHz: number, passHz: number): number {
  let worst = 0;
  for (let hz = 100; hz <= passHz; hz += 100) {
    const level = levelDb(convert(fromHz, toHz, sine(hz, fromHz, AMPLITUDE)), hz, toHz, AMPLITUDE);
    worst = Math.max(worst, Math.abs(level));
  }
  return worst;
}

/** The loudest that any tone comes out as another one within what is heard, 0 to `passHz`, or as an image beyond it. */
function unwanted(fromHz: number, toHz: number, passHz: number): { aliasDb: number; imageDb: number } {
  const lower = Math.min(fromHz, toHz);
  let aliasDb = Number.NEGATIVE_INFINITY;
  let imageDb = Number.NEGATIVE_INFINITY;
  if (toHz < fromHz) {
    // Beyond `lower - passHz` a tone folds into the pass band.
    for (let hz = lower - passHz; hz < fromHz / 2; hz += 100) {
      const folded = Math.abs(hz - lower * Math.round(hz / lower));
      if (folded < 50 || folded > passHz) continue;
      const out = convert(fromHz, toHz, sine(hz, fromHz, AMPLITUDE));
      aliasDb = Math.max(aliasDb, levelDb(out, folded, toHz, AMPLITUDE));
    }
  } else {
    for (let hz = 100; hz <= passHz; hz += 100) {
      const out = convert(fromHz, toHz, sine(hz, fromHz, AMPLITUDE));
      for (
        let image = fromHz - hz;
        image < toHz / 2;
        image += image % fromHz === fromHz - hz ? 2 * hz : fromHz - 2 * hz
      ) {
        imageDb = Math.max(imageDb, levelDb(out, image, toHz, AMPLITUDE));
      }
    }
  }
  return { aliasDb, imageDb };
}

/** How late the middle of a burst of `hz` is. */
function delayMs(fromHz: number, toHz: number, hz: number): number {
  const middle = fromHz / 4;
  const width = fromHz / 200;
  const burst = Int16Array.from({ length: fromHz / 2 }, (_, i) =>
    Math.round(AMPLITUDE * Math.exp(-(((i - middle) / width) ** 2)) * Math.sin((2 * Math.PI * hz * i) / fromHz)),
  );
  const out = convert(fromHz, toHz, burst);
  let weighted = 0;
  let energy = 0;
  out.forEach((sample, i) => {
    weighted += i * sample * sample;
    energy += sample * sample;
  });
  return (weighted / energy / toHz - middle / fromHz) * 1000;
}

/** The least of many short runs: whatever else the machine does makes it longer, nothing makes it shorter. */
function microsPerFrame(fromHz: number, toHz: number): number {
  const converter = open(fromHz, toHz);
  const src = sine(440, fromHz, AMPLITUDE).subarray(0, fromHz / 50);
  const dst = new Int16Array(toHz / 50 + 2);
  let least = Number.POSITIVE_INFINITY;
  for (let run = 0; run < RUNS; run++) {
    const startedAt = process.hrtime.bigint();
    for (let n = 0; n < FRAMES; n++) converter.process(src, dst);
    least = Math.min(least, Number(process.hrtime.bigint() - startedAt) / 1000 / FRAMES);
  }
  return least;
}

function round(value: number): number | null {
  return Number.isFinite(value) ? Math.round(value * 1000) / 1000 : null;
}
