import { randomUUID } from 'node:crypto';
import { mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { Config } from '../config/index.js';
import { configNotices } from '../config/index.js';
import { toLinecardError } from '../core/errors.js';
import { checkPortsFree } from '../demo/ports.js';
import type { Finding } from '../pbx/findings.js';
import { findRecognizer } from '../speech/recognizer.js';
import { instanceUrl } from './instance.js';

/** A Linecard on this machine answers in milliseconds. */
const READY_LIMIT_MS = 2000;
/** An hour of messages is 115 MB. */
const MIN_FREE_BYTES = 200 * 1024 * 1024;
/** What guesses cannot reach: 16 characters of 64 are 96 bits. */
const MIN_TOKEN_CHARS = 16;

/** The version of Node.js, `20.20.2`. */
export function checkNode(version: string): Finding {
  const major = Number(version.split('.')[0]);
  if (major >= 20) return ok(`Node.js ${version}`);
  return error(`Node.js ${version} is too old`, 'install Node.js 20 or later');
}

/** Whether the embedded agent can understand speech. */
export async function checkRecognizer(
  config: Config,
  env: Readonly<Record<string, string | undefined>>,
  find: typeof findRecognizer = findRecognizer,
): Promise<Finding> {
  const wanted = Object.values(config.agents).some((agent) => agent.provider === 'embedded');
  if (!wanted) return ok('no agent needs the speech recognizer of this machine');
  if ((await find(env['PATH'] ?? '')) !== null) return ok('speech recognition: pocketsphinx');
  return warning(
    'no speech recognition: callers can only use keys',
    'sudo apt-get install pocketsphinx pocketsphinx-en-us',
  );
}

/** What is allowed and yet not wise. */
export function checkConfig(config: Config): Finding[] {
  const findings: Finding[] = configNotices(config).map((notice) => warning(notice, null));
  for (const [extension, { fallback }] of Object.entries(config.extensions)) {
    if (fallback !== undefined) continue;
    findings.push(
      warning(
        `extension ${extension} has no fallback: its callers are hung up when the AI cannot serve`,
        `extensions.${extension}.fallback: the number of a person`,
      ),
    );
  }
  const { host, token } = config.http;
  if (token !== undefined && token.length < MIN_TOKEN_CHARS) {
    findings.push(
      warning(`http.token has only ${token.length} characters`, 'take 32 random ones, or leave it out: one is made'),
    );
  }
  if (!isLoopback(host)) {
    findings.push(
      warning(
        `the web page and the API are open to the network at ${host}, without TLS`,
        'keep http.host at 127.0.0.1 and put a reverse proxy with TLS in front',
      ),
    );
  }
  return findings.length === 0 ? [ok('no mistakes')] : findings;
}

/** Whether messages and the token can be written. */
export async function checkDataDir(dataDir: string): Promise<Finding[]> {
  const probe = join(dataDir, `.doctor-${randomUUID()}`);
  try {
    await mkdir(dataDir, { recursive: true });
    await writeFile(probe, 'x');
    await rm(probe);
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    return [error(`${dataDir} cannot be written: ${why}`, 'change its owner, or set dataDir to another directory')];
  }
  const { bavail, bsize } = await statfs(dataDir);
  const free = `${Math.floor((bavail * bsize) / 1024 ** 2)} MB free`;
  if (bavail * bsize < MIN_FREE_BYTES) return [warning(`${dataDir}: ${free}`, 'make room: messages are kept there')];
  return [ok(`${dataDir} can be written, ${free}`)];
}

/** Whether a Linecard runs with this configuration, and what it says of itself. */
export async function checkInstance(
  config: Config,
): Promise<{ readonly running: boolean; readonly findings: readonly Finding[] }> {
  const url = instanceUrl(config);
  const state = await askReadiness(url);
  if (state === null) return { running: false, findings: [ok(`no Linecard runs at ${url}; "npm start" starts it`)] };
  const reasons = state.reasons.map((reason) => error(`running, but takes no calls: ${reason}`, null));
  const limitations = state.limitations.map((limitation) => warning(limitation, null));
  return {
    running: true,
    findings: [...(reasons.length === 0 ? [ok(`ready for calls at ${url}`)] : reasons), ...limitations],
  };
}

/** Whether a start would get its ports. */
export async function checkPorts(config: Config): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { host, port, key, purpose, variable } of listeners(config)) {
    try {
      await checkPortsFree([{ host, port, kinds: ['tcp'], purpose, variable: variable ?? key }]);
      findings.push(ok(`port ${port} on ${host} is free for ${purpose}`));
    } catch (thrown) {
      findings.push(error(toLinecardError(thrown).message, variable === null ? null : `or change ${key}`));
    }
  }
  return findings;
}

type Listener = {
  readonly host: string;
  readonly port: number;
  readonly key: string;
  readonly purpose: string;
  /** The one that stands above the key; null where there is none. */
  readonly variable: string | null;
};

/** Where a Linecard with this configuration would listen. */
function listeners({ http, audiosocket, pbx }: Config): Listener[] {
  return [
    { ...http, key: 'http.port', purpose: 'the web page and the API', variable: 'LINECARD_HTTP_PORT' },
    { ...audiosocket, key: 'audiosocket.port', purpose: 'AudioSocket', variable: 'LINECARD_AUDIOSOCKET_PORT' },
    ...pbx.flatMap((each, index) =>
      each.kind === 'freeswitch'
        ? [{ ...each.socket, key: `pbx[${index}].socket.port`, purpose: `callers of "${each.name}"`, variable: null }]
        : [],
    ),
  ];
}

type Readiness = { readonly reasons: readonly string[]; readonly limitations: readonly string[] };

/** Null when nobody answers, or somebody else. */
async function askReadiness(url: string): Promise<Readiness | null> {
  try {
    const answer = await fetch(new URL('/readyz', url), { signal: AbortSignal.timeout(READY_LIMIT_MS) });
    const { reasons, limitations } = (await answer.json()) as Partial<Record<keyof Readiness, unknown>>;
    if (!Array.isArray(reasons) || !Array.isArray(limitations)) return null;
    return { reasons: reasons.map(String), limitations: limitations.map(String) };
  } catch {
    return null; // refused, silent or not JSON: the check of the ports says more
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function ok(sentence: string): Finding {
  return { level: 'ok', sentence, fix: null };
}

function warning(sentence: string, fix: string | null): Finding {
  return { level: 'warning', sentence, fix };
}

function error(sentence: string, fix: string | null): Finding {
  return { level: 'error', sentence, fix };
}
