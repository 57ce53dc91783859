import { LinecardError } from '../core/errors.js';
import { HttpProblem } from './problem.js';

/** A field of a request's body: what is allowed, and the value of it; null when it is not allowed. */
export type BodyField<Value> = {
  readonly what: string;
  readonly read: (value: unknown) => Value | null;
  /** Instead of a field that is not there; none: it has to be there. */
  readonly fallback?: Value;
};

type BodyValues<Fields> = { [Name in keyof Fields]: Fields[Name] extends BodyField<infer Value> ? Value : never };

/** Reads a JSON object with these fields and no others; throws REQUEST_INVALID with every mistake in it. */
export function readBody<Fields extends Readonly<Record<string, BodyField<unknown>>>>(
  body: unknown,
  fields: Fields,
): BodyValues<Fields> {
  const names = Object.keys(fields);
  if (body === undefined && names.length > 0) {
    throw new HttpProblem(
      415,
      'BODY_NOT_JSON',
      `this needs a JSON body with ${names.join(', ')}, and the header "Content-Type: application/json"`,
    );
  }
  if (body !== undefined && (typeof body !== 'object' || body === null || Array.isArray(body))) {
    throw new LinecardError('REQUEST_INVALID', 'the body must be a JSON object');
  }
  const given = (body ?? {}) as Readonly<Record<string, unknown>>;
  const mistakes = Object.keys(given)
    .filter((name) => !names.includes(name))
    .map((name) => `"${name}" is not known here, only ${names.length === 0 ? 'an empty object' : names.join(', ')}`);
  const values: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(fields)) {
    const raw = Object.hasOwn(given, name) ? given[name] : undefined;
    const value = raw === undefined ? field.fallback : field.read(raw);
    if (value === undefined) mistakes.push(`"${name}" is missing; it must be ${field.what}`);
    else if (value === null) mistakes.push(`"${name}" must be ${field.what}`);
    values[name] = value;
  }
  if (mistakes.length > 0) throw new LinecardError('REQUEST_INVALID', mistakes.join('; '));
  return values as BodyValues<Fields>;
}

/** Text of 1 to `max` characters. */
export function bodyText(max: number): BodyField<string> {
  return {
    what: `a text of 1 to ${max} characters`,
    read: (value) => (typeof value === 'string' && value.trim().length >= 1 && value.length <= max ? value : null),
  };
}

/** One of these words. */
export function bodyWord<const Word extends string>(words: readonly Word[], fallback: Word): BodyField<Word> {
  return {
    what: `one of ${words.join(', ')}`,
    read: (value) => words.find((word) => word === value) ?? null,
    fallback,
  };
}
