import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { findFreePort } from '../../src/demo/ports.js';
import { startAsterisk, type TestAsterisk } from '../support/asterisk.js';
import { freezeThread } from '../support/freeze.js';
import { startLinecardProcess, type LinecardProcess } from '../support/linecard.js';
import { Phone } from '../support/phone/phone.js';
import type { PhoneCall } from '../support/phone/phone-call.js';
import { tone } from '../support/phone/sources.js';

// A frozen process is worse than a dead one: its sockets stay open, and Asterisk does not notice while the caller's phone goes on sending.

/** The watchdogs' own time, and as much again on a busy machine. */
const HUMAN_LIMIT_MS = 12_000;

let asterisk: TestAsterisk;
let linecard: LinecardProcess;
let inspectorPort: number;
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
  inspectorPort = await findFreePort();
  linecard = await startLinecardProcess({ asterisk, nodeOptions: [`--inspect-port=${inspectorPort}`] });
});
afterEach(async () => {
  await Promise.all([human.close(), caller.close()]);
  // One with a frozen thread does not end when it is asked to.
  await linecard.kill();
  await linecard.close();
});
afterAll(() => asterisk.stop());

async function talking(extension: string): Promise<PhoneCall> {
  const call = await caller.dial(extension);
  await call.answered();
  call.play(tone(1000));
  await call.recording.hears(1000);
  return call;
}

async function talksWithHuman(call: PhoneCall): Promise<void> {
  const rung = await human.rung(HUMAN_LIMIT_MS);
  await rung.answered();
  rung.play(tone(440));
  await Promise.all([rung.recording.hears(1000), call.recording.hears(440)]);
}

test.each(['7000', '7001'])('a media thread that freezes: the caller of %s talks with the human', async (extension) => {
  const call = await talking(extension);
  await freezeThread(linecard.pid, inspectorPort, 'media');
  await talksWithHuman(call);
});

test('control that freezes: the call goes on, then the process ends and the caller talks with the human', async () => {
  const call = await talking('7001');
  await freezeThread(linecard.pid, inspectorPort, 'control');
  await call.recording.hears(1000);
  await talksWithHuman(call);
  expect(await linecard.signal).toBe('SIGKILL');
});
