import { z } from 'zod';
import type { ConfigPath } from './mistakes.js';

/** The schema of a place in the file, as far as `tree` decides it (which provider an agent has); null when there is none. */
export function schemaAt(schema: z.core.$ZodType, path: ConfigPath, tree: unknown): z.core.$ZodType | null {
  const plain = unwrap(schema);
  const [key, ...rest] = path;
  if (plain instanceof z.ZodDiscriminatedUnion) {
    const option = plain.options.find(
      (candidate) => plain.def.discriminator in shapeOf(candidate) && fits(candidate, tree),
    );
    return option === undefined ? null : schemaAt(option, path, tree);
  }
  if (key === undefined) return schema;
  const below = child(plain, key);
  return below === null ? null : schemaAt(below, rest, isBlock(tree) ? tree[key] : undefined);
}

/** The keys that a block may have; empty for anything else. */
export function keysOf(schema: z.core.$ZodType | null): string[] {
  const plain = schema === null ? null : unwrap(schema);
  return plain instanceof z.ZodObject ? Object.keys(shapeOf(plain)) : [];
}

/** True for a value that nobody may see. */
export function isSecret(schema: z.core.$ZodType | null): boolean {
  if (schema === null) return false;
  if (z.globalRegistry.get(schema)?.['secret'] === true) return true;
  const plain = unwrapOnce(schema);
  return plain !== null && isSecret(plain);
}

function child(schema: z.core.$ZodType, key: string | number): z.core.$ZodType | null {
  if (schema instanceof z.ZodObject) return shapeOf(schema)[key] ?? null;
  if (schema instanceof z.ZodArray) return schema.element;
  if (schema instanceof z.ZodRecord) return schema.valueType;
  return null;
}

function shapeOf(schema: z.core.$ZodType): Readonly<Record<string, z.core.$ZodType>> {
  return schema instanceof z.ZodObject ? schema.shape : {};
}

function fits(option: z.core.$ZodType, tree: unknown): boolean {
  return Object.entries(shapeOf(option)).some(
    ([key, schema]) =>
      schema instanceof z.ZodLiteral && isBlock(tree) && schema.values.has(tree[key] as z.core.util.Literal),
  );
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  const inner = unwrapOnce(schema);
  return inner === null ? schema : unwrap(inner);
}

function unwrapOnce(schema: z.core.$ZodType): z.core.$ZodType | null {
  if (schema instanceof z.ZodPipe) return schema.in;
  const isWrapper =
    schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault;
  return isWrapper ? schema.unwrap() : null;
}

function isBlock(value: unknown): value is Readonly<Record<string | number, unknown>> {
  return typeof value === 'object' && value !== null;
}
