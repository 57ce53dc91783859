import { readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Config } from '../config/index.js';
import { findConfigFile, loadConfig } from '../config/index.js';
import { CommandFailure } from './terminal.js';
import type { Terminal } from './terminal.js';

/** The demo leaves the configuration it runs with in its data directory. */
const DEMO_CONFIG = 'demo.yaml';

/** A configuration and the file it came from. */
export type FoundConfig = { readonly file: string; readonly config: Config };

/** A running Linecard as a client sees it. */
export type Instance = { readonly url: string; readonly token: string };

export type InstanceOptions = {
  readonly config?: string | undefined;
  /** Instead of what the configuration says. */
  readonly url?: string | undefined;
  readonly token?: string | undefined;
};

/** The configuration as `linecard start` would take it; without a file, that of the demo if it has run here. */
export function findConfig(terminal: Terminal, file: string | undefined): FoundConfig {
  const { env, cwd } = terminal;
  const found = findConfigFile({ file, env, cwd }) ?? demoConfigFile(terminal) ?? undefined;
  const config = loadConfig({ file: found, env, cwd });
  return { file: found ?? '', config };
}

/** Where the running Linecard is, and the token for it. */
export function findInstance(terminal: Terminal, options: InstanceOptions): Instance {
  if (options.url !== undefined && options.token !== undefined) return { url: options.url, token: options.token };
  const { config } = findConfig(terminal, options.config);
  return {
    url: options.url ?? instanceUrl(config),
    token: options.token ?? config.http.token ?? tokenIn(config.dataDir),
  };
}

/** The address at which this machine reaches the HTTP side. */
export function instanceUrl(config: Config): string {
  const { host, port } = config.http;
  const reachable = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}

function demoConfigFile({ env, cwd }: Terminal): string | null {
  const dataDir = env['LINECARD_DATA_DIR'] ?? '';
  const file = join(resolve(cwd, dataDir === '' ? './data' : dataDir), DEMO_CONFIG);
  return statSync(file, { throwIfNoEntry: false }) === undefined ? null : file;
}

function tokenIn(dataDir: string): string {
  const file = join(dataDir, 'token');
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const why =
      code === 'ENOENT'
        ? 'Linecard has not run with this data directory yet'
        : `it cannot be read (${code ?? 'unknown'})`;
    throw new CommandFailure(`there is no token in ${file}: ${why}; start it, or give --token`, { cause: error });
  }
}
