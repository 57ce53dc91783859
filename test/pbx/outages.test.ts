import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { silentLogger } from '../../src/core/logger.js';
import { findFreePort } from '../../src/demo/ports.js';
import { SqliteJournal } from '../../src/journal/sqlite-journal.js';
import { startAsterisk, type TestAsterisk } from '../support/asterisk.js';
import { expectNothingLeft } from '../support/leftovers.js';
import { startLinecardProcess, type LinecardProcess } from '../support/linecard.js';
import type { Moment, Outage } from '../support/outages.js';
import { OUTAGE_PHONES, outageConfig, Outages } from '../support/outages.js';
import { TcpRelay } from '../support/tcp-relay.js';

// All outages in all states of a call: test/soak/outages.ts.

const OUTAGE_MS = 500;

let asterisk: TestAsterisk;
let relay: TcpRelay;
let linecard: LinecardProcess;
let outages: Outages;
let dataDir: string;

beforeAll(async () => {
  asterisk = await startAsterisk({ audiosocket: `127.0.0.1:${await findFreePort()}`, phones: OUTAGE_PHONES });
  relay = await TcpRelay.open(asterisk.config.ariPort);
  dataDir = await mkdtemp(path.join(os.tmpdir(), 'linecard-outages-'));
  linecard = await startLinecardProcess({ asterisk, dataDir, config: outageConfig(asterisk, relay) });
  outages = new Outages({ asterisk, linecard, relay, outageMs: OUTAGE_MS });
}, 300_000);
afterAll(async () => {
  await relay.close();
  await asterisk.stop();
  await rm(dataDir, { recursive: true, force: true });
});

test.each([
  ['ARI cut', 'a person is rung'],
  ['Asterisk killed', 'with a person'],
] as const satisfies [Outage, Moment][])(
  '%s while %s: nobody is lost who need not be, and the next call is served',
  async (outage, moment) => {
    const figures = await outages.tell(outage, moment);
    console.log(JSON.stringify({ name: outage, moment, ...figures }));
    await expectNothingLeft(asterisk);
  },
);

test('the journal has the end of every call, whose ever fault it was', async () => {
  await linecard.close();
  const journal = new SqliteJournal({
    path: path.join(dataDir, 'journal.db'),
    keepDays: 7,
    clock: systemClock,
    log: silentLogger,
  });
  expect(journal.unfinished('main')).toEqual([]);
  expect(journal.ended(10).map(({ outcome }) => outcome?.fault)).toEqual(['none', 'pbx', 'none', 'none']);
  journal.close();
});
