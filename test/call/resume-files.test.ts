import { mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ResumeFiles } from '../../src/call/resume-files.js';
import type { CallRecord, Outcome } from '../../src/core/calls.js';
import { newCallId } from '../../src/core/ids.js';
import { silentLogger } from '../../src/core/logger.js';
import { FakeClock } from '../support/fake-clock.js';

let directory: string;
let clock: FakeClock;
let files: ResumeFiles;
const callId = newCallId();

beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'linecard-resume-')), 'conversations');
  clock = new FakeClock(Date.now());
  files = new ResumeFiles({ directory, clock, log: silentLogger });
  await files.start();
});

afterEach(() => rm(directory, { recursive: true, force: true }));

function started(transport: CallRecord['transport']): void {
  files.observe({ kind: 'callStarted', callId, atMs: 0, call: { transport } as CallRecord });
}

function said(text: string): void {
  const turn = { who: 'caller', text, atMs: 0, heardMs: 0, interrupted: false } as const;
  files.observe({ kind: 'turnHeard', callId, atMs: 0, turn });
}

function ended(result: Outcome['result']): void {
  const outcome: Outcome = { result, fault: 'none', reason: '' };
  files.observe({ kind: 'callEnded', callId, atMs: 0, outcome, call: {} as CallRecord });
}

it('what was said is known to the next process, and nobody else may read it', async () => {
  started('webrtc');
  files.inherit(callId, [{ who: 'agent', text: 'Hello.' }]);
  said('Chairs, please.');
  await files.settled();
  expect((await stat(join(directory, `${callId}.jsonl`))).mode & 0o777).toBe(0o600);
  const next = new ResumeFiles({ directory, clock, log: silentLogger });
  await next.start();
  expect(await next.turnsOf(callId)).toEqual([
    { who: 'agent', text: 'Hello.' },
    { who: 'caller', text: 'Chairs, please.' },
  ]);
});

it('half a line, written when the process was killed, is left out', async () => {
  await writeFile(join(directory, `${callId}.jsonl`), '{"who":"agent","text":"Hello."}\n{"who":"cal');
  expect(await files.turnsOf(callId)).toEqual([{ who: 'agent', text: 'Hello.' }]);
});

it('a call that somebody ended leaves nothing after a minute, one that failed does', async () => {
  started('webrtc');
  said('a');
  ended('failed');
  expect(await files.turnsOf(callId)).toHaveLength(1);
  started('webrtc');
  ended('completed');
  expect(await files.turnsOf(callId)).toHaveLength(1); // the page may have lost its connection
  clock.advance(60_000);
  expect(await files.turnsOf(callId)).toEqual([]);
  expect(await readdir(directory)).toEqual([]);
});

it('phone calls are not kept', async () => {
  started('audiosocket');
  said('a');
  expect(await files.turnsOf(callId)).toEqual([]);
});

it('what is older than ten minutes is forgotten, and taken away at the next start', async () => {
  started('webrtc');
  said('a');
  await files.settled();
  const old = (clock.wallMs() - 11 * 60_000) / 1000;
  await utimes(join(directory, `${callId}.jsonl`), old, old);
  expect(await files.turnsOf(callId)).toEqual([]);
  await new ResumeFiles({ directory, clock, log: silentLogger }).start();
  expect(await readdir(directory)).toEqual([]);
});

it('a disk that takes nothing does not end a call', async () => {
  await rm(directory, { recursive: true });
  await writeFile(directory, 'a file where the folder was');
  started('webrtc');
  said('a');
  await files.settled();
  expect(await files.turnsOf(callId)).toEqual([]);
});
