import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GrowingWav } from '../../../src/call/recording/growing-wav.js';

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'linecard-wav-'));
  path = join(directory, 'call.wav');
});

afterEach(() => rm(directory, { recursive: true, force: true }));

describe('a WAV file that grows', () => {
  // A killed process leaves just what was written so far: so it is read while it is still open.
  it('is whole at every moment, whatever pieces come and wherever they belong', async () => {
    const piece = fc.record({ at: fc.integer({ min: 0, max: 4000 }), samples: fc.integer({ min: 1, max: 800 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 12 }), async (pieces) => {
        await rm(path, { force: true });
        const wav = await GrowingWav.create(path);
        const expected: number[] = [];
        let value = 1;
        for (const { at, samples } of pieces) {
          while (expected.length < at * 2) expected.push(0);
          const stereo = Int16Array.from({ length: samples * 2 }, () => value++ % 30_000);
          expected.push(...stereo);
          expect(await wav.write(stereo, at)).toBe('written');
          expect(await read(path)).toEqual(expected);
          expect(wav.samples).toBe(expected.length / 2);
        }
        await wav.close();
      }),
      { numRuns: 20 },
    );
  });

  it('is empty and can be played before anything was written', async () => {
    const wav = await GrowingWav.create(path);
    expect(await read(path)).toEqual([]);
    await wav.close();
  });

  it('is for nobody else to read, and never takes the place of another', async () => {
    const wav = await GrowingWav.create(path);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await expect(GrowingWav.create(path)).rejects.toThrow(/EEXIST/);
    await wav.close();
  });

  it('ends where its header can count no further', async () => {
    const wav = await GrowingWav.create(path);
    const stereo = new Int16Array(2);
    expect(await wav.write(stereo, 2 ** 30 - 20)).toBe('written');
    expect(await wav.write(stereo, 2 ** 30)).toBe('full');
    expect((await readHeader()).dataBytes).toBe((2 ** 30 - 19) * 4);
    await wav.close();
  });
});

/** The samples that the header says are there. */
async function read(file: string): Promise<number[]> {
  const bytes = await readFile(file);
  expect(bytes.toString('latin1', 0, 4) + bytes.toString('latin1', 8, 16)).toBe('RIFFWAVEfmt ');
  expect([bytes.readUInt16LE(22), bytes.readUInt32LE(24), bytes.readUInt16LE(34)]).toEqual([2, 16_000, 16]);
  const dataBytes = bytes.readUInt32LE(40);
  expect(bytes.readUInt32LE(4)).toBe(dataBytes + 36);
  expect(bytes.length).toBe(44 + dataBytes);
  return Array.from({ length: dataBytes / 2 }, (_, i) => bytes.readInt16LE(44 + i * 2));
}

/** Of a file too long to be read, most of which is a hole. */
async function readHeader(): Promise<{ dataBytes: number }> {
  const { createReadStream } = await import('node:fs');
  const chunks: Buffer[] = [];
  for await (const chunk of createReadStream(path, { end: 43 })) chunks.push(chunk as Buffer);
  return { dataBytes: Buffer.concat(chunks).readUInt32LE(40) };
}
