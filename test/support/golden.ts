import { readFileSync } from 'node:fs';
import path from 'node:path';
import { FRAME_MS, FRAME_SAMPLES } from '../../src/core/units.js';
import { Concealer } from '../../src/media/concealer.js';
import { ElasticFifo } from '../../src/media/elastic-fifo.js';
import { pcma, pcmu } from '../../src/media/g711.js';
import type { G711Codec } from '../../src/media/g711.js';
import { openRateConverter } from '../../src/media/rate-converter.js';
import { noCounters } from './playout-run.js';

/** Where the recordings are; 16 kHz, mono, 16 bits. `npx tsx test/golden/make.ts` makes them anew. */
export const GOLDEN_FOLDER = path.join(import.meta.dirname, '../golden/wav');

/** One, three and five frames in the middle of words, which `lost-20-60-100ms` has to do without; in their order. */
export const GOLDEN_LOST_FRAMES = [10, 25, 26, 27, 45, 46, 47, 48, 49] as const;

/** What is done to `speech.wav`; each has its outcome beside it, under its name. */
export const GOLDEN_CASES: Readonly<Record<string, (speech: Int16Array) => Int16Array>> = {
  'narrowband-and-back': (speech) => through(through(speech, 16_000, 8000), 8000, 16_000),
  'provider-24k-and-back': (speech) => through(through(speech, 16_000, 24_000), 24_000, 16_000),
  'wideband-48k-and-back': (speech) => through(through(speech, 16_000, 48_000), 48_000, 16_000),
  pcmu: (speech) => coded(speech, pcmu),
  pcma: (speech) => coded(speech, pcma),
  'lost-20-60-100ms': concealed,
  'fast-clock': (speech) => played(speech, 20_000),
  'slow-clock': (speech) => played(speech, -20_000),
};

/** The samples of a WAV of ours. */
export function readGolden(name: string): Int16Array {
  const bytes = readFileSync(path.join(GOLDEN_FOLDER, `${name}.wav`));
  return new Int16Array(bytes.buffer.slice(bytes.byteOffset + 44, bytes.byteOffset + bytes.length));
}

function through(pcm: Int16Array, fromHz: number, toHz: number): Int16Array {
  const converter = openRateConverter(fromHz, toHz);
  if (converter === null) return pcm;
  const block = fromHz / 50;
  const room = new Int16Array(toHz / 50 + 2);
  const out: number[] = [];
  for (let at = 0; at + block <= pcm.length; at += block) {
    const written = converter.process(pcm.subarray(at, at + block), room);
    out.push(...room.subarray(0, written));
  }
  return Int16Array.from(out);
}

function coded(pcm: Int16Array, codec: G711Codec): Int16Array {
  const codes = new Uint8Array(pcm.length);
  const out = new Int16Array(pcm.length);
  codec.encode(pcm, codes);
  codec.decode(codes, out);
  return out;
}

function concealed(speech: Int16Array): Int16Array {
  const lost = new Set<number>(GOLDEN_LOST_FRAMES);
  const concealer = new Concealer();
  const out = speech.slice();
  for (let n = 0; (n + 1) * FRAME_SAMPLES <= out.length; n++) {
    if (lost.has(n)) concealer.conceal(out, n * FRAME_SAMPLES, FRAME_SAMPLES);
    else concealer.heard(out, n * FRAME_SAMPLES, FRAME_SAMPLES);
  }
  return out;
}

/** A sender whose clock is 2 % off: forty times what a telephone's is, so that a second shows it. It says the same four times. */
function played(speech: Int16Array, ppm: number): Int16Array {
  const fifo = new ElasticFifo(noCounters());
  const chunks = Math.floor(speech.length / FRAME_SAMPLES);
  const chunkMs = FRAME_MS / (1 + ppm / 1e6);
  const frame = new Int16Array(FRAME_SAMPLES);
  const out: number[] = [];
  let sent = 0;
  for (let turn = 0; turn < 4 * chunks; turn++) {
    for (; 7 + sent * chunkMs <= turn * FRAME_MS; sent++) {
      const from = (sent % chunks) * FRAME_SAMPLES;
      fifo.push(speech.subarray(from, from + FRAME_SAMPLES), FRAME_SAMPLES, 7 + sent * chunkMs);
    }
    fifo.pull(frame, turn * FRAME_MS);
    if (turn >= 3 * chunks) out.push(...frame);
  }
  return Int16Array.from(out);
}
