import { findFreePort } from '../../src/demo/ports.js';
import { startAsterisk } from '../support/asterisk.js';
import { leftovers } from '../support/left-behind.js';
import { startLinecardProcess } from '../support/linecard.js';
import type { OutageFigures } from '../support/outages.js';
import { MOMENTS, OUTAGE_PHONES, OUTAGES, outageConfig, Outages } from '../support/outages.js';
import { TcpRelay } from '../support/tcp-relay.js';

// `node --import tsx test/soak/outages.ts` (after `npm run build`): a real Asterisk is killed, restarted, cut off from us, or machines stand still, in every state of a
// call. It fails when a caller is lost who need not be, when a call ends with another outcome than it should, or when something is left at the end.

const ROUNDS = Number(process.env['LINECARD_SOAK_ROUNDS'] ?? '3');
const OUTAGE_MS = Number(process.env['LINECARD_SOAK_OUTAGE_MS'] ?? '6000');
const ONLY = process.env['LINECARD_SOAK_OUTAGE'] ?? '';

function print(fields: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify(fields)}\n`);
}

function summary(values: readonly (number | null)[]): object | null {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
  if (sorted.length === 0) return null;
  const at = (part: number): number => Math.round(sorted[Math.floor((sorted.length - 1) * part)] ?? 0);
  return { p50: at(0.5), most: at(1) };
}

const asterisk = await startAsterisk({
  audiosocket: `127.0.0.1:${await findFreePort()}`,
  phones: OUTAGE_PHONES,
});
const relay = await TcpRelay.open(asterisk.config.ariPort);
const failures: string[] = [];
try {
  const linecard = await startLinecardProcess({ asterisk, config: outageConfig(asterisk, relay) });
  try {
    const outages = new Outages({ asterisk, linecard, relay, outageMs: OUTAGE_MS });
    for (const outage of OUTAGES.filter((name) => name.includes(ONLY))) {
      const figures: OutageFigures[] = [];
      for (const moment of MOMENTS) {
        for (let round = 0; round < ROUNDS; round += 1) {
          try {
            figures.push(await outages.tell(outage, moment));
          } catch (error) {
            failures.push(`${outage}, ${moment}: ${error instanceof Error ? error.message : String(error)}`);
            print({ failed: failures.at(-1) });
          }
        }
      }
      print({
        outage,
        stories: figures.length,
        readyMs: summary(figures.map(({ readyMs }) => readyMs)),
        servedMs: summary(figures.map(({ servedMs }) => servedMs)),
        heardMs: summary(figures.map(({ heardMs }) => heardMs)),
      });
    }
    const left = [...(await linecard.api.liveCalls()).map(({ id }) => `call ${id}`), ...(await leftovers(asterisk))];
    print({ failures, left });
    if (failures.length > 0 || left.length > 0) process.exitCode = 1;
  } finally {
    await linecard.close();
  }
} finally {
  await relay.close();
  await asterisk.stop();
}
