/**
 * The tables, as the steps that lead to them: a file made by an older Linecard (its `user_version` counts the steps it has) gets those that it lacks. A step
 * that was released is never changed.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE calls (
    id TEXT PRIMARY KEY,
    transport TEXT NOT NULL,
    pbx TEXT,
    channel_id TEXT,
    extension TEXT,
    caller_number TEXT NOT NULL,
    caller_name TEXT NOT NULL,
    agent TEXT NOT NULL,
    state TEXT NOT NULL,
    codec TEXT,
    sample_rate_hz INTEGER,
    held_by TEXT NOT NULL DEFAULT '',
    resumptions INTEGER NOT NULL DEFAULT 0,
    started_at_ms INTEGER NOT NULL,
    answered_at_ms INTEGER,
    ended_at_ms INTEGER,
    touched_at_ms INTEGER NOT NULL,
    timings TEXT NOT NULL DEFAULT '{}',
    outcome TEXT
  ) STRICT;
  CREATE INDEX unfinished_calls ON calls (pbx, channel_id) WHERE ended_at_ms IS NULL;
  CREATE INDEX ended_calls ON calls (ended_at_ms) WHERE ended_at_ms IS NOT NULL;
  CREATE TABLE turns (
    call_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    said TEXT NOT NULL CHECK (said IN ('here', 'before')),
    who TEXT NOT NULL,
    text TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    heard_ms INTEGER NOT NULL,
    interrupted INTEGER NOT NULL,
    PRIMARY KEY (call_id, number)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE transfers (
    call_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    destination TEXT NOT NULL,
    mode TEXT NOT NULL,
    summary TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    ended TEXT,
    PRIMARY KEY (call_id, number)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE steps (
    call_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    what TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (call_id, number)
  ) STRICT, WITHOUT ROWID;
  `,
  // How it sounded, as JSON; null while nothing was measured, and in calls of older Linecards.
  'ALTER TABLE calls ADD COLUMN quality TEXT',
];

/** The tables whose rows belong to a call. */
export const OF_A_CALL = ['turns', 'transfers', 'steps'] as const;

/** A row of `calls`. */
export type CallRow = {
  readonly id: string;
  readonly transport: string;
  readonly pbx: string | null;
  readonly channel_id: string | null;
  readonly extension: string | null;
  readonly caller_number: string;
  readonly caller_name: string;
  readonly agent: string;
  readonly state: string;
  readonly codec: string | null;
  readonly sample_rate_hz: number | null;
  readonly held_by: string;
  readonly resumptions: number;
  readonly started_at_ms: number;
  readonly answered_at_ms: number | null;
  readonly ended_at_ms: number | null;
  readonly touched_at_ms: number;
  readonly timings: string;
  readonly outcome: string | null;
  readonly quality: string | null;
};

/** A row of `turns`, as far as it is read. */
export type TurnRow = {
  readonly who: string;
  readonly text: string;
  readonly at_ms: number;
  readonly heard_ms: number;
  readonly interrupted: number;
};
