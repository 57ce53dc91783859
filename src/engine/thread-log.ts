import type { LogFields, Logger } from '../core/logger.js';
import type { FromMedia } from './port.js';

type Level = Extract<FromMedia, { readonly kind: 'log' }>['level'];

/** A logger whose lines go to control as messages, where the one real logger writes them. */
export class ThreadLogger implements Logger {
  readonly #send: (message: FromMedia) => void;
  readonly #fields: LogFields;

  constructor(send: (message: FromMedia) => void, fields: LogFields = {}) {
    this.#send = send;
    this.#fields = fields;
  }

  debug(fields: LogFields, message: string): void {
    this.#write('debug', fields, message);
  }

  info(fields: LogFields, message: string): void {
    this.#write('info', fields, message);
  }

  warn(fields: LogFields, message: string): void {
    this.#write('warn', fields, message);
  }

  error(fields: LogFields, message: string): void {
    this.#write('error', fields, message);
  }

  child(fields: LogFields): Logger {
    return new ThreadLogger(this.#send, { ...this.#fields, ...fields });
  }

  #write(level: Level, fields: LogFields, message: string): void {
    this.#send({ kind: 'log', level, fields: plain({ ...this.#fields, ...fields }), message });
  }
}

/** Only plain data crosses to another thread: an error becomes its parts, anything that has no JSON form is left out. */
function plain(fields: LogFields): Record<string, unknown> {
  try {
    return JSON.parse(
      JSON.stringify(fields, (_, value: unknown) => (value instanceof Error ? errorParts(value) : value)),
    ) as Record<string, unknown>;
  } catch (error) {
    return { unprintable: String(error) };
  }
}

function errorParts(error: Error): Record<string, unknown> {
  const { name, message, stack, cause } = error;
  const code = 'code' in error ? error.code : undefined;
  return { type: name, name, code, message, stack, cause };
}
