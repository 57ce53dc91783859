/**
 * The part of pino that code may use. The message is a constant sentence, values go into fields. Numbers, transcripts
 * and digits go under `pii`, which is redacted unless the operator asks for it.
 */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  child(fields: LogFields): Logger;
}

export type LogFields = {
  readonly err?: unknown;
  readonly pii?: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
};

/** For code under test and for tools that print their own output. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
};
