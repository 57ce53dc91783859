import type { Config, PbxConfig } from '../config/index.js';
import { EXIT_CONFIG_INVALID } from '../config/index.js';
import { assertNever } from '../core/assert-never.js';
import { systemClock } from '../core/clock.js';
import { toLinecardError } from '../core/errors.js';
import type { Finding } from '../pbx/findings.js';
import { checkAsterisk } from '../pbx/asterisk/check-asterisk.js';
import { checkFreeSwitch } from '../pbx/freeswitch/check-freeswitch.js';
import { checkConfig, checkDataDir, checkInstance, checkNode, checkPorts, checkRecognizer } from './doctor-checks.js';
import type { FoundConfig } from './instance.js';
import { findConfig, findInstance } from './instance.js';
import type { Terminal } from './terminal.js';
import { printable } from './terminal.js';

export type DoctorOptions = {
  readonly config?: string | undefined;
  /** An extension, or true: the first with a fallback. */
  readonly unplug?: string | true | undefined;
  readonly context?: string | undefined;
  readonly force?: true | undefined;
};

const MARKS: Readonly<Record<Finding['level'], string>> = { ok: 'ok     ', warning: 'warning', error: 'ERROR  ' };

/**
 * `linecard doctor`: looks, changes nothing unless it is asked to unplug, and says of everything that is wrong how to mend it. Exit code 0 when calls
 * can be served, 1 when something keeps them from it, 78 when the configuration has mistakes.
 */
export async function doctorCommand(terminal: Terminal, options: DoctorOptions): Promise<number> {
  const found = readConfig(terminal, options);
  if (found === null) return EXIT_CONFIG_INVALID;
  const { config, file } = found;
  const findings: Finding[] = [];
  const look = async (title: string, check: Promise<readonly Finding[]> | readonly Finding[]): Promise<void> => {
    terminal.out(title);
    const results = await check;
    for (const { level, sentence, fix } of results) {
      terminal.out(`  ${MARKS[level]}  ${printable(sentence)}`);
      if (fix !== null) terminal.out(`           fix: ${printable(fix)}`);
    }
    findings.push(...results);
  };

  await look('This machine', [checkNode(process.versions.node), await checkRecognizer(config, terminal.env)]);
  await look(`Configuration (${file})`, checkConfig(config));
  await look('Data directory', checkDataDir(config.dataDir));
  const instance = await checkInstance(config);
  await look('Linecard', instance.running ? instance.findings : [...instance.findings, ...(await checkPorts(config))]);
  for (const pbx of config.pbx) {
    await look(`PBX "${pbx.name}"`, checkPbx(pbx));
  }
  if (options.unplug !== undefined) await look('Unplugged', pullThePlug(terminal, config, options));
  return conclude(terminal, findings);
}

async function pullThePlug(terminal: Terminal, config: Config, options: DoctorOptions): Promise<readonly Finding[]> {
  const { unplug: extension = true, context = null, force } = options;
  const { unplug } = await import('./unplug.js');
  return unplug(config, findInstance(terminal, options), {
    extension: extension === true ? null : extension,
    context,
    force: force === true ? 'yes' : 'no',
  });
}

function checkPbx(pbx: PbxConfig): Promise<readonly Finding[]> {
  switch (pbx.kind) {
    case 'asterisk':
      return checkAsterisk({ ...pbx.ari, app: pbx.app, clock: systemClock });
    case 'freeswitch':
      return checkFreeSwitch({ esl: pbx.esl, app: pbx.app, unicast: pbx.unicast, clock: systemClock });
    default:
      return assertNever(pbx);
  }
}

/** Null when it has mistakes, which are printed then. */
function readConfig(terminal: Terminal, options: DoctorOptions): FoundConfig | null {
  try {
    return findConfig(terminal, options.config);
  } catch (error) {
    const known = toLinecardError(error);
    if (known.code !== 'CONFIG_INVALID') throw error;
    terminal.out('Configuration');
    terminal.out(`  ${MARKS.error}  ${known.message}`);
    return null;
  }
}

function conclude(terminal: Terminal, findings: readonly Finding[]): number {
  const count = (level: Finding['level']): number => findings.filter((finding) => finding.level === level).length;
  const [errors, warnings] = [count('error'), count('warning')];
  terminal.out('');
  const warned = warnings === 0 ? '' : `, ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`;
  if (errors === 0) terminal.out(`Calls can be served${warned}.`);
  else terminal.out(`${errors} ${errors === 1 ? 'thing keeps' : 'things keep'} calls from being served${warned}.`);
  return errors === 0 ? 0 : 1;
}
