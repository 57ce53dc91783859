import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RecordingNotes } from '../../../src/call/port.js';
import { Recordings } from '../../../src/call/recording/recordings.js';
import type { CallRecord } from '../../../src/core/calls.js';
import type { CallId } from '../../../src/core/ids.js';
import { newCallId } from '../../../src/core/ids.js';
import type { Logger } from '../../../src/core/logger.js';
import { silentLogger } from '../../../src/core/logger.js';
import { FakeClock } from '../../support/fake-clock.js';

const CHUNK_SAMPLES = 8000;

let directory: string;
let clock: FakeClock;
let errors: string[];
let recordings: Recordings;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'linecard-recordings-'));
  clock = new FakeClock();
  errors = [];
  const log: Logger = { ...silentLogger, error: (_, message) => errors.push(message), child: () => log };
  recordings = new Recordings({ directory: join(directory, 'recordings'), clock, log });
  await recordings.start();
});

afterEach(async () => {
  await recordings.stop();
  await rm(directory, { recursive: true, force: true });
});

describe('a recorded call', () => {
  it('is a WAV file and its turns, named by when it began', async () => {
    const call = begin();
    const fromMs = clock.wallMs();
    heard(call.id, { fromMs, atSample: 0, value: 1 });
    turn(call.id, { text: 'Good morning.', atMs: fromMs + 120 });
    heard(call.id, { fromMs, atSample: CHUNK_SAMPLES, value: 2 });
    end(call);
    await recordings.stop();
    expect(await names()).toEqual([`20260105T090000-${call.id}.json`, `20260105T090000-${call.id}.wav`]);
    const samples = await sound();
    expect([samples.length, samples[0], samples.at(-1)]).toEqual([CHUNK_SAMPLES * 4, 1, 2]);
    expect(await notes()).toMatchObject({
      callId: call.id,
      channels: ['caller', 'agent'],
      sampleRateHz: 16_000,
      startedAt: '2026-01-05T09:00:00.000Z',
      durationMs: 1000,
      lostChunks: 0,
      turns: [{ who: 'agent', text: 'Good morning.', offsetMs: 120, heardMs: 800, interrupted: false }],
      outcome: { result: 'completed' },
    });
  });

  it('gets what its media thread still sends after the end, then is closed', async () => {
    const call = begin();
    heard(call.id, { fromMs: clock.wallMs(), atSample: 0, value: 1 });
    end(call);
    heard(call.id, { fromMs: clock.wallMs(), atSample: CHUNK_SAMPLES, value: 2 });
    clock.advance(2000);
    heard(call.id, { fromMs: clock.wallMs(), atSample: 2 * CHUNK_SAMPLES, value: 3 });
    await recordings.stop();
    expect((await sound()).length).toBe(CHUNK_SAMPLES * 4);
    expect(clock.pendingAlarms).toBe(0);
  });

  it('whose leg is opened again goes on at its time', async () => {
    const call = begin();
    heard(call.id, { fromMs: clock.wallMs(), atSample: 0, value: 1 });
    clock.advance(3000);
    heard(call.id, { fromMs: clock.wallMs(), atSample: 0, value: 2 });
    await recordings.stop();
    const samples = await sound();
    expect([samples.length, samples[CHUNK_SAMPLES * 2], samples[3000 * 32]]).toEqual([3500 * 32, 0, 2]);
  });

  it('that was never heard leaves no file', async () => {
    const call = begin();
    turn(call.id, { text: 'Hello?', atMs: clock.wallMs() });
    end(call);
    await recordings.stop();
    expect(await names()).toEqual([]);
  });

  it('is not that of a person who is rung for it', async () => {
    heard(newCallId(), { fromMs: clock.wallMs(), atSample: 0, value: 1 });
    await recordings.stop();
    expect(await names()).toEqual([]);
  });

  it('that cannot be written is given up, which is said once', async () => {
    await rm(join(directory, 'recordings'), { recursive: true });
    await writeFile(join(directory, 'recordings'), 'a file where the folder was');
    const call = begin();
    for (let i = 0; i < 10; i++) heard(call.id, { fromMs: 0, atSample: i * CHUNK_SAMPLES, value: 1 });
    end(call);
    await recordings.stop();
    expect(errors).toEqual(['a recording was given up']);
  });

  it('has gaps and says so where the disk stands still, instead of filling the memory', async () => {
    const call = begin();
    // None of these is written before the test lets go of the thread.
    for (let i = 0; i < 100; i++) heard(call.id, { fromMs: clock.wallMs(), atSample: i * CHUNK_SAMPLES, value: 1 });
    end(call);
    await recordings.stop();
    const { lostChunks, durationMs } = await notes();
    expect(lostChunks).toBeGreaterThanOrEqual(39);
    expect(durationMs).toBe((100 - lostChunks) * 500);
  });
});

it('a folder that cannot be made is told before there are calls', async () => {
  await writeFile(join(directory, 'file'), '');
  const impossible = new Recordings({ directory: join(directory, 'file', 'x'), clock, log: silentLogger });
  await expect(impossible.start()).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
});

function begin(): CallRecord {
  const call: CallRecord = {
    id: newCallId(),
    transport: 'audiosocket',
    pbx: 'main',
    extension: '7000',
    caller: { number: '6001', name: 'Ann' },
    agent: 'clara',
    state: 'talking',
    codec: 'slin16',
    sampleRateHz: 16_000,
    startedAt: new Date(clock.wallMs()).toISOString(),
    answeredAt: null,
    endedAt: null,
    outcome: null,
    turns: [],
    toolCalls: [],
    notes: [],
    usage: { inputTokens: 0, outputTokens: 0, cost: 0 },
    timings: {},
  };
  recordings.observe({ kind: 'callStarted', callId: call.id, atMs: clock.wallMs(), call });
  return call;
}

function end(call: CallRecord): void {
  const outcome = { result: 'completed', fault: 'none', reason: 'all said' } as const;
  const event = { callId: call.id, atMs: clock.wallMs(), outcome, call: { ...call, outcome } };
  recordings.observe({ kind: 'callEnded', ...event });
}

function turn(callId: CallId, { text, atMs }: { text: string; atMs: number }): void {
  const said = { who: 'agent', text, atMs, heardMs: 800, interrupted: false } as const;
  recordings.observe({ kind: 'turnHeard', callId, atMs, turn: said });
}

function heard(callId: CallId, { fromMs, atSample, value }: { fromMs: number; atSample: number; value: number }): void {
  const stereo = new Int16Array(CHUNK_SAMPLES * 2).fill(value);
  recordings.onMedia({ kind: 'recorded', callId, fromMs, atSample, stereo });
}

async function names(): Promise<string[]> {
  return (await readdir(join(directory, 'recordings'))).sort();
}

/** Of the only recording. */
async function sound(): Promise<Int16Array> {
  const name = (await names()).find((each) => each.endsWith('.wav')) ?? '';
  const bytes = await readFile(join(directory, 'recordings', name));
  return new Int16Array(bytes.buffer.slice(bytes.byteOffset + 44, bytes.byteOffset + bytes.length));
}

async function notes(): Promise<RecordingNotes> {
  const name = (await names()).find((each) => each.endsWith('.json')) ?? '';
  return JSON.parse(await readFile(join(directory, 'recordings', name), 'utf8')) as RecordingNotes;
}
