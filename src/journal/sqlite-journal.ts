import { assertNever } from '../core/assert-never.js';
import { NO_USAGE } from '../core/calls.js';
import type {
  CallQuality,
  CallRecord,
  CallState,
  CallTimings,
  Outcome,
  TransferMode,
  Transport,
  Turn,
  Usage,
} from '../core/calls.js';
import type { Alarm, Clock } from '../core/clock.js';
import type { CallEvent } from '../core/events.js';
import type { CallId, ChannelId } from '../core/ids.js';
import type { Logger } from '../core/logger.js';
import { JournalFile } from './journal-file.js';
import type { AskedTransfer, CallJournal, LastingHold, PastTurn, UnfinishedCall } from './port.js';
import type { CallRow, TurnRow } from './tables.js';
import { OF_A_CALL } from './tables.js';

/** A page that comes back later than this begins anew. */
const RESUMABLE_MS = 10 * 60_000;
/** A page that lost its connection closes it, which looks like a hang-up, and is here again in a moment. */
const RESUMABLE_AFTER_END_MS = 60_000;
/** What an agent is told of the conversation before. */
const MAX_PAST_TURNS = 50;
/** Tools that an agent used in a call, of those that are remembered. */
const MAX_STEPS = 100;
/** A turn is seconds of speech; more is no turn. */
const MAX_TEXT_CHARACTERS = 10_000;
/** The most that calls of usual length take, twice. */
const MAX_BYTES = 400 * 1024 * 1024;
/** About 4 kB each. */
const MAX_CALLS = 50_000;
/** At a time: a few milliseconds, with all that belongs to them. */
const MAX_FORGOTTEN = 1000;
const DAY_MS = 24 * 60 * 60_000;
const TIDY_INTERVAL_MS = 10 * 60_000;

export type SqliteJournalOptions = {
  readonly path: string;
  /** Calls that ended longer ago are forgotten. */
  readonly keepDays: number;
  /** No entry makes the file larger than this. */
  readonly maxBytes?: number;
  readonly clock: Clock;
  readonly log: Logger;
};

/**
 * The journal in an SQLite file, on control's thread: an entry takes some ten microseconds, and is in the hands of the operating system when it
 * returns, so a process that is killed the next moment has lost nothing.
 */
export class SqliteJournal implements CallJournal {
  readonly #options: SqliteJournalOptions;
  readonly #file: JournalFile;
  #alarm: Alarm | null = null;

  constructor(options: SqliteJournalOptions) {
    this.#options = options;
    const { path, log, maxBytes = MAX_BYTES } = options;
    this.#file = new JournalFile({ path, log, maxBytes });
    this.#tidy();
  }

  /** Idempotent; nothing may be asked after it. */
  close(): void {
    this.#alarm?.cancel();
    this.#file.close();
  }

  trouble(): string | null {
    return this.#file.trouble;
  }

  observe(event: CallEvent): void {
    const { callId, atMs } = event;
    switch (event.kind) {
      case 'callStarted':
        this.#begin(event.call, atMs);
        break;
      case 'callResumed':
        this.#set(callId, 'resumptions = ?', event.resumptions);
        break;
      case 'stateChanged':
        this.#set(callId, 'state = ?', event.state);
        break;
      case 'legConnected':
        this.#set(callId, 'codec = ?, sample_rate_hz = ?', event.codec, event.sampleRateHz);
        break;
      case 'limitReached':
        this.step(callId, event.kind, { limit: event.limit });
        break;
      case 'agentChanged':
        this.#set(callId, 'agent = ?', event.agent);
        break;
      case 'callAnswered':
        this.#set(callId, 'answered_at_ms = ?', atMs);
        break;
      case 'turnHeard':
        this.#addTurns(callId, 'here', [event.turn]);
        break;
      case 'messageTaken':
        this.step(callId, 'messageTaken', { messageId: event.messageId });
        break;
      case 'noteTaken':
        this.step(callId, event.kind, { text: event.text });
        break;
      case 'toolCalled': {
        const { tool, ok, tookMs, input, result } = event;
        this.step(callId, event.kind, { tool, ok, tookMs, input, result });
        break;
      }
      case 'qualityMeasured':
        this.#set(callId, 'quality = ?', JSON.stringify(event.quality));
        break;
      case 'callEnded':
        this.spent(callId, event.call.usage);
        this.#end(event.call, event.outcome, atMs);
        break;
      case 'captionChanged':
      case 'firstAudioPlayed':
      case 'digitPressed':
      case 'agentInterrupted':
      case 'responseStarted':
      case 'transferStarted':
      case 'callerReplaced':
      case 'callerUnheard':
        break; // nothing that a call could not go on without; digits may be secrets
      default:
        assertNever(event);
    }
  }

  locate(callId: CallId, channelId: ChannelId): void {
    this.#set(callId, 'channel_id = ?', channelId);
  }

  holdChanged(callId: CallId, heldBy: readonly LastingHold[]): void {
    this.#set(callId, 'held_by = ?', heldBy.join(' '));
  }

  transferBegins(callId: CallId, { to, mode, summary }: AskedTransfer): void {
    this.transferEnded(callId, 'interrupted');
    this.#add(callId, () => {
      this.#file.run(
        `INSERT INTO transfers SELECT ?, 1 + coalesce(max(number), 0), ?, ?, ?, ?, NULL FROM transfers WHERE call_id = ?`,
        ...[callId, to, mode, bounded(summary), this.#wallMs(), callId],
      );
    });
  }

  transferEnded(callId: CallId, how: string): void {
    this.#file.attempt(() => {
      this.#file.run('UPDATE transfers SET ended = ? WHERE call_id = ? AND ended IS NULL', how, callId);
    }, undefined);
  }

  step(callId: CallId, what: string, detail: Readonly<Record<string, unknown>>): void {
    this.#add(callId, () => {
      this.#file.run(
        'INSERT INTO steps SELECT ?, 1 + coalesce(max(number), 0), ?, ?, ? FROM steps WHERE call_id = ?',
        ...[callId, this.#wallMs(), what, bounded(JSON.stringify(detail)), callId],
      );
    });
  }

  told(callId: CallId, variables: Readonly<Record<string, string>>): void {
    for (const [name, value] of Object.entries(variables)) this.step(callId, 'variable', { name, value });
  }

  spent(callId: CallId, usage: Usage): void {
    this.step(callId, 'usage', usage);
  }

  inherit(callId: CallId, turns: readonly PastTurn[]): void {
    const atMs = this.#wallMs();
    const told = turns.slice(-MAX_PAST_TURNS).map((turn) => ({ ...turn, atMs, heardMs: 0, interrupted: false }));
    this.#addTurns(callId, 'before', told);
  }

  turnsOf(callId: CallId): readonly PastTurn[] {
    return this.#file.attempt(() => {
      // Whoever knows the id of a phone call is not the caller yet.
      const [row] = this.#rows("WHERE id = ? AND transport = 'webrtc'", callId);
      if (row === undefined || !this.#resumable(row)) return [];
      return this.#turns(callId, ['here', 'before']).slice(-MAX_PAST_TURNS).map(toPastTurn);
    }, []);
  }

  unfinished(pbx: string | null): readonly UnfinishedCall[] {
    return this.#file.attempt(
      () => this.#rows('WHERE ended_at_ms IS NULL AND pbx IS ?', pbx).map((row) => this.#unfinished(row)),
      [],
    );
  }

  unfinishedAt(pbx: string, channelId: ChannelId): UnfinishedCall | null {
    return this.#file.attempt(() => {
      const found = 'WHERE ended_at_ms IS NULL AND pbx = ? AND channel_id = ? ORDER BY started_at_ms DESC LIMIT 1';
      const [row] = this.#rows(found, pbx, channelId);
      return row === undefined ? null : this.#unfinished(row);
    }, null);
  }

  ended(limit: number): readonly CallRecord[] {
    const newest = 'WHERE ended_at_ms IS NOT NULL ORDER BY ended_at_ms DESC LIMIT ?';
    return this.#file.attempt(() => this.#rows(newest, limit).map((row) => this.#record(row)), []);
  }

  #begin({ id, transport, pbx, extension, caller, agent, state, startedAt }: CallRecord, atMs: number): void {
    this.#file.attempt(() => {
      this.#file.run(
        `INSERT INTO calls (id, transport, pbx, extension, caller_number, caller_name, agent, state, started_at_ms, touched_at_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        ...[id, transport, pbx, extension, caller.number, caller.name, agent, state, Date.parse(startedAt), atMs],
      );
    }, undefined);
  }

  #end({ id, endedAt, timings, quality }: CallRecord, outcome: Outcome, atMs: number): void {
    const endedAtMs = endedAt === null ? atMs : Date.parse(endedAt);
    this.#set(
      id,
      "state = 'ended', ended_at_ms = ?, timings = ?, outcome = ?, quality = ?",
      endedAtMs,
      JSON.stringify(timings),
      JSON.stringify(outcome),
      quality === undefined ? null : JSON.stringify(quality),
    );
  }

  #set(callId: CallId, columns: string, ...values: readonly (string | number | null)[]): void {
    this.#file.attempt(() => {
      this.#file.run(`UPDATE calls SET ${columns}, touched_at_ms = ? WHERE id = ?`, ...values, this.#wallMs(), callId);
    }, undefined);
  }

  #addTurns(callId: CallId, said: 'here' | 'before', turns: readonly Turn[]): void {
    this.#add(callId, () => {
      for (const { who, text, atMs, heardMs, interrupted } of turns) {
        this.#file.run(
          'INSERT INTO turns SELECT ?, 1 + coalesce(max(number), 0), ?, ?, ?, ?, ?, ? FROM turns WHERE call_id = ?',
          ...[callId, said, who, bounded(text), Math.round(atMs), Math.round(heardMs), interrupted ? 1 : 0, callId],
        );
      }
    });
  }

  /** Rows that belong to a call; of one that is not known, because its beginning could not be written, there are none. */
  #add(callId: CallId, work: () => void): void {
    this.#file.attempt(() => {
      const known = this.#file.run('UPDATE calls SET touched_at_ms = ? WHERE id = ?', this.#wallMs(), callId);
      if (known > 0) work();
    }, undefined);
  }

  #rows(where: string, ...values: readonly (string | number | null)[]): readonly CallRow[] {
    return this.#file.all(`SELECT * FROM calls ${where}`, ...values) as CallRow[];
  }

  #turns(callId: string, said: readonly ('here' | 'before')[]): readonly Turn[] {
    const rows = this.#file.all(
      `SELECT who, text, at_ms, heard_ms, interrupted FROM turns WHERE call_id = ? AND said IN (?, ?) ORDER BY number`,
      ...[callId, said[0] ?? '', said[1] ?? ''],
    ) as TurnRow[];
    return rows.map((row) => ({
      who: row.who as Turn['who'],
      text: row.text,
      atMs: row.at_ms,
      heardMs: row.heard_ms,
      interrupted: row.interrupted === 1,
    }));
  }

  #usageOf(callId: string): Usage {
    const last = this.#steps(callId, 'usage').at(-1) as Usage | undefined;
    if (last === undefined) return NO_USAGE;
    const { inputTokens, outputTokens, cost } = last;
    return { inputTokens, outputTokens, cost };
  }

  #variablesOf(callId: string): Readonly<Record<string, string>> {
    const told = this.#steps(callId, 'variable') as readonly { readonly name: string; readonly value: string }[];
    return Object.fromEntries(told.map(({ name, value }) => [name, value]));
  }

  /** What was entered by `step`, with its time; the newest hundred. */
  #steps(callId: string, what: string): readonly object[] {
    const rows = this.#file.all(
      'SELECT at_ms, detail FROM steps WHERE call_id = ? AND what = ? ORDER BY number DESC LIMIT ?',
      ...[callId, what, MAX_STEPS],
    ) as { readonly at_ms: number; readonly detail: string }[];
    return rows.reverse().map(({ at_ms: atMs, detail }) => ({ ...(JSON.parse(detail) as object), atMs }));
  }

  #record(row: CallRow): CallRecord {
    return {
      id: row.id as CallId,
      transport: row.transport as Transport,
      pbx: row.pbx,
      extension: row.extension,
      caller: { number: row.caller_number, name: row.caller_name },
      agent: row.agent,
      state: row.state as CallState,
      codec: row.codec,
      sampleRateHz: row.sample_rate_hz,
      startedAt: new Date(row.started_at_ms).toISOString(),
      answeredAt: isoOrNull(row.answered_at_ms),
      endedAt: isoOrNull(row.ended_at_ms),
      outcome: row.outcome === null ? null : (JSON.parse(row.outcome) as Outcome),
      turns: this.#turns(row.id, ['here']),
      toolCalls: this.#steps(row.id, 'toolCalled') as CallRecord['toolCalls'],
      notes: this.#steps(row.id, 'noteTaken') as CallRecord['notes'],
      usage: this.#usageOf(row.id),
      timings: JSON.parse(row.timings) as CallTimings,
      ...(row.quality === null ? {} : { quality: JSON.parse(row.quality) as CallQuality }),
    };
  }

  #unfinished(row: CallRow): UnfinishedCall {
    const transfers = this.#file.all(
      'SELECT destination, mode, summary, ended FROM transfers WHERE call_id = ? ORDER BY number',
      row.id,
    ) as { destination: string; mode: string; summary: string; ended: string | null }[];
    const last = transfers.at(-1);
    const transfer =
      last?.ended === null ? { to: last.destination, mode: last.mode as TransferMode, summary: last.summary } : null;
    return {
      record: this.#record(row),
      channelId: row.channel_id as ChannelId | null,
      heldBy: row.held_by.split(' ').filter((holder) => holder !== '') as LastingHold[],
      transfer,
      transfers: transfers.length,
      variables: this.#variablesOf(row.id),
      company: (this.#steps(row.id, 'join') as { readonly channelId: ChannelId }[]).map(({ channelId }) => channelId),
      resumptions: row.resumptions,
      touchedAtMs: row.touched_at_ms,
    };
  }

  /** Of a call that somebody ended nothing can be asked for after a minute. */
  #resumable({ outcome, ended_at_ms: endedAtMs, touched_at_ms: touchedAtMs }: CallRow): boolean {
    const { result } = outcome === null ? { result: 'failed' } : (JSON.parse(outcome) as Outcome);
    const meant = endedAtMs !== null && (result === 'completed' || result === 'abandoned');
    return this.#wallMs() - touchedAtMs < (meant ? RESUMABLE_AFTER_END_MS : RESUMABLE_MS);
  }

  /** What is too old, or too much, goes. */
  #tidy(): void {
    const { keepDays, clock } = this.#options;
    const beforeMs = this.#wallMs() - Math.max(keepDays * DAY_MS, RESUMABLE_MS);
    this.#file.attempt(() => {
      const rows = this.#file.all(
        `SELECT id FROM calls WHERE ended_at_ms < ?
         UNION SELECT id FROM calls WHERE ended_at_ms IS NULL AND touched_at_ms < ?
         UNION SELECT id FROM (SELECT id FROM calls WHERE ended_at_ms IS NOT NULL ORDER BY ended_at_ms DESC LIMIT -1 OFFSET ?)
         LIMIT ?`,
        ...[beforeMs, this.#wallMs() - Math.max(keepDays, 1) * DAY_MS, MAX_CALLS, MAX_FORGOTTEN],
      ) as { readonly id: string }[];
      for (const { id } of rows) {
        this.#file.run('DELETE FROM calls WHERE id = ?', id);
        for (const table of OF_A_CALL) this.#file.run(`DELETE FROM ${table} WHERE call_id = ?`, id);
      }
    }, undefined);
    this.#file.shrink();
    this.#alarm = clock.setAlarm(TIDY_INTERVAL_MS, () => this.#tidy());
  }

  #wallMs(): number {
    return Math.round(this.#options.clock.wallMs());
  }
}

function toPastTurn({ who, text }: Turn): PastTurn {
  return { who, text };
}

function bounded(text: string): string {
  return text.slice(0, MAX_TEXT_CHARACTERS);
}

function isoOrNull(wallMs: number | null): string | null {
  return wallMs === null ? null : new Date(wallMs).toISOString();
}
