import type { DestinationStream } from 'pino';
import { destination as openDestination, pino } from 'pino';
import { prettyFactory } from 'pino-pretty';
import type { Clock } from '../core/clock.js';
import { systemClock } from '../core/clock.js';
import { LinecardError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';

/** By number: `process.stdout` would open a stream of its own beside ours. */
const STDOUT_FD = 1;
/** What waits for a slow reader of our output; beyond it lines are dropped and counted. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
/** A reader that takes nothing must not keep a process that ends: 100 ms each. */
const MAX_RETRIES_AT_EXIT = 10;
/** Causes of causes that are written. */
const MAX_CAUSES = 4;

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type LogOptions = {
  readonly level: LogLevel;
  /** Whether numbers, transcripts and digits are written. */
  readonly pii: 'redacted' | 'shown';
  /** `pretty` is for people at a terminal; everything else gets one JSON object a line. */
  readonly format: 'json' | 'pretty';
  readonly clock: Clock;
  /** Where lines go instead of stdout, for tests. */
  readonly write?: (line: string) => void;
};

/** A logger and what its output has lost. */
export type ProcessLog = {
  readonly log: Logger;
  /** Lines that were dropped because nobody took them. */
  readonly droppedLines: () => number;
};

/**
 * What the environment says: `LINECARD_LOG_LEVEL` (info), `LINECARD_LOG_PII=1`, and a terminal at stdout. Throws
 * CONFIG_INVALID for a level that does not exist.
 */
export function logOptions(env: Readonly<Record<string, string | undefined>>, isTerminal: boolean): LogOptions {
  const wanted = env['LINECARD_LOG_LEVEL'] ?? '';
  const level = LOG_LEVELS.find((known) => known === (wanted === '' ? 'info' : wanted));
  if (level === undefined) {
    throw new LinecardError(
      'CONFIG_INVALID',
      `LINECARD_LOG_LEVEL: "${wanted}" must be one of ${LOG_LEVELS.join(', ')}`,
    );
  }
  return {
    level,
    pii: env['LINECARD_LOG_PII'] === '1' ? 'shown' : 'redacted',
    format: isTerminal ? 'pretty' : 'json',
    clock: systemClock,
  };
}

/** The logger of a process; made once, by the composition. */
export function createLog(options: LogOptions): ProcessLog {
  const counts = { dropped: 0 };
  const output = options.write === undefined ? standardOutput(counts) : { write: options.write };
  const log = pino(
    {
      level: options.level,
      base: { pid: process.pid },
      timestamp: () => `,"time":"${new Date(options.clock.wallMs()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError },
      ...(options.pii === 'redacted' ? { redact: { paths: ['pii'], censor: '[redacted]' } } : {}),
    },
    options.format === 'pretty' ? prettyOutput(output) : output,
  );
  return { log, droppedLines: () => counts.dropped };
}

/**
 * Stdout that neither blocks nor throws: a reader that is slow costs lines beyond a bound, one that is gone costs all of
 * them, and calls go on.
 */
function standardOutput(counts: { dropped: number }): DestinationStream {
  let retriesLeft = Infinity;
  const stream = openDestination({
    fd: STDOUT_FD,
    sync: false,
    maxLength: MAX_WAITING_BYTES,
    retryEAGAIN: () => retriesLeft-- > 0,
  });
  stream.on('drop', () => (counts.dropped += 1));
  stream.on('error', () => (counts.dropped += 1));
  process.once('exit', () => {
    retriesLeft = MAX_RETRIES_AT_EXIT;
    try {
      stream.flushSync();
    } catch {
      counts.dropped += 1; // nobody reads any more: there is no one left to tell
    }
  });
  return stream;
}

function prettyOutput(output: DestinationStream): DestinationStream {
  const prettify = prettyFactory({ ignore: 'pid', translateTime: 'SYS:HH:MM:ss.l', singleLine: true });
  return { write: (line) => output.write(prettify(line)) };
}

/** An error as it is logged: code and fault of ours, and the chain of causes, bounded. */
export function describeError(thrown: unknown, depth = 0): unknown {
  if (!(thrown instanceof Error)) return thrown;
  const { code } = thrown as { readonly code?: unknown };
  return {
    type: thrown.name,
    message: thrown.message,
    ...(code === undefined ? {} : { code }),
    ...(thrown instanceof LinecardError ? { fault: thrown.fault, retryable: thrown.retryable } : {}),
    stack: thrown.stack,
    ...(thrown.cause === undefined || depth >= MAX_CAUSES ? {} : { cause: describeError(thrown.cause, depth + 1) }),
  };
}
