import os from 'node:os';
import path from 'node:path';
import { LinecardError, toLinecardError } from '../core/errors.js';
import { findOrInstallAsterisk } from '../demo/asterisk-install.js';
import { DemoPbx, type DemoSettings } from '../demo/demo-pbx.js';
import { onStop } from './stop-signals.js';
import { EXIT_CONFIG } from './supervisor.js';

/**
 * The demo PBX alone, until it is stopped: for a container of its own. It leaves Linecard's configuration, `demo.yaml`, in the
 * data directory. Resolves with the exit code.
 */
export async function demoPbxCommand(env: NodeJS.ProcessEnv = process.env): Promise<number> {
  const print = (text: string): void => void process.stderr.write(`${text}\n`);
  let release = (): void => undefined;
  const stopped = new Promise<void>((resolve) => (release = onStop(resolve)));
  try {
    const program = await findOrInstallAsterisk({ env, print });
    const pbx = await DemoPbx.open({ program, settings: demoSettings(env), print });
    try {
      await pbx.start();
      await pbx.writeConfig();
      print(welcome(pbx));
      await stopped;
    } finally {
      await pbx.stop();
    }
    return 0;
  } catch (error) {
    const known = toLinecardError(error);
    print(`linecard: ${known.message}`);
    return known.fault === 'config' ? EXIT_CONFIG : 1;
  } finally {
    release();
  }
}

/** What somebody needs to make the first call. */
export function welcome(pbx: DemoPbx, seconds?: string): string {
  const { sipHost, sipPort, httpPort } = pbx.settings;
  const host = sipHost === '0.0.0.0' ? (lanAddress() ?? '127.0.0.1') : sipHost;
  const phones = pbx.phones.map(({ number, password }) => `user ${number}   password ${password}`);
  return `
  Linecard demo${seconds === undefined ? '' : `, ready after ${seconds} s`}, on a private Asterisk ${pbx.version}

  Softphone   server ${host}   port ${sipPort}   (SIP over UDP or TCP)
              ${phones.join('\n              ')}
  Dial        7000   the receptionist
              7001   the same without ARI, by plain dialplan AudioSocket
              7009   echo: hear yourself
              *28    the night switch: opens the office, and closes it
              6001, 6002   the phones
  Web page    http://127.0.0.1:${httpPort}/
  Files       ${pbx.settings.dataDir}
  Stop        Ctrl-C
`;
}

function lanAddress(): string | null {
  const addresses = Object.values(os.networkInterfaces()).flatMap((list) => list ?? []);
  return addresses.find((address) => address.family === 'IPv4' && !address.internal)?.address ?? null;
}

/** The demo's settings from the environment; CONFIG_INVALID names a variable that is wrong. */
export function demoSettings(env: NodeJS.ProcessEnv): DemoSettings {
  const dataDir = env['LINECARD_DATA_DIR'] ?? '';
  const sipHost = env['LINECARD_SIP_HOST'] ?? '';
  return {
    dataDir: path.resolve(dataDir === '' ? './data' : dataDir),
    sipHost: sipHost === '' ? '127.0.0.1' : sipHost,
    sipPort: readPort(env, 'LINECARD_SIP_PORT', 5060),
    ariPort: readPort(env, 'LINECARD_ARI_PORT', 8088),
    httpPort: readPort(env, 'LINECARD_HTTP_PORT', 8080),
    audiosocketPort: readPort(env, 'LINECARD_AUDIOSOCKET_PORT', 9092),
  };
}

function readPort(env: NodeJS.ProcessEnv, variable: string, fallback: number): number {
  const text = env[variable] ?? '';
  if (text === '') return fallback;
  const port = Number(text);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new LinecardError('CONFIG_INVALID', `${variable} is "${text}": a port is a whole number from 1 to 65535`);
}
