import Sqlite from 'better-sqlite3';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CallQuality, CallRecord, Outcome, Transport } from '../../src/core/calls.js';
import type { CallId, ChannelId } from '../../src/core/ids.js';
import { newCallId } from '../../src/core/ids.js';
import type { Logger } from '../../src/core/logger.js';
import { silentLogger } from '../../src/core/logger.js';
import { SqliteJournal } from '../../src/journal/sqlite-journal.js';
import { MIGRATIONS } from '../../src/journal/tables.js';
import { FakeClock } from '../support/fake-clock.js';

const DAY_MS = 24 * 60 * 60_000;
const CHANNEL = '1763724000.7' as ChannelId;
const DONE: Outcome = { result: 'completed', fault: 'none', reason: 'the caller hung up' };

let directory: string;
let clock: FakeClock;
let complaints: string[];
const open: SqliteJournal[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'linecard-journal-'));
  clock = new FakeClock(Date.parse('2026-11-21T10:00:00Z'));
  complaints = [];
});

afterEach(() => {
  for (const journal of open.splice(0)) journal.close();
  rmSync(directory, { recursive: true, force: true });
});

function openJournal(options: { path?: string; keepDays?: number; maxBytes?: number } = {}): SqliteJournal {
  const log: Logger = {
    ...silentLogger,
    warn: (_, message) => complaints.push(message),
    error: (_, message) => complaints.push(message),
  };
  const journal = new SqliteJournal({ path: file(), keepDays: 7, clock, log, ...options });
  open.push(journal);
  return journal;
}

function file(): string {
  return join(directory, 'journal.db');
}

/** The process dies and the next one looks: nothing was closed, only what is on disk is there. */
function afterDeath(): SqliteJournal {
  return openJournal({ path: leftOnDisk() });
}

function leftOnDisk(): string {
  const next = mkdtempSync(join(directory, 'next-'));
  for (const name of readdirSync(directory).filter(
    (entry) => entry.startsWith('journal.db') && !entry.endsWith('-shm'),
  )) {
    cpSync(join(directory, name), join(next, name));
  }
  return join(next, 'journal.db');
}

function begin(journal: SqliteJournal, call: Partial<CallRecord> = {}): CallId {
  const callId = call.id ?? newCallId();
  const record: CallRecord = {
    id: callId,
    transport: 'audiosocket' satisfies Transport,
    pbx: 'main',
    extension: '7000',
    caller: { number: '6001', name: 'Alice' },
    agent: 'receptionist',
    state: 'offered',
    codec: null,
    sampleRateHz: null,
    startedAt: new Date(clock.wallMs()).toISOString(),
    answeredAt: null,
    endedAt: null,
    outcome: null,
    turns: [],
    toolCalls: [],
    notes: [],
    usage: { inputTokens: 0, outputTokens: 0, cost: 0 },
    timings: {},
    ...call,
  };
  journal.observe({ kind: 'callStarted', callId, atMs: clock.wallMs(), call: record });
  return callId;
}

function say(journal: SqliteJournal, callId: CallId, who: 'caller' | 'agent', text: string): void {
  const turn = { who, text, atMs: clock.wallMs(), heardMs: 900, interrupted: false };
  journal.observe({ kind: 'turnHeard', callId, atMs: clock.wallMs(), turn });
}

function end(journal: SqliteJournal, callId: CallId, outcome: Outcome = DONE, quality?: CallQuality): void {
  const endedAt = new Date(clock.wallMs()).toISOString();
  const usage = { inputTokens: 7, outputTokens: 1, cost: 0.5 };
  const call = { id: callId, endedAt, timings: { endedMs: 1234 }, usage, ...(quality && { quality }) } as CallRecord;
  journal.observe({ kind: 'callEnded', callId, atMs: clock.wallMs(), outcome, call });
}

describe('a call that its process left', () => {
  it('is found by the caller’s channel, with all that was said', () => {
    const journal = openJournal();
    const callId = begin(journal);
    journal.locate(callId, CHANNEL);
    journal.observe({ kind: 'legConnected', callId, atMs: clock.wallMs(), codec: 'slin16', sampleRateHz: 16_000 });
    journal.observe({ kind: 'callAnswered', callId, atMs: clock.wallMs() + 300 });
    journal.observe({ kind: 'stateChanged', callId, atMs: clock.wallMs(), state: 'talking' });
    const use = { tool: 'hours', ok: true, tookMs: 3, input: '{}', result: '"open"' };
    journal.observe({ kind: 'toolCalled', callId, atMs: clock.wallMs(), ...use });
    journal.observe({ kind: 'noteTaken', callId, atMs: clock.wallMs(), text: 'has called twice' });
    say(journal, callId, 'agent', 'Good morning.');
    say(journal, callId, 'caller', 'Sales, please.');
    const found = afterDeath().unfinishedAt('main', CHANNEL);
    expect(found).toMatchObject({
      channelId: CHANNEL,
      heldBy: [],
      transfer: null,
      transfers: 0,
      company: [],
      resumptions: 0,
      record: {
        id: callId,
        state: 'talking',
        codec: 'slin16',
        sampleRateHz: 16_000,
        caller: { number: '6001', name: 'Alice' },
        toolCalls: [{ ...use, atMs: clock.wallMs() }],
        notes: [{ text: 'has called twice', atMs: clock.wallMs() }],
        startedAt: '2026-11-21T10:00:00.000Z',
        answeredAt: '2026-11-21T10:00:00.300Z',
        turns: [
          { who: 'agent', text: 'Good morning.', heardMs: 900, interrupted: false },
          { who: 'caller', text: 'Sales, please.' },
        ],
      },
    });
  });

  it('is found with what the dialplan told of it, and what it has cost', () => {
    const journal = openJournal();
    const callId = begin(journal);
    journal.locate(callId, CHANNEL);
    const variables = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`name_${i}`, '"'.repeat(1000)]));
    journal.told(callId, variables);
    journal.spent(callId, { inputTokens: 10, outputTokens: 5, cost: 0.1 });
    journal.spent(callId, { inputTokens: 20, outputTokens: 9, cost: 0.2 });
    const found = afterDeath().unfinishedAt('main', CHANNEL);
    expect(found?.variables).toEqual(variables);
    expect(found?.record.usage).toEqual({ inputTokens: 20, outputTokens: 9, cost: 0.2 });
  });

  it('is found on hold, and in a transfer that is not over', () => {
    const journal = openJournal();
    const callId = begin(journal);
    journal.locate(callId, CHANNEL);
    journal.holdChanged(callId, ['operator', 'phone']);
    journal.transferBegins(callId, { to: 'support', mode: 'warm', summary: '' });
    journal.transferEnded(callId, 'returned');
    journal.transferBegins(callId, { to: 'sales', mode: 'warm', summary: 'Two chairs.' });
    expect(afterDeath().unfinishedAt('main', CHANNEL)).toMatchObject({
      heldBy: ['operator', 'phone'],
      transfer: { to: 'sales', mode: 'warm', summary: 'Two chairs.' },
      transfers: 2,
    });
    journal.transferEnded(callId, 'connected');
    expect(afterDeath().unfinishedAt('main', CHANNEL)?.transfer).toBeNull();
  });

  it('is not found at another PBX, on another channel, or when it has ended', () => {
    const journal = openJournal();
    const callId = begin(journal);
    journal.locate(callId, CHANNEL);
    expect(journal.unfinishedAt('other', CHANNEL)).toBeNull();
    expect(journal.unfinishedAt('main', 'x' as ChannelId)).toBeNull();
    expect(journal.unfinished('main')).toHaveLength(1);
    expect(journal.unfinished(null)).toHaveLength(0);
    end(journal, callId);
    expect(journal.unfinishedAt('main', CHANNEL)).toBeNull();
    expect(afterDeath().ended(10)).toMatchObject([
      { id: callId, state: 'ended', outcome: DONE, timings: { endedMs: 1234 } },
    ]);
  });
});

const QUALITY: CallQuality = {
  responseMs: 480,
  bargeInMs: null,
  concealedPercent: 1.2,
  oneWayMs: 0,
  uplinkLossPercent: 2.5,
  uplinkJitterMs: 8,
  downlinkLossPercent: 0,
  downlinkJitterMs: null,
  roundTripMs: 40,
};

describe('how a call sounded', () => {
  it('is known of one that its process left', () => {
    const journal = openJournal();
    const callId = begin(journal);
    journal.locate(callId, CHANNEL);
    journal.observe({ kind: 'qualityMeasured', callId, atMs: clock.wallMs(), quality: QUALITY });
    expect(afterDeath().unfinishedAt('main', CHANNEL)?.record.quality).toEqual(QUALITY);
  });

  it('is known of one that has ended, as of its end', () => {
    const journal = openJournal();
    const callId = begin(journal);
    journal.observe({ kind: 'qualityMeasured', callId, atMs: clock.wallMs(), quality: QUALITY });
    end(journal, callId, DONE, { ...QUALITY, responseMs: 500 });
    expect(afterDeath().ended(1)[0]?.quality?.responseMs).toBe(500);
  });

  it('is absent where nothing was measured, and in a file of an older Linecard', () => {
    const old = new Sqlite(file());
    old.exec(MIGRATIONS[0] ?? '');
    old.pragma('user_version = 1');
    old
      .prepare(
        `INSERT INTO calls (id, transport, caller_number, caller_name, agent, state, started_at_ms, touched_at_ms, ended_at_ms)
       VALUES ('old', 'webrtc', '', '', 'loop', 'ended', ?, ?, ?)`,
      )
      .run(clock.wallMs(), clock.wallMs(), clock.wallMs());
    old.close();
    const journal = openJournal();
    end(journal, begin(journal));
    expect(journal.ended(10).map((call) => 'quality' in call)).toEqual([false, false]);
    expect(complaints).toEqual([]);
  });
});

describe('a browser’s call', () => {
  it('goes on in another call, with what was said in those before', () => {
    const journal = openJournal();
    const callId = begin(journal, { transport: 'webrtc', pbx: null });
    journal.inherit(callId, [{ who: 'agent', text: 'Hello.' }]);
    say(journal, callId, 'caller', 'Chairs, please.');
    const next = afterDeath();
    expect(next.turnsOf(callId)).toEqual([
      { who: 'agent', text: 'Hello.' },
      { who: 'caller', text: 'Chairs, please.' },
    ]);
    // They are not turns of this call.
    expect(next.unfinished(null)[0]?.record.turns).toHaveLength(1);
  });

  it('is forgotten a minute after somebody ended it, and after ten minutes otherwise', () => {
    const journal = openJournal();
    const [ended, failed] = [0, 1].map(() => begin(journal, { transport: 'webrtc', pbx: null })) as [CallId, CallId];
    for (const callId of [ended, failed]) say(journal, callId, 'caller', 'a');
    end(journal, ended);
    end(journal, failed, { result: 'failed', fault: 'bug', reason: '' });
    clock.advance(59_000);
    expect([journal.turnsOf(ended), journal.turnsOf(failed)].map((turns) => turns.length)).toEqual([1, 1]);
    clock.advance(2000);
    expect([journal.turnsOf(ended), journal.turnsOf(failed)].map((turns) => turns.length)).toEqual([0, 1]);
    clock.advance(10 * 60_000);
    expect(journal.turnsOf(failed)).toEqual([]);
  });

  it('is not a way to hear of a phone call', () => {
    const journal = openJournal();
    const callId = begin(journal);
    say(journal, callId, 'caller', 'My number is …');
    expect(journal.turnsOf(callId)).toEqual([]);
  });
});

describe('the file', () => {
  it('may be read by nobody else', () => {
    const journal = openJournal();
    begin(journal);
    for (const name of readdirSync(directory)) expect(statSync(join(directory, name)).mode & 0o077).toBe(0);
  });

  it('forgets calls after their days, and leaves nothing of them in the file', () => {
    const journal = openJournal({ keepDays: 2 });
    const callId = begin(journal);
    say(journal, callId, 'caller', 'a word that nobody else says');
    journal.step(callId, 'dial', { channelId: 'c1' });
    end(journal, callId);
    const live = begin(journal);
    clock.advance(2 * DAY_MS - 60_000);
    say(journal, live, 'caller', 'still here');
    expect(journal.ended(10)).toHaveLength(1);
    clock.advance(11 * 60_000);
    expect(journal.ended(10)).toEqual([]);
    expect(journal.unfinished('main').map(({ record }) => record.id)).toEqual([live]);
    journal.close();
    expect(readFileSync(file()).includes('a word that nobody else says')).toBe(false);
  });

  it('that is damaged is put aside, said, and begun anew', () => {
    writeFileSync(file(), 'this is no database, '.repeat(100));
    const journal = openJournal();
    expect(complaints).toEqual(['the journal was damaged; a new one was begun']);
    expect(readdirSync(directory)).toContain('journal.db.damaged');
    const callId = begin(journal);
    journal.locate(callId, CHANNEL);
    expect(journal.trouble()).toBeNull();
    expect(afterDeath().unfinishedAt('main', CHANNEL)).not.toBeNull();
  });

  it('that is damaged while it is used is begun anew, too', () => {
    const journal = openJournal();
    for (let i = 0; i < 200; i++) say(journal, begin(journal), 'caller', 'x'.repeat(1000));
    journal.close();
    const bytes = readFileSync(file());
    // Past the pages that the opening looks at.
    bytes.fill(0xa5, 16 * 4096);
    writeFileSync(file(), bytes);
    const next = openJournal();
    for (let i = 0; i < 50; i++) say(next, begin(next), 'agent', 'y');
    next.ended(1000);
    next.unfinished('main');
    expect(complaints).toContain('the journal was damaged; a new one was begun');
    const callId = begin(next);
    expect(next.unfinished('main').map(({ record }) => record.id)).toContain(callId);
  });

  it('that cannot be made leaves calls without memory, and says so', () => {
    writeFileSync(join(directory, 'in the way'), '');
    const journal = openJournal({ path: join(directory, 'in the way', 'journal.db') });
    expect(journal.trouble()).toMatch(/^conversations are not kept over a restart: /);
    const callId = begin(journal, { transport: 'webrtc', pbx: null });
    say(journal, callId, 'caller', 'a');
    // A page that lost its connection is served by the same process.
    expect(journal.turnsOf(callId)).toHaveLength(1);
  });

  it('of a newer Linecard is left alone', () => {
    const newer = new Sqlite(file());
    newer.pragma('user_version = 1000');
    newer.close();
    expect(openJournal().trouble()).toMatch(/newer Linecard/);
    const same = new Sqlite(file());
    expect(same.pragma('user_version', { simple: true })).toBe(1000);
    same.close();
  });

  it('on a full disk loses entries and nothing else, says it once, and goes on when there is room', () => {
    const journal = openJournal({ maxBytes: 100_000 });
    const callId = begin(journal);
    for (let i = 0; i < 200; i++) say(journal, callId, 'caller', 'x'.repeat(1000));
    expect(complaints).toEqual(['the journal cannot be written; calls are not remembered']);
    expect(journal.trouble()).toMatch(/^calls are not remembered: .*full/);
    expect(journal.unfinished('main')).toHaveLength(1);
  });

  // Killed while the disk was full: the callers are still there, and should not have to begin anew.
  it('of a process that died on a full disk is read, and written again when there is room', () => {
    const journal = openJournal();
    const callId = begin(journal);
    journal.locate(callId, CHANNEL);
    say(journal, callId, 'caller', 'Chairs, please.');
    const path = leftOnDisk();
    const next = onFullDisk(() => {
      const opened = openJournal({ path });
      expect(opened.unfinishedAt('main', CHANNEL)?.record.turns).toMatchObject([{ text: 'Chairs, please.' }]);
      say(opened, callId, 'agent', 'lost');
      // What writes nothing is no sign that it works again.
      opened.locate(newCallId(), CHANNEL);
      opened.unfinished('main');
      expect(opened.trouble()).toMatch(/^calls are not remembered: /);
      return opened;
    });
    say(next, callId, 'agent', 'Two?');
    expect(next.trouble()).toBeNull();
    expect(next.unfinishedAt('main', CHANNEL)?.record.turns.at(-1)?.text).toBe('Two?');
  });

  it('that another program holds is not waited for', () => {
    const journal = openJournal();
    const callId = begin(journal);
    const other = new Sqlite(file());
    other.exec('BEGIN EXCLUSIVE');
    const fromMs = performance.now();
    say(journal, callId, 'caller', 'lost');
    expect(performance.now() - fromMs).toBeLessThan(2000);
    expect(journal.trouble()).toMatch(/locked/);
    other.exec('COMMIT');
    other.close();
    say(journal, callId, 'caller', 'kept');
    expect(journal.trouble()).toBeNull();
    expect(complaints.at(-1)).toBe('the journal is written again');
    expect(journal.unfinished('main')[0]?.record.turns.map(({ text }) => text)).toEqual(['kept']);
  });
});

/** No file of this process grows meanwhile (setrlimit(2), RLIMIT_FSIZE; Node ignores the signal). */
function onFullDisk<Result>(work: () => Result): Result {
  const limit = (bytes: string): void => {
    execFileSync('prlimit', [`--pid=${process.pid}`, `--fsize=${bytes}:`]);
  };
  limit('1');
  try {
    return work();
  } finally {
    limit('unlimited');
  }
}
