import { randomUUID } from 'node:crypto';
import type { Clock } from '../../core/clock.js';
import type { Finding } from '../findings.js';
import { askIdentity, askPermission } from './ari-connection.js';
import { text } from './ari-events.js';
import { AriHttp } from './ari-http.js';
import { mediaRatesOf } from './media-rates.js';
import { explainRefusal } from './refusals.js';

export type CheckAsteriskOptions = {
  readonly url: string;
  readonly username: string;
  readonly password: string;
  readonly app: string;
  readonly clock: Clock;
};

/** Without these no call can be served. */
const NEEDED_MODULES = [
  'app_stasis',
  'bridge_simple',
  'chan_audiosocket',
  'codec_resample',
  'res_ari_applications',
  'res_ari_bridges',
  'res_ari_channels',
  'res_ari_events',
  'res_audiosocket',
  'res_http_websocket',
];
/** What is missing without these. */
const USEFUL_MODULES: Readonly<Record<string, string>> = {
  app_audiosocket: 'the dialplan variant without ARI cannot be used',
  bridge_softmix: 'no third party can listen or join',
  func_dialplan: 'a fallback or destination that does not exist is found out by losing the caller',
  res_musiconhold: 'a caller on hold hears nothing',
};

/** Looks at an Asterisk as `linecard doctor` does: changes nothing, disturbs no running Linecard, never rejects. */
export async function checkAsterisk(options: CheckAsteriskOptions): Promise<Finding[]> {
  const http = new AriHttp(options);
  const findings: Finding[] = [];
  try {
    const { version } = await askIdentity(http);
    findings.push(judgeVersion(version, options.url), ...judgeBuild(version));
    await askPermission(http, options.username);
    findings.push({ level: 'ok', sentence: `ARI user "${options.username}" may control calls`, fix: null });
    findings.push(...(await checkModules(http)), await checkEvents(http), await checkApp(http, options.app));
  } catch (thrown) {
    // Our messages say what is wrong, a colon, and what to do.
    const { message } = explainRefusal(thrown, options);
    const colon = message.indexOf(': ');
    const [sentence, fix] = colon < 0 ? [message, null] : [message.slice(0, colon), message.slice(colon + 2)];
    findings.push({ level: 'error', sentence, fix });
  } finally {
    http.close();
  }
  return findings;
}

function judgeVersion(version: string, url: string): Finding {
  const [best] = mediaRatesOf(version);
  const sentence = `Asterisk ${version} answers at ${url}`;
  if (best === 16_000) return { level: 'ok', sentence: `${sentence}, with wideband audio`, fix: null };
  return {
    level: 'warning',
    sentence: `${sentence}; its AudioSocket carries 8 kHz only`,
    fix: 'for wideband audio upgrade to 20.17, 21.12, 22.7, 23.1 or later',
  };
}

/** Debian's version has `+dfsg` in it, and Ubuntu's, which is built from it. */
function judgeBuild(version: string): Finding[] {
  if (!version.includes('dfsg')) return [];
  const sentence =
    "it is Debian's or Ubuntu's build, which may cease to hear a caller whose RTP source changes in mid-call: over ARI Linecard mends that, for the dialplan's AudioSocket() nobody can";
  return [{ level: 'ok', sentence, fix: null }];
}

async function checkModules(http: AriHttp): Promise<Finding[]> {
  const reply = await http.request({ method: 'GET', path: '/ari/asterisk/modules' });
  const modules = reply.status === 200 ? parse(reply.body) : null;
  if (!Array.isArray(modules))
    return [{ level: 'warning', sentence: 'ARI does not tell which modules are loaded', fix: 'load res_ari_asterisk' }];
  const running = new Set(
    modules
      .filter((module) => text(module, 'status') === 'Running')
      .map((module) => text(module, 'name').replace(/\.so$/, '')),
  );
  const missing = NEEDED_MODULES.filter((name) => !running.has(name));
  const findings: Finding[] =
    missing.length === 0
      ? [{ level: 'ok', sentence: 'all modules that calls need are loaded', fix: null }]
      : [
          {
            level: 'error',
            sentence: `modules that calls need are not loaded: ${missing.join(', ')}`,
            fix: load(missing),
          },
        ];
  for (const [name, without] of Object.entries(USEFUL_MODULES)) {
    if (!running.has(name))
      findings.push({ level: 'warning', sentence: `${name} is not loaded: ${without}`, fix: load([name]) });
  }
  return findings;
}

/** With an application of our own: registering the real one would take the calls of a running Linecard. */
async function checkEvents(http: AriHttp): Promise<Finding> {
  const status = await http.upgrade(`/ari/events?app=linecard-doctor-${randomUUID()}`);
  if (status === 101) return { level: 'ok', sentence: 'ARI takes applications and sends events', fix: null };
  return {
    level: 'error',
    sentence: `ARI refuses the event connection with status ${status}`,
    fix: 'load res_http_websocket and res_ari_events; a proxy in between must pass WebSockets on',
  };
}

async function checkApp(http: AriHttp, app: string): Promise<Finding> {
  const reply = await http.request({ method: 'GET', path: `/ari/applications/${encodeURIComponent(app)}` });
  const sentence =
    reply.status === 200
      ? `application "${app}" is registered: a Linecard is running, or was since Asterisk started`
      : `application "${app}" is free; calls reach it by Stasis(${app}) in the dialplan`;
  return { level: 'ok', sentence, fix: null };
}

function load(modules: readonly string[]): string {
  const commands = modules.map((name) => `module load ${name}.so`).join(', ');
  return `run ${commands} on the Asterisk console, and see that modules.conf loads them at the start`;
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return null; // judged as no list
  }
}
