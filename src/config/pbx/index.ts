import { z } from 'zod';
import { didYouMean } from '../nearest.js';
import { asteriskPbx } from './asterisk.js';
import { freeswitchPbx } from './freeswitch.js';

/** A new kind of PBX is a file beside this one and a line here. */
const KINDS = [asteriskPbx, freeswitchPbx] as const;

const KIND_NAMES = KINDS.map((kind) => kind.shape.kind.value);

/** One PBX: which keys it takes depends on its kind. */
export const pbx = z.discriminatedUnion('kind', KINDS, {
  error: (issue) => kindMessage(issue.input),
});

export type PbxConfig = z.output<typeof pbx>;

function kindMessage(input: unknown): string {
  const allowed = `one of ${KIND_NAMES.join(', ')}`;
  if (typeof input !== 'object' || input === null) return `must be a block with the key kind: ${allowed}`;
  const { kind } = input as { readonly kind?: unknown };
  if (typeof kind !== 'string') return `is missing; it must be ${allowed}`;
  return `"${kind}" must be ${allowed}${didYouMean(kind, KIND_NAMES)}`;
}
