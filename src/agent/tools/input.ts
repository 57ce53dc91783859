import { z } from 'zod';
import { LinecardError } from '../../core/errors.js';

/** A schema as models and HTTP clients read it (JSON Schema 2020-12). */
export function describeInput(schema: z.ZodType): Readonly<Record<string, unknown>> {
  return z.toJSONSchema(schema);
}

/** Checks what a model gave; throws TOOL_FAILED with what is wrong and what is allowed, in words a model can act on. */
export function parseInput<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const result = schema.safeParse(input ?? {});
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => `${issue.path.join('.') || 'input'}: ${issue.message}`);
  throw new LinecardError('TOOL_FAILED', problems.slice(0, 5).join('; '));
}
