import { afterAll, beforeAll, expect, test } from 'vitest';
import { findFreePort } from '../../src/demo/ports.js';
import { startAsterisk, type TestAsterisk } from '../support/asterisk.js';
import { startLinecardProcess, type LinecardProcess } from '../support/linecard.js';
import { laneConfig, lanePhones, laneSetUp, TransferStories } from '../support/transfer-stories.js';

// A thousand of these: test/soak/transfers.ts.

const TRANSFERS = 16;
/** The moments are random all the same: they depend on the machine. */
const SEED = 1;
const SET_UP = laneSetUp(3, 2000);

let asterisk: TestAsterisk;
let linecard: LinecardProcess;

beforeAll(async () => {
  asterisk = await startAsterisk({
    audiosocket: `127.0.0.1:${await findFreePort()}`,
    phones: lanePhones(SET_UP),
  });
  linecard = await startLinecardProcess({ asterisk, config: laneConfig(SET_UP) });
});
afterAll(async () => {
  await linecard.close();
  await asterisk.stop();
});

// A few seconds each lane on a machine with nothing else to do.
test(
  `whatever people do in ${TRANSFERS} transfers, everybody hears whom they should, and nothing is left`,
  { timeout: 180_000 },
  async () => {
    await linecard.api.ready();
    const { api } = linecard;
    const stories = new TransferStories({ asterisk, api, setUp: SET_UP, seed: SEED, transfers: TRANSFERS });
    await stories.tell();
    expect(stories.failures).toEqual([]);
    expect(await stories.left()).toEqual([]);
  },
);
