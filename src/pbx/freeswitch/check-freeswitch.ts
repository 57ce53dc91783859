import type { Clock } from '../../core/clock.js';
import { toLinecardError } from '../../core/errors.js';
import { silentLogger } from '../../core/logger.js';
import type { Finding } from '../findings.js';
import { APP_VARIABLE } from './channel-facts.js';
import { UnicastCheck } from './check-unicast.js';
import type { EslEvent } from './esl-connection.js';
import { EslConnection } from './esl-connection.js';

export type CheckFreeSwitchOptions = {
  readonly esl: { readonly host: string; readonly port: number; readonly password: string };
  readonly app: string;
  readonly unicast: { readonly host: string; readonly ports: readonly [first: number, last: number] };
  readonly clock: Clock;
};

/** Without these no call can be served. */
const NEEDED_MODULES = ['mod_commands', 'mod_dptools', 'mod_dialplan_xml'];
/** What is missing without these. */
const USEFUL_MODULES: Readonly<Record<string, string>> = {
  mod_loopback: 'people cannot be asked before they get a caller, and calls cannot be supervised',
  mod_tone_stream: 'a caller on hold hears nothing where there is no music',
  mod_local_stream: 'there is no music on hold',
};
/** Contexts of the vanilla configuration: phones call in the first, trunks in the second. */
const CONTEXTS = ['default', 'public'];

/**
 * Looks at a FreeSWITCH as `linecard doctor` does: changes nothing, disturbs no running Linecard, never rejects. For a second there is a call of ours that
 * reaches nobody.
 */
export async function checkFreeSwitch(options: CheckFreeSwitchOptions): Promise<Finding[]> {
  const { esl, app, unicast, clock } = options;
  const audio = new UnicastCheck({ ...unicast, clock });
  const findings: Finding[] = [];
  let connection: EslConnection | null = null;
  try {
    const ignore = (): void => undefined;
    const onEvent = (event: EslEvent): void => audio.received(event);
    connection = await EslConnection.open({ ...esl, clock, log: silentLogger, onEvent, onClosed: ignore });
    const version = /FreeSWITCH Version (\S+)/.exec(await connection.api('version'))?.[1] ?? 'of unknown version';
    findings.push(ok(`FreeSWITCH ${version} answers at ${esl.host}:${esl.port} and takes the password`));
    findings.push(...(await checkModules(connection)), await checkDialplan(connection, app));
    findings.push(await audio.run(connection));
  } catch (thrown) {
    // Our messages say what is wrong, a colon, and what to do.
    const { message } = toLinecardError(thrown);
    const colon = message.indexOf(': ');
    const [sentence, fix] = colon < 0 ? [message, null] : [message.slice(0, colon), message.slice(colon + 2)];
    findings.push({ level: 'error', sentence, fix });
  } finally {
    connection?.close();
  }
  return findings;
}

async function checkModules(connection: EslConnection): Promise<Finding[]> {
  const missing: string[] = [];
  for (const name of [...NEEDED_MODULES, ...Object.keys(USEFUL_MODULES)]) {
    if ((await connection.api(`module_exists ${name}`)) !== 'true') missing.push(name);
  }
  const needed = missing.filter((name) => NEEDED_MODULES.includes(name));
  const findings = needed.map((name): Finding => {
    return { level: 'error', sentence: `${name} is not loaded: no call can be served`, fix: load(name) };
  });
  if (needed.length === 0) findings.push(ok('all modules that calls need are loaded'));
  for (const [name, without] of Object.entries(USEFUL_MODULES)) {
    if (missing.includes(name)) {
      findings.push({ level: 'warning', sentence: `${name} is not loaded: ${without}`, fix: load(name) });
    }
  }
  return findings;
}

/** Another place, another module's dialplan or a file of one's own may do as well: what is not found is a warning. */
async function checkDialplan(connection: EslConnection, app: string): Promise<Finding> {
  for (const context of CONTEXTS) {
    const xml = await connection.api(`xml_locate dialplan context name ${context}`);
    if (xml.includes(`${APP_VARIABLE}=${app}"`)) return ok(`context ${context} has an extension for ${app}`);
  }
  return {
    level: 'warning',
    sentence: `no extension with ${APP_VARIABLE}=${app} is in the contexts ${CONTEXTS.join(' and ')}`,
    fix: 'copy dialplan/freeswitch/linecard.xml to conf/dialplan/default/ and run reloadxml',
  };
}

function load(name: string): string {
  return `run "load ${name}" on the FreeSWITCH console, and add it to modules.conf.xml`;
}

function ok(sentence: string): Finding {
  return { level: 'ok', sentence, fix: null };
}
