import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Config, PbxConfig } from '../config/index.js';
import { assertNever } from '../core/assert-never.js';
import { systemClock, wait } from '../core/clock.js';
import { toLinecardError } from '../core/errors.js';
import { silentLogger } from '../core/logger.js';
import { TestCall } from '../pbx/asterisk/test-call.js';
import { FreeSwitchTestCall } from '../pbx/freeswitch/test-call.js';
import type { Finding } from '../pbx/findings.js';
import type { WatchedCall } from '../pbx/whereabouts.js';
import type { ApiCall } from './api-client.js';
import { ApiClient } from './api-client.js';
import type { Instance } from './instance.js';

export type UnplugOptions = {
  /** Null: the first that has a fallback. */
  readonly extension: string | null;
  /** Where phones dial it; null: found out. */
  readonly context: string | null;
  /** Although there are other callers. */
  readonly force: 'yes' | 'no';
};

const POLL_MS = 50;
const ANSWER_LIMIT_MS = 15_000;
/** A greeting has begun by then. */
const TALK_MS = 1500;
const BACK_LIMIT_MS = 30_000;

/**
 * `linecard doctor --unplug`: calls the agent, kills the serving process and watches where the caller ends. Leaves nothing behind. Never rejects.
 */
export async function unplug(config: Config, instance: Instance, options: UnplugOptions): Promise<Finding[]> {
  const [pbx] = config.pbx;
  if (pbx === undefined) {
    return [
      error(
        'no test call can be placed: there is no PBX in the configuration',
        'call the agent, kill the process of dataDir/linecard.pid, and listen',
      ),
    ];
  }
  const chosen = options.extension ?? Object.entries(config.extensions).find(([, { fallback }]) => fallback)?.[0];
  if (chosen === undefined || config.extensions[chosen] === undefined) {
    return [error('no extension to call', `one of ${Object.keys(config.extensions).join(', ')}, with a fallback`)];
  }
  try {
    return await pull(config, { pbx, extension: chosen, api: new ApiClient(instance) }, options);
  } catch (thrown) {
    return [error(toLinecardError(thrown).message, null)];
  }
}

type Site = {
  readonly pbx: PbxConfig;
  readonly extension: string;
  readonly api: ApiClient;
};

async function pull(config: Config, { pbx, extension, api }: Site, options: UnplugOptions): Promise<Finding[]> {
  const others = (await api.calls()).filter(({ outcome }) => outcome === null);
  if (others.length > 0 && options.force === 'no') {
    const sentence = `${others.length} other calls are live: their callers would hear music for some seconds`;
    return [error(sentence, 'wait until nobody calls, or add --force')];
  }
  const pid = await servingProcess(config.dataDir);
  const test = await place(pbx, extension, options.context);
  try {
    const known = new Set(others.map(({ id }) => id));
    const mine = (call: ApiCall): boolean => call.extension === extension && !known.has(call.id);
    const call = await until(ANSWER_LIMIT_MS, async () => (await talking(api)).find(mine) ?? null);
    if (call === null) {
      const fix = `is the extension there, in context ${test.context}? "npx linecard call list" tells how it ended`;
      return [error(`the test call to ${extension} was not answered in ${ANSWER_LIMIT_MS / 1000} s`, fix)];
    }
    const answered = ok(`the test call to ${extension} in ${test.context} is with agent "${call.agent}"`);
    await wait(systemClock, TALK_MS);
    process.kill(pid, 'SIGKILL');
    const killedAtMs = systemClock.nowMs();
    const since = (): number => Math.round(systemClock.nowMs() - killedAtMs);
    const end = await until(BACK_LIMIT_MS, async () => {
      const caller = await test.whereabouts();
      if (caller.kind !== 'with Linecard') return caller;
      if ((await servingProcess(config.dataDir).catch(() => pid)) === pid) return null;
      return (await talking(api)).some(({ id }) => id === call.id) ? caller : null;
    });
    const killed = ok(`process ${pid} was killed by SIGKILL`);
    const where = end?.kind === 'in the dialplan' ? end.extension : (end?.kind ?? null);
    return [answered, killed, judge(pbx.kind, where, since())];
  } finally {
    await test.end();
  }
}

function place(pbx: PbxConfig, extension: string, context: string | null): Promise<WatchedCall> {
  const common = { app: pbx.app, extension, context, clock: systemClock, log: silentLogger };
  switch (pbx.kind) {
    case 'asterisk':
      return TestCall.place({ ...common, ari: pbx.ari });
    case 'freeswitch':
      return FreeSwitchTestCall.place({ ...common, esl: pbx.esl });
    default:
      return assertNever(pbx);
  }
}

/** @param where an extension, where it is not with Linecard and not gone */
function judge(kind: PbxConfig['kind'], where: string | null, ms: number): Finding {
  switch (where) {
    case 'with Linecard':
      return ok(`the caller is with the agent again after ${ms} ms, in the same call`);
    case 'gone':
      return error(
        `the caller was hung up ${ms} ms later`,
        `use the dialplan of dialplan/${kind}/ as it is, with a fallback`,
      );
    case null:
      return error(
        `after ${ms} ms the caller is with nobody`,
        'is Linecard run by "npm start", systemd or Docker, which start it again?',
      );
    default:
      return ok(`the caller went to ${where} after ${ms} ms`);
  }
}

/** While nobody answers there are none. */
async function talking(api: ApiClient): Promise<readonly ApiCall[]> {
  try {
    return (await api.calls()).filter(({ state, outcome }) => state === 'talking' && outcome === null);
  } catch {
    return [];
  }
}

async function servingProcess(dataDir: string): Promise<number> {
  const file = path.join(dataDir, 'linecard.pid');
  const pid = Number((await readFile(file, 'utf8')).trim());
  if (!Number.isInteger(pid) || pid < 2) throw new Error(`${file} names no process`);
  return pid;
}

/** What `look` finds within the limit; null: nothing. */
async function until<Found>(limitMs: number, look: () => Promise<Found | null>): Promise<Found | null> {
  const limitAtMs = systemClock.nowMs() + limitMs;
  for (;;) {
    const found = await look();
    if (found !== null || systemClock.nowMs() > limitAtMs) return found;
    await wait(systemClock, POLL_MS);
  }
}

function ok(sentence: string): Finding {
  return { level: 'ok', sentence, fix: null };
}

function error(sentence: string, fix: string | null): Finding {
  return { level: 'error', sentence, fix };
}
