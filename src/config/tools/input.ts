import { z } from 'zod';
import { field, keyLike, list, named, oneOf, section, text, wholeNumber } from '../fields.js';

/** Where nobody can count the levels of a question any more. */
const MAX_DEPTH = 4;

const propertyKey = keyLike(/^[A-Za-z_][A-Za-z0-9_]{0,62}$/, 'a word of letters, digits and _');

const regularExpression = field({
  what: 'a regular expression',
  read: (value) => (value.length <= 500 && isRegularExpression(value) ? value : null),
});

const number = field({
  what: 'a number',
  read: (value) => (/^-?\d{1,15}(\.\d{1,15})?$/.test(value) ? Number(value) : null),
});

const count = wholeNumber(0, 100_000, 'a number');

/** What JSON Schema (2020-12) says of one value, as far as tools need it; every value of the file is read as what its keyword wants. */
export type JsonSchema = {
  readonly type: 'string' | 'number' | 'integer' | 'boolean' | 'array' | 'object';
  readonly description?: string | undefined;
  readonly enum?: readonly string[] | undefined;
  readonly pattern?: string | undefined;
  readonly minLength?: number | undefined;
  readonly maxLength?: number | undefined;
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
  readonly maxItems?: number | undefined;
  readonly items?: JsonSchema | undefined;
  readonly properties?: Readonly<Record<string, JsonSchema>> | undefined;
  readonly required?: readonly string[] | undefined;
};

function jsonSchema(depth: number): z.ZodType<JsonSchema> {
  const flat = {
    type: oneOf(['string', 'number', 'integer', 'boolean', 'array', 'object']),
    description: text(1000).optional(),
    enum: list(text(200), { max: 100, example: '[small, large]' }).optional(),
    pattern: regularExpression.optional(),
    minLength: count.optional(),
    maxLength: count.optional(),
    minimum: number.optional(),
    maximum: number.optional(),
    maxItems: count.optional(),
  };
  return depth === 0 ? section(flat) : section({ ...flat, items: jsonSchema(depth - 1).optional(), ...block(depth) });
}

function block(depth: number) {
  return {
    properties: named(propertyKey, jsonSchema(depth - 1), 'properties, such as order: { type: string }').optional(),
    required: list(text(63), { max: 50, example: '[order]' }).optional(),
  };
}

/** The input of a tool: an object. */
export const toolInput = section({ type: z.literal('object').default('object'), ...block(MAX_DEPTH) });

function isRegularExpression(value: string): boolean {
  try {
    new RegExp(value, 'u');
    return true;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}
