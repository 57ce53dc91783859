import type { ConfigMistake, ConfigPath } from './mistakes.js';
import { port } from './fields.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Variables that stand above the file, so that several instances can run side by side. */
const OVERRIDES: readonly { readonly variable: string; readonly path: readonly [string, ...string[]] }[] = [
  { variable: 'LINECARD_HTTP_PORT', path: ['http', 'port'] },
  { variable: 'LINECARD_AUDIOSOCKET_PORT', path: ['audiosocket', 'port'] },
  { variable: 'LINECARD_DATA_DIR', path: ['dataDir'] },
];

/** Ports of the demo PBX: no part of the file, checked with it. */
const DEMO_PORTS = ['LINECARD_SIP_PORT', 'LINECARD_ARI_PORT'];

/** The tree with the variables' values in it. A variable that is empty counts as not set. */
export function applyOverrides(tree: unknown, env: Environment): unknown {
  if (!isBlock(tree)) return tree;
  const result = copyBlock(tree);
  for (const { variable, path } of OVERRIDES) {
    const value = env[variable];
    if (value === undefined || value === '') continue;
    const [first, second] = path;
    if (second === undefined) result[first] = value;
    else if (result[first] === undefined || isBlock(result[first])) {
      result[first] = Object.assign(copyBlock(result[first] ?? {}), { [second]: value });
    }
  }
  return result;
}

/** The variable that a value came from, or null: then it is the file's. */
export function variableOf(path: ConfigPath, env: Environment): string | null {
  const override = OVERRIDES.find((candidate) => JSON.stringify(candidate.path) === JSON.stringify(path));
  return override !== undefined && (env[override.variable] ?? '') !== '' ? override.variable : null;
}

/** What is wrong with variables that only the demo reads. */
export function demoMistakes(env: Environment): ConfigMistake[] {
  return DEMO_PORTS.flatMap((variable) => {
    const value = env[variable];
    if (value === undefined || value === '') return [];
    const result = port.safeParse(value);
    return (result.error?.issues ?? []).map((issue) => ({ path: variable, line: null, message: issue.message }));
  });
}

function copyBlock(block: unknown): Record<string, unknown> {
  return Object.assign(Object.create(null) as Record<string, unknown>, block);
}

function isBlock(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
