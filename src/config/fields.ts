import { isIP } from 'node:net';
import { z } from 'zod';
import { didYouMean } from './nearest.js';

/** Longest part of a bad value that a message repeats. */
const SHOWN_CHARS = 60;

type FieldOptions<Value> = {
  /** What is allowed, to follow "must be": `a port, a whole number from 0 to 65535`. */
  readonly what: string;
  /** Null when the text is not allowed. */
  readonly read: (text: string) => Value | null;
  /** `secret`: never shown, neither in messages nor by `linecard config`. */
  readonly visibility?: 'shown' | 'secret';
  /** Names that a slip is compared with. */
  readonly known?: readonly string[];
};

/**
 * One value. The file's scalars arrive as text, whatever they look like (`password: 0123` keeps its zero), and each field
 * reads its own; numbers and booleans are taken too, for configurations that are made by code.
 */
export function field<Value>(options: FieldOptions<Value>): z.ZodType<Value> {
  const schema = z.unknown().transform((raw, context): Value => {
    if (raw === undefined) return refuse(context, raw, `is missing; it must be ${options.what}`);
    if (typeof raw !== 'string' && typeof raw !== 'number' && typeof raw !== 'boolean') {
      const kind = Array.isArray(raw) ? 'list' : 'block';
      return refuse(context, raw, `must be ${options.what}, not a ${kind}`);
    }
    const text = String(raw);
    const value = options.read(text);
    if (value !== null) return value;
    const shown = options.visibility === 'secret' ? 'the value' : shorten(text);
    return refuse(context, raw, `${shown} must be ${options.what}${didYouMean(text, options.known ?? [])}`);
  });
  return schema.meta({ takes: options.what, ...(options.visibility === 'secret' ? { secret: true } : {}) });
}

/** A bad value as a message repeats it; a password in a URL is nobody's business. */
function shorten(text: string): string {
  return JSON.stringify(text.replace(/\/\/[^/]*@/, '//…@').slice(0, SHOWN_CHARS));
}

function refuse(context: z.core.$RefinementCtx, input: unknown, message: string): never {
  context.issues.push({ code: 'custom', message, input });
  return z.NEVER;
}

/** A block with these keys and no others. */
export function section<Shape extends z.core.$ZodLooseShape>(shape: Shape): z.ZodObject<Shape, z.core.$strict> {
  const keys = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'invalid_type' ? `must be a block with the keys ${keys}` : undefined),
  });
}

/** A list of at most `max` items; `example` shows how it is written. */
export function list<Item extends z.ZodType>(
  item: Item,
  options: { readonly max: number; readonly example: string },
): z.ZodArray<Item> {
  return z
    .array(item, { error: `must be a list, such as ${options.example}` })
    .max(options.max, { error: `must have at most ${options.max} entries` })
    .meta({ takes: `at most ${options.max}` });
}

/** A block whose keys are names that the admin chooses. */
export function named<Item extends z.ZodType>(
  key: z.ZodType<string, string>,
  item: Item,
  what: string,
): z.ZodRecord<z.ZodType<string, string>, Item> {
  return z
    .record(key, item, {
      error: (issue) => (issue.code === 'invalid_type' ? `must be a block of ${what}` : undefined),
    })
    .meta({ takes: what });
}

/** A key of `named`. */
export function keyLike(pattern: RegExp, what: string): z.ZodType<string, string> {
  return z.string().regex(pattern, { error: `the name must be ${what}` });
}

/** Text of 1 to `max` characters. */
export function text(max: number, visibility: 'shown' | 'secret' = 'shown'): z.ZodType<string> {
  return field({
    what: `a text of 1 to ${max} characters`,
    read: (value) => (value.length >= 1 && value.length <= max ? value : null),
    visibility,
  });
}

/** Text of a certain form; `what` says which. */
export function textLike(pattern: RegExp, what: string, visibility: 'shown' | 'secret' = 'shown'): z.ZodType<string> {
  return field({ what, read: (value) => (pattern.test(value) ? value : null), visibility });
}

/** A whole number within bounds, both included. */
export function wholeNumber(min: number, max: number, what = 'a whole number'): z.ZodType<number> {
  return field({
    what: `${what} from ${min} to ${max}`,
    read: (value) => {
      const number = /^-?\d{1,15}$/.test(value) ? Number(value) : NaN;
      return number >= min && number <= max ? number : null;
    },
  });
}

export const truth: z.ZodType<boolean> = field({
  what: 'true or false',
  read: (value) => (value === 'true' ? true : value === 'false' ? false : null),
});

/** One of these words. */
export function oneOf<const Word extends string>(words: readonly Word[]): z.ZodType<Word> {
  return field<Word>({
    what: words.length === 1 ? `"${words[0] ?? ''}"` : `one of ${words.join(', ')}`,
    read: (value) => words.find((word) => word === value) ?? null,
    known: words,
  });
}

/** 0 lets the system pick a free port. */
export const port: z.ZodType<number> = wholeNumber(0, 65_535, 'a port, a whole number');

/** Ports of UDP, first and last: `[40000, 40999]`. */
export const portRange: z.ZodType<readonly [number, number]> = z
  .tuple([wholeNumber(1, 65_535, 'a port, a whole number'), wholeNumber(1, 65_535, 'a port, a whole number')], {
    error: 'must be the first and the last port, such as [40000, 40999]',
  })
  .refine(([first, last]) => first < last, { error: 'must be the first and the last port, the smaller one first' })
  .meta({ takes: 'the first and the last port, such as [40000, 40999]' });

const HOST_NAME = /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}))*$/;

export const host: z.ZodType<string> = field({
  what: 'an IP address or a host name, without port',
  // Four numbers with dots that are no IPv4 address are a slip, not a name.
  read: (value) => (isIP(value) !== 0 || (HOST_NAME.test(value) && !/^[\d.]+$/.test(value)) ? value : null),
});

export const ipAddress: z.ZodType<string> = field({
  what: 'an IP address',
  read: (value) => (isIP(value) !== 0 ? value : null),
});

/** An address or a network: `192.0.2.7`, `192.0.2.0/24`, `2001:db8::/32`. */
export const network: z.ZodType<string> = field({
  what: 'an IP address or a network such as 192.0.2.0/24',
  read: (value) => {
    const [address = '', prefix, ...rest] = value.split('/');
    const version = isIP(address);
    if (version === 0 || rest.length > 0) return null;
    const bits = prefix === undefined ? 0 : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Infinity;
    return bits <= (version === 4 ? 32 : 128) ? value : null;
  },
});

/** A URL of one of these schemes, without user and password in it. */
export function url(schemes: readonly string[], example: string): z.ZodType<string> {
  return field({
    what: `a URL such as ${example}, without user and password`,
    read: (value) => {
      if (!URL.canParse(value)) return null;
      const { protocol, username, password, hostname } = new URL(value);
      const clean = username === '' && password === '' && hostname !== '';
      return clean && schemes.includes(protocol.slice(0, -1)) ? value : null;
    },
  });
}
