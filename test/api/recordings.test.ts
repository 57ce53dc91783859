import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RecordingShelf } from '../../src/call/recording/recording-shelf.js';
import type { CallId } from '../../src/core/ids.js';
import { newCallId } from '../../src/core/ids.js';
import { silentLogger } from '../../src/core/logger.js';
import { FakeClock } from '../support/fake-clock.js';
import { TestApi } from '../support/http.js';

let directory: string;
let api: TestApi;
let open: CallId | null;
let older: CallId;
let newer: CallId;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), '.linecard-recordings-'));
  open = null;
  const recordings = new RecordingShelf({
    directory: join(directory, 'recordings'),
    keepDays: null,
    maxGb: null,
    isOpen: (callId) => callId === open,
    clock: new FakeClock(),
    log: silentLogger,
  });
  await mkdir(join(directory, 'recordings'));
  older = await recorded('20260105T090000', '0123456789');
  newer = await recorded('20260106T101500', 'abc');
  api = await new TestApi({ recordings }).start();
});

afterEach(async () => {
  await api.stopNow();
  await rm(directory, { recursive: true });
});

describe('recordings', () => {
  it('are listed, the newest first, without what was said', async () => {
    expect(await api.json('GET', '/v1/recordings')).toEqual({
      recordings: [
        expect.objectContaining({ callId: newer, startedAt: '2026-01-06T10:15:00.000Z', bytes: 3, state: 'ended' }),
        expect.objectContaining({ callId: older, agent: 'receptionist', audioUrl: `/v1/recordings/${older}/audio` }),
      ],
    });
    const { recordings } = (await api.json('GET', '/v1/recordings?limit=1')) as { recordings: object[] };
    expect(recordings.map((recording) => 'turns' in recording)).toEqual([false]);
    expect((await api.fetch('GET', '/v1/recordings?limit=many')).status).toBe(400);
  });

  it('are told one by one, with what was said and when', async () => {
    expect(await api.json('GET', `/v1/recordings/${older}`)).toMatchObject({
      callId: older,
      durationMs: 1000,
      turns: [{ who: 'agent', text: 'Good morning.', offsetMs: 120 }],
    });
  });

  it('are there without their notes, as after somebody deleted these', async () => {
    await rm(join(directory, 'recordings', `20260105T090000-${older}.json`));
    expect(await api.json('GET', `/v1/recordings/${older}`)).toEqual({
      callId: older,
      startedAt: '2026-01-05T09:00:00.000Z',
      state: 'ended',
      bytes: 10,
      audioUrl: `/v1/recordings/${older}/audio`,
      turns: [],
    });
  });

  it('are heard whole or in part', async () => {
    const whole = await api.fetch('GET', `/v1/recordings/${older}/audio`);
    expect([whole.status, whole.headers.get('content-type'), await whole.text()]).toEqual([
      200,
      'audio/wav',
      '0123456789',
    ]);
    expect(whole.headers.get('cache-control')).toBe('no-store');
    const part = await api.fetch('GET', `/v1/recordings/${older}/audio`, undefined, { Range: 'bytes=-3' });
    expect([part.status, part.headers.get('content-range'), await part.text()]).toEqual([206, 'bytes 7-9/10', '789']);
    const beyond = await api.fetch('GET', `/v1/recordings/${older}/audio`, undefined, { Range: 'bytes=20-' });
    expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, 'bytes */10']);
  });

  it('are deleted with all that belongs to them, and only these', async () => {
    await writeFile(join(directory, 'recordings', 'mine.txt'), 'a note of the admin');
    expect((await api.fetch('DELETE', `/v1/recordings/${older}`)).status).toBe(204);
    expect((await readdir(join(directory, 'recordings'))).sort()).toEqual([
      `20260106T101500-${newer}.json`,
      `20260106T101500-${newer}.wav`,
      'mine.txt',
    ]);
    const again = await api.fetch('DELETE', `/v1/recordings/${older}`);
    expect([again.status, await again.json()]).toMatchObject([404, { code: 'RECORDING_UNKNOWN' }]);
  });

  it('are not deleted while they are written, but can be heard', async () => {
    open = newer;
    expect(await api.json('GET', `/v1/recordings/${newer}`)).toMatchObject({ state: 'recording' });
    const answer = await api.fetch('DELETE', `/v1/recordings/${newer}`);
    expect([answer.status, await answer.json()]).toMatchObject([409, { code: 'CALL_STATE' }]);
    expect((await api.fetch('GET', `/v1/recordings/${newer}/audio`)).status).toBe(200);
  });

  it('are nothing for those without the token', async () => {
    for (const [method, path] of [
      ['GET', '/v1/recordings'],
      ['GET', `/v1/recordings/${older}`],
      ['GET', `/v1/recordings/${older}/audio`],
      ['DELETE', `/v1/recordings/${older}`],
    ] as const) {
      const answer = await api.fetch(method, path, undefined, { Authorization: 'Bearer nothing' });
      expect(answer.status, path).toBe(401);
    }
    expect(await readdir(join(directory, 'recordings'))).toHaveLength(4);
  });

  it('lead to no other file, whatever is asked for', async () => {
    await writeFile(join(directory, 'token'), 'secret');
    const linked = newCallId();
    await symlink(join(directory, 'token'), join(directory, 'recordings', `20260107T000000-${linked}.wav`));
    for (const id of [
      '..%2Ftoken',
      '%2e%2e%2ftoken',
      `..%2Frecordings%2F20260105T090000-${older}`,
      '%00',
      '*',
      linked,
    ]) {
      expect((await api.fetch('GET', `/v1/recordings/${id}/audio`)).status, id).toBe(404);
      expect((await api.fetch('DELETE', `/v1/recordings/${id}`)).status, id).toBe(404);
    }
    expect(await readdir(directory)).toContain('token');
  });
});

async function recorded(start: string, sound: string): Promise<CallId> {
  const callId = newCallId();
  const path = join(directory, 'recordings', `${start}-${callId}`);
  const [date, time] = start.split('T') as [string, string];
  const notes = {
    callId,
    channels: ['caller', 'agent'],
    startedAt: `${date.replace(/(....)(..)(..)/, '$1-$2-$3')}T${time.replace(/(..)(..)(..)/, '$1:$2:$3')}.000Z`,
    agent: 'receptionist',
    turns: [{ who: 'agent', text: 'Good morning.', offsetMs: 120, heardMs: 800, interrupted: false }],
    durationMs: 1000,
  };
  await writeFile(`${path}.wav`, sound);
  await writeFile(`${path}.json`, JSON.stringify(notes));
  return callId;
}
