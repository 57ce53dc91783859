import { z } from 'zod';
import { didYouMean } from '../nearest.js';
import { asteriskPbx } from './asterisk.js';

/** A new kind of PBX is a file beside this one and a line here. */
const KINDS = [asteriskPbx] as const;

const KIND_NAMES = KINDS.map((kind) => kind.shape.kind.value);

/** Kinds that the documentation speaks of and that this version does not have. */
const LATER_KINDS = ['freeswitch'];

/** One PBX: which keys it takes depends on its kind. */
export const pbx = z.discriminatedUnion('kind', KINDS, {
  error: (issue) => kindMessage(issue.input),
});

export type PbxConfig = z.output<typeof pbx>;

function kindMessage(input: unknown): string {
  const allowed = KIND_NAMES.length === 1 ? `"${KIND_NAMES[0] ?? ''}"` : `one of ${KIND_NAMES.join(', ')}`;
  if (typeof input !== 'object' || input === null) return `must be a block with the key kind: ${allowed}`;
  const { kind } = input as { readonly kind?: unknown };
  if (typeof kind !== 'string') return `is missing; it must be ${allowed}`;
  if (LATER_KINDS.includes(kind)) return `"${kind}" is not available in this version; it must be ${allowed}`;
  return `"${kind}" must be ${allowed}${didYouMean(kind, KIND_NAMES)}`;
}
