import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { PhoneCall } from '../../test/support/phone/phone-call.js';
import { compileLoad, preferLoad } from './media-bench.js';

/** What `phone-media` prints: gaps between packets at the phones, and how long the echo of a pulse took from mouth to ear. */
export type PhoneMediaFigures = {
  readonly phones: number;
  readonly seconds: number;
  readonly packetsPerSecond: number;
  readonly slowestPacketsPerSecond: number;
  readonly gapP50Ms: number;
  readonly gapP99Ms: number;
  readonly gapMaxMs: number;
  readonly gapsOver60Ms: number;
  /** Echoes that came back, of one a second and phone; and of the phone that heard the fewest. */
  readonly echoes: number;
  readonly fewestEchoes: number;
  readonly echoP50Ms: number;
  readonly echoP95Ms: number;
  /** How late the phones themselves were to send. */
  readonly phonesLateP99Ms: number;
  readonly phonesLateMaxMs: number;
};

/**
 * Takes the sound of calls with PCMU out of this process, whose garbage would be heard in the figures, into one that costs little. The calls go on here: they end when they are
 * hung up.
 * @param calls that talk
 */
export async function measurePhones(
  calls: readonly PhoneCall[],
  { warmUpSeconds, seconds }: { readonly warmUpSeconds: number; readonly seconds: number },
): Promise<PhoneMediaFigures> {
  const binary = await compileLoad('phone-media');
  const child = spawn(binary, [calls.length, warmUpSeconds, seconds].map(String), {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  preferLoad(child.pid);
  const lines: AsyncIterator<string> = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  try {
    const ports = (await nextLine(lines)).split(' ').map(Number);
    for (const [i, call] of calls.entries()) {
      const remote = await call.moveMedia({ host: '127.0.0.1', port: ports[i] as number });
      child.stdin.write(`${remote.port} ${call.rtp.nextSequence}\n`);
    }
    return JSON.parse(await nextLine(lines)) as PhoneMediaFigures;
  } finally {
    child.kill();
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
}

async function nextLine(lines: AsyncIterator<string>): Promise<string> {
  const line = await lines.next();
  if (line.done === true) throw new Error('phone-media ended; its words are above');
  return line.value;
}
