import { z } from 'zod';
import { didYouMean } from '../nearest.js';
import { httpToolConfig } from './http.js';
import { mcpToolConfig } from './mcp.js';

/** A new kind of tool is a file beside this one and a line here. */
const KINDS = [httpToolConfig, mcpToolConfig] as const;

const KIND_NAMES = KINDS.map((kind) => kind.shape.kind.value);

/** One tool of the admin's: which keys it takes depends on its kind. */
export const tool = z.discriminatedUnion('kind', KINDS, {
  error: (issue) => kindMessage(issue.input),
});

export type ToolConfig = z.output<typeof tool>;

function kindMessage(input: unknown): string {
  const allowed = KIND_NAMES.length === 1 ? `"${KIND_NAMES[0] ?? ''}"` : `one of ${KIND_NAMES.join(', ')}`;
  if (typeof input !== 'object' || input === null) return `must be a block with the key kind: ${allowed}`;
  const { kind } = input as { readonly kind?: unknown };
  if (typeof kind !== 'string') return `is missing; it must be ${allowed}`;
  return `"${kind}" must be ${allowed}${didYouMean(kind, KIND_NAMES)}`;
}
