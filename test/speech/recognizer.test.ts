import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Ears } from '../../src/agent/providers/embedded/ears.js';
import { Menu } from '../../src/agent/providers/embedded/menu.js';
import { foregroundClock } from '../../src/core/clock.js';
import { silentLogger } from '../../src/core/logger.js';
import { Recognizer, findRecognizer } from '../../src/speech/recognizer.js';
import type { RecognizerFiles } from '../../src/speech/recognizer.js';
import { Synthesizer } from '../../src/speech/synthesizer.js';
import { FakeClock, settle } from '../support/fake-clock.js';
import { decodeMuLaw, encodeMuLaw } from '../support/phone/g711.js';

const files = await findRecognizer();
const MENU = new Menu({
  places: [
    { key: 'sales', label: 'Sales', dial: '6001' },
    { key: 'brolax', label: 'Brolax', dial: '6002' },
  ],
  operator: 'offered',
  hours: 'offered',
  messages: 'offered',
});

describe.skipIf(files === null && process.env.CI !== 'true')('pocketsphinx', () => {
  const synthesizer = new Synthesizer({ clock: foregroundClock, log: silentLogger });
  let recognizer: Recognizer;
  let ears: Ears;
  beforeAll(async () => {
    if (files === null) throw new Error('pocketsphinx is not installed: run "npm start" once, or install it');
    recognizer = new Recognizer({ files, clock: foregroundClock, log: silentLogger });
    ears = await Ears.open(recognizer, MENU);
  });
  afterAll(async () => {
    await Promise.all([recognizer.close(), synthesizer.close()]);
  });

  it.each([
    ['I would like to leave a message', 'message'],
    ['what are your opening hours', 'hours'],
    ['connect me with sales please', 'destination'],
  ])('understands "%s" in the voice of a man through a telephone', async (text, kind) => {
    const { pcm } = await synthesizer.speak(text, 'rms');
    expect((await ears.understand(throughTelephone(pcm), 'choice'))?.meaning.kind).toBe(kind);
  });

  it('understands a yes', async () => {
    const { pcm } = await synthesizer.speak('yes please', 'rms');
    expect((await ears.understand(throughTelephone(pcm), 'yes or no'))?.meaning.kind).toBe('yes');
  });

  it('takes a question that it cannot answer for none of its own', async () => {
    const { pcm } = await synthesizer.speak("what's the weather like today", 'slt');
    expect(await ears.understand(throughTelephone(pcm), 'choice')).toBeNull();
  });

  it('takes silence for nothing', async () => {
    expect(await ears.understand(new Int16Array(16_000), 'choice')).toBeNull();
  });

  it('says which names it has no pronunciation for', () => {
    expect(ears.unpronounceable).toEqual(['Brolax']);
  });
});

describe('a recognizer whose program misbehaves', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'linecard-bad-recognizer-'));
    await writeFile(path.join(directory, 'crashes'), '#!/bin/sh\nexit 3\n', { mode: 0o755 });
    await writeFile(path.join(directory, 'hangs'), '#!/bin/sh\nexec sleep 600\n', { mode: 0o755 });
    await writeFile(path.join(directory, 'writes nothing'), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  const withProgram = (name: string): RecognizerFiles => ({
    program: path.join(directory, name),
    acousticModel: directory,
    dictionary: directory,
  });

  it.each([
    ['crashes', 'it ended with 3'],
    ['writes nothing', 'ENOENT'],
    ['is not there', 'ENOENT'],
  ])('a program that %s costs the utterance and leaves nothing', async (name, reason) => {
    const recognizer = new Recognizer({ files: withProgram(name), clock: foregroundClock, log: silentLogger });
    const grammar = await recognizer.load({ rules: 'public <said> = yes;', words: ['yes'] });
    await expect(recognizer.recognize(new Int16Array(1600), grammar)).rejects.toThrow(reason);
    expect(await readdir(path.dirname(grammar.file))).toEqual(['grammar-1.jsgf']);
    await recognizer.close();
  });

  it('a program that hangs is ended after eight seconds', async () => {
    const clock = new FakeClock();
    const recognizer = new Recognizer({ files: withProgram('hangs'), clock, log: silentLogger });
    const grammar = await recognizer.load({ rules: 'public <said> = yes;', words: ['yes'] });
    const result = recognizer.recognize(new Int16Array(1600), grammar).then(() => 'heard', String);
    while (clock.pendingAlarms === 0) await settle();
    clock.advance(8000);
    expect(await result).toContain('it hangs');
    await recognizer.close();
  });

  it('more utterances than it can hear are refused, and closing ends the rest', async () => {
    const recognizer = new Recognizer({ files: withProgram('hangs'), clock: new FakeClock(), log: silentLogger });
    const grammar = await recognizer.load({ rules: 'public <said> = yes;', words: ['yes'] });
    const results = Array.from({ length: 20 }, () =>
      recognizer.recognize(new Int16Array(1600), grammar).then(() => 'heard', String),
    );
    await settle();
    await recognizer.close();
    const reasons = await Promise.all(results);
    expect(reasons.filter((reason) => reason.includes('16 utterances wait already'))).toHaveLength(2);
    expect(reasons).not.toContain('heard');
  });
});

/** 300 ms of quiet on both sides, µ-law in between; the rate stays, so that aliases play no part. */
function throughTelephone(pcm: Int16Array): Int16Array {
  const around = new Int16Array(pcm.length + 9600);
  for (let i = 0; i < around.length; i += 1) around[i] = ((i * 7919) % 21) - 10;
  around.set(pcm, 4800);
  return around.map((sample) => decodeMuLaw(encodeMuLaw(sample)));
}
