import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MessageFiles } from '../../src/call/messages.js';
import { newCallId } from '../../src/core/ids.js';
import { silentLogger } from '../../src/core/logger.js';
import { FakeClock } from '../support/fake-clock.js';

let directory: string;
let store: MessageFiles;
let clock: FakeClock;
const call = { callId: newCallId(), caller: { number: '6002', name: 'Bob' } };

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'linecard-messages-'));
  clock = new FakeClock();
  store = new MessageFiles({ directory: join(directory, 'messages'), clock, log: silentLogger });
});

afterEach(() => rm(directory, { recursive: true, force: true }));

describe('messages on disk', () => {
  it('are listed newest first, with sound that other programs can play', async () => {
    const first = await store.save({ from: '6002', text: 'one', audio: Int16Array.of(1, -2, 3) }, call);
    clock.advance(60_000);
    const second = await store.save({ from: '', text: 'two', audio: new Int16Array(0) }, call);
    expect((await store.list()).map((message) => [message.id, message.text])).toEqual([
      [second, 'two'],
      [first, 'one'],
    ]);
    const path = await store.audioPath(first);
    const wav = await readFile(path ?? '');
    expect(wav.toString('ascii', 0, 4) + wav.toString('ascii', 8, 16)).toBe('RIFFWAVEfmt ');
    expect(wav.readUInt32LE(24)).toBe(16_000);
    expect([wav.readInt16LE(44), wav.readInt16LE(46), wav.readInt16LE(48)]).toEqual([1, -2, 3]);
    expect(await store.audioPath(second)).toBeNull();
  });

  it('that cannot be written are refused and leave nothing half done', async () => {
    await writeFile(join(directory, 'messages'), 'a file where the folder should be');
    await expect(store.save({ from: '', text: 'x', audio: new Int16Array(9) }, call)).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
    });
    expect(await readdir(directory)).toEqual(['messages']);
  });

  it('whose file was damaged are left out, the others are listed', async () => {
    const id = await store.save({ from: '', text: 'good', audio: new Int16Array(0) }, call);
    await writeFile(join(directory, 'messages', '20260101T000000-00000000.json'), '{');
    expect((await store.list()).map((message) => message.id)).toEqual([id]);
  });

  it('of one who wants to be called back are a task until somebody has', async () => {
    const callBack = { number: '+4930123', when: 'after five' };
    const id = await store.save({ from: 'Bob', text: 'the bill', audio: new Int16Array(0), callBack }, call);
    const plain = await store.save({ from: '', text: 'hello', audio: new Int16Array(0) }, call);
    expect((await store.list()).find((message) => message.id === id)?.callBack).toEqual({ ...callBack, state: 'open' });
    expect((await store.calledBack(id))?.callBack?.state).toBe('done');
    expect((await store.list()).find((message) => message.id === id)?.callBack?.state).toBe('done');
    for (const none of [plain, '20260101T000000-00000000', '../x']) expect(await store.calledBack(none)).toBeNull();
  });

  it('never lead outside their folder', async () => {
    expect(await store.audioPath('../../etc/passwd')).toBeNull();
  });

  it('are none before the first was taken', async () => {
    expect(await store.list()).toEqual([]);
  });
});
