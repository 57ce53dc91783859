import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { toProblem } from '../../src/api/problem.js';
import type { CallRecord } from '../../src/core/calls.js';
import type { ErrorCode } from '../../src/core/errors.js';
import { ERRORS, LinecardError } from '../../src/core/errors.js';
import type { CallEvent } from '../../src/core/events.js';
import { TestApi } from '../support/http.js';
import { routesOf } from '../support/routes.js';

const SOURCES = join(import.meta.dirname, '../../src/api');
const page = readFileSync(join(import.meta.dirname, '../../docs/http-api.md'), 'utf8');

/** Of the type `CallRecord`: the compiler refuses a field too many or too few. */
const CALL_FIELDS: Record<keyof CallRecord, true> = {
  id: true,
  transport: true,
  pbx: true,
  extension: true,
  caller: true,
  agent: true,
  state: true,
  codec: true,
  sampleRateHz: true,
  startedAt: true,
  answeredAt: true,
  endedAt: true,
  outcome: true,
  turns: true,
  toolCalls: true,
  notes: true,
  usage: true,
  timings: true,
  quality: true,
};

type OwnFields<Kind> = Exclude<keyof Extract<CallEvent, { readonly kind: Kind }>, 'kind' | 'callId' | 'atMs'>;

/** Of the type `CallEvent`, likewise. */
const EVENT_FIELDS: { readonly [Kind in CallEvent['kind']]: Record<OwnFields<Kind>, true> } = {
  callStarted: { call: true },
  callResumed: { call: true, resumptions: true },
  stateChanged: { state: true },
  legConnected: { codec: true, sampleRateHz: true },
  callAnswered: {},
  firstAudioPlayed: {},
  turnHeard: { turn: true },
  captionChanged: { who: true, text: true },
  qualityMeasured: { quality: true },
  digitPressed: { digit: true },
  agentInterrupted: { heardMs: true, reactionMs: true },
  responseStarted: { latencyMs: true },
  toolCalled: { tool: true, ok: true, tookMs: true, input: true, result: true },
  noteTaken: { text: true },
  agentChanged: { agent: true },
  limitReached: { limit: true },
  transferStarted: { to: true, mode: true },
  callerReplaced: { caller: true },
  callerUnheard: { missingMs: true, cause: true, mended: true },
  messageTaken: { messageId: true },
  callEnded: { outcome: true, call: true },
};

describe('docs/http-api.md', () => {
  it('has each route that the program has, and no other', () => {
    const told = [...page.matchAll(/^### (.*)$/gm)].flatMap(([, heading = '']) => quoted(heading));
    const there = routesOf(new TestApi().app).map((route) => route.replace(/^GET \/web\/.*/, 'GET /web/:file'));
    // Not express's: the server hands requests for another protocol to src/api/agent-sockets.ts.
    there.push('GET /v1/ws/:agent');
    expect(told.sort()).toEqual([...new Set(there)].sort());
  });

  it('has each field of a call', () => {
    const told = rowsOf('One call. What it has').flatMap(([fields = '']) => quoted(fields));
    expect(told.sort()).toEqual(Object.keys(CALL_FIELDS).sort());
  });

  it('has each event with its fields', () => {
    const told = rowsOf('Each event has').map(([kind = '', fields = '']) => [quoted(kind)[0], quoted(fields).sort()]);
    const there = Object.entries(EVENT_FIELDS).map(([kind, fields]) => [kind, Object.keys(fields).sort()]);
    expect(Object.fromEntries(told)).toEqual(Object.fromEntries(there));
  });

  it('has each error with its status', () => {
    const told = rowsOf('RFC 9457 problem documents').map(([code = '', status]) => [quoted(code)[0], Number(status)]);
    expect(Object.fromEntries(told)).toEqual(Object.fromEntries([...errorsOfCalls(), ...errorsOfHttp()]));
  });
});

/** Errors of ours as HTTP shows them; what has no status of its own is a defect. */
function errorsOfCalls(): [string, number][] {
  return (Object.keys(ERRORS) as ErrorCode[]).flatMap((code) => {
    const { status } = toProblem(new LinecardError(code, ''));
    return status === 500 && code !== 'INVARIANT' ? [] : [[code, status] as [string, number]];
  });
}

/** Errors that only HTTP knows, from where they are made. */
function errorsOfHttp(): [string, number][] {
  const texts = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => readFileSync(join(SOURCES, path), 'utf8'));
  return texts.flatMap((text) =>
    [...text.matchAll(/new HttpProblem\(\s*(\d{3}),\s*'([A-Z_]+)'/g)]
      .map(([, status, code = '']): [string, number] => [code, Number(status)])
      .filter(([code]) => !code.startsWith('HTTP_')),
  );
}

/** The cells of the first table behind a text. */
function rowsOf(before: string): string[][] {
  const [, behind = ''] = page.split(before);
  const [table = ''] = /(?:^\|.*\n)+/m.exec(behind) ?? [];
  return table
    .trim()
    .split('\n')
    .slice(2)
    .map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

function quoted(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word);
}
