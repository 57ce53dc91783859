import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { findFreePort } from '../../src/demo/ports.js';
import { startAsterisk, type TestAsterisk } from '../support/asterisk.js';
import { expectNothingLeft } from '../support/leftovers.js';
import { startLinecardProcess, type LinecardProcess } from '../support/linecard.js';
import { Phone } from '../support/phone/phone.js';
import { tone } from '../support/phone/sources.js';

/** The human is rung within two seconds of whatever happens to Linecard. */
const HUMAN_LIMIT_MS = 2000;

let asterisk: TestAsterisk;
let linecard: LinecardProcess;
/** 6001 is where the demo's dialplan sends callers when Linecard cannot. */
let human: Phone;
let caller: Phone;

beforeAll(async () => {
  asterisk = await startAsterisk({ audiosocket: `127.0.0.1:${await findFreePort()}` });
});
beforeEach(async () => {
  const server = { host: '127.0.0.1', port: asterisk.config.sipPort };
  human = await Phone.open({ server, user: '6001', password: 'secret6001' });
  caller = await Phone.open({ server, user: '6002', password: 'secret6002' });
  await Promise.all([human.register(), caller.register()]);
  linecard = await startLinecardProcess({ asterisk });
});
afterEach(async () => {
  await Promise.all([human.close(), caller.close()]);
  await linecard.close();
  await expectNothingLeft(asterisk);
});
afterAll(() => asterisk.stop());

test('kill -9 in the middle of a dialplan call: the caller talks with the human within two seconds', async () => {
  await linecard.api.ready();
  const call = await caller.dial('7001');
  await call.answered();
  call.play(tone(1000));
  await call.recording.hears(1000);
  await linecard.kill();
  const killedAtMs = performance.now();
  const rung = await human.rung();
  expect(performance.now() - killedAtMs).toBeLessThan(HUMAN_LIMIT_MS);
  expect(rung.callerNumber).toBe('6002');
  await rung.answered();
  rung.play(tone(440));
  await Promise.all([rung.recording.hears(1000), call.recording.hears(440)]);
});

test.each(['7000', '7001'])('killed before the call: %s rings the human within two seconds', async (extension) => {
  await linecard.kill();
  const call = await caller.dial(extension);
  const rung = await human.rung();
  expect(performance.now() - call.invitedAtMs).toBeLessThan(HUMAN_LIMIT_MS);
  rung.play(tone(440));
  await call.recording.hears(440);
});

test('ended in order in the middle of a call: the caller talks with the human', async () => {
  await linecard.api.ready();
  const call = await caller.dial('7000');
  await call.answered();
  call.play(tone(1000));
  await call.recording.hears(1000);
  const closed = linecard.close();
  // Live calls have five seconds to end by themselves.
  const rung = await human.rung(8000);
  rung.play(tone(440));
  await Promise.all([rung.recording.hears(1000), call.recording.hears(440)]);
  await closed;
});
