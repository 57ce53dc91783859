import { resolve } from 'node:path';
import type { z } from 'zod';
import { crossCheck } from './cross-checks.js';
import { readDocument } from './document.js';
import type { ConfigMistake, ConfigPath } from './mistakes.js';
import { pathText } from './mistakes.js';
import { didYouMean } from './nearest.js';
import type { Environment } from './overrides.js';
import { applyOverrides, demoMistakes, variableOf } from './overrides.js';
import type { Config } from './schema.js';
import { configSchema } from './schema.js';
import { keysOf, schemaAt } from './shape.js';

/** A text that was read: a configuration, or everything that is wrong with it. */
export type ConfigReading =
  { readonly ok: true; readonly config: Config } | { readonly ok: false; readonly mistakes: readonly ConfigMistake[] };

export type ReadOptions = {
  readonly env: Environment;
  /** Relative paths of the configuration are seen from here. */
  readonly cwd: string;
};

/** Reads the text of a `linecard.yaml`. */
export function readConfigText(source: string, options: ReadOptions): ConfigReading {
  const document = readDocument(source, options.env);
  // What follows an error of YAML's would be listed as missing: one has to come after the other.
  const reading: ConfigReading =
    document.state === 'broken' ? { ok: false, mistakes: [] } : readTree(document.tree, document.lineOf, options);
  if (document.mistakes.length === 0) return reading;
  return { ok: false, mistakes: withoutEchoes([...document.mistakes, ...(reading.ok ? [] : reading.mistakes)]) };
}

/** Reads a configuration that was made by code, as the demo's is. */
export function readConfigObject(value: unknown, options: ReadOptions): ConfigReading {
  return readTree(value, () => null, options);
}

function readTree(fileTree: unknown, lineOf: (path: ConfigPath) => number | null, options: ReadOptions): ConfigReading {
  const tree = applyOverrides(fileTree, options.env);
  const result = configSchema.safeParse(tree);
  const found = [...(result.error?.issues ?? []).flatMap((issue) => issueMistakes(issue, tree)), ...crossCheck(tree)];
  const mistakes = found.map(({ path, message }): ConfigMistake => {
    const variable = variableOf(path, options.env);
    return variable === null
      ? { path: pathText(path), line: lineOf(path), message }
      : { path: variable, line: null, message };
  });
  mistakes.push(...demoMistakes(options.env));
  if (!result.success || mistakes.length > 0) return { ok: false, mistakes };
  return { ok: true, config: { ...result.data, dataDir: resolve(options.cwd, result.data.dataDir) } };
}

type Found = { readonly path: ConfigPath; readonly message: string };

function issueMistakes(issue: z.core.$ZodIssue, tree: unknown): Found[] {
  const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
  if (issue.code === 'unrecognized_keys') {
    const known = keysOf(schemaAt(configSchema, path, tree));
    return issue.keys.map((key) => ({
      path: [...path, key],
      message: `unknown key${didYouMean(key, known)}; the keys here are ${known.join(', ')}`,
    }));
  }
  if (issue.code === 'invalid_key') return issue.issues.map((inner) => ({ path, message: inner.message }));
  return [{ path, message: issue.message }];
}

/** A variable that is not set also leaves a value that the schema refuses: the first of the two says it all. */
function withoutEchoes(mistakes: readonly ConfigMistake[]): ConfigMistake[] {
  const unset = new Set(mistakes.filter((m) => m.message.startsWith('the environment variable')).map((m) => m.path));
  return mistakes.filter(
    (mistake) => !unset.has(mistake.path) || mistake.message.startsWith('the environment variable'),
  );
}
