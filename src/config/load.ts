import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { LinecardError } from '../core/errors.js';
import { mistakesText } from './mistakes.js';
import type { Environment } from './overrides.js';
import { readConfigText } from './read.js';
import type { Config } from './schema.js';

/** The name of the file that is looked for in the working directory. */
export const CONFIG_FILE = 'linecard.yaml';
/** EX_CONFIG of sysexits.h: how a program of ours ends when its configuration is wrong. */
export const EXIT_CONFIG_INVALID = 78;
/** A file beyond this is no configuration. */
const MAX_FILE_BYTES = 1_000_000;

export type LoadOptions = {
  /** From `--config`; stands above `LINECARD_CONFIG`. */
  readonly file?: string | undefined;
  readonly env?: Environment;
  readonly cwd?: string;
};

/** The absolute path of the file that counts, or null when there is none: then the demo is meant. A file that was named need not exist. */
export function findConfigFile(options: LoadOptions = {}): string | null {
  const cwd = options.cwd ?? process.cwd();
  const variable = (options.env ?? process.env)['LINECARD_CONFIG'];
  const named = options.file ?? (variable === '' ? undefined : variable);
  if (named !== undefined) return resolve(cwd, named);
  const usual = resolve(cwd, CONFIG_FILE);
  return statSync(usual, { throwIfNoEntry: false }) === undefined ? null : usual;
}

/**
 * Finds, reads and checks the configuration. Throws CONFIG_INVALID, whose message lists every mistake with its line; a
 * program ends with EXIT_CONFIG_INVALID then.
 */
export function loadConfig(options: LoadOptions = {}): Config {
  const file = findConfigFile(options);
  if (file === null) {
    throw new LinecardError(
      'CONFIG_INVALID',
      `there is no ${CONFIG_FILE} here: "npx linecard init" writes one, or name a file by --config or LINECARD_CONFIG`,
    );
  }
  const reading = readConfigText(readText(file), {
    env: options.env ?? process.env,
    cwd: options.cwd ?? process.cwd(),
  });
  if (!reading.ok) throw new LinecardError('CONFIG_INVALID', mistakesText(file, reading.mistakes));
  return reading.config;
}

function readText(file: string): string {
  try {
    const size = statSync(file).size;
    if (size > MAX_FILE_BYTES) throw new Error(`it has ${size} bytes, a configuration at most ${MAX_FILE_BYTES}`);
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new LinecardError('CONFIG_INVALID', `${file} cannot be read: ${why}`, { cause: error });
  }
}
