import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { findFreePort } from '../../src/demo/ports.js';
import { startAsterisk, type TestAsterisk } from '../support/asterisk.js';
import { expectNothingLeft } from '../support/leftovers.js';
import { startLinecardProcess, type LinecardProcess } from '../support/linecard.js';
import { Phone } from '../support/phone/phone.js';
import type { PhoneCall } from '../support/phone/phone-call.js';
import { heardTone } from '../support/phone/recording.js';
import { tone } from '../support/phone/sources.js';

/** The agent is an echo: a caller who is with it hears their own tone. */
const CALLER_HZ = 440;
const PERSON_HZ = 1000;
const GRACE_SECONDS = 2;

const CONFIG = {
  extensions: { '7000': { agent: 'loop', fallback: '6001' } },
  destinations: { sales: { dial: '6002', label: 'Sales', mode: 'warm' } },
  transfers: { graceSeconds: GRACE_SECONDS },
};

let asterisk: TestAsterisk;
let linecard: LinecardProcess;
/** What outlives a process: its journal. */
let dataDir: string;
let callerPhone: Phone;
let salesPhone: Phone;

beforeAll(async () => {
  asterisk = await startAsterisk({ audiosocket: `127.0.0.1:${await findFreePort()}` });
}, 300_000);
beforeEach(async () => {
  const server = { host: '127.0.0.1', port: asterisk.config.sipPort };
  callerPhone = await Phone.open({ server, user: '6001', password: 'secret6001' });
  salesPhone = await Phone.open({ server, user: '6002', password: 'secret6002', incoming: 'ring' });
  await Promise.all([callerPhone.register(), salesPhone.register()]);
  dataDir = await mkdtemp(path.join(os.tmpdir(), 'linecard-killed-'));
  linecard = await startLinecardProcess({ asterisk, dataDir, config: CONFIG });
});
afterEach(async () => {
  await Promise.all([callerPhone.close(), salesPhone.close()]);
  await linecard.close();
  await rm(dataDir, { recursive: true, force: true });
  await expectNothingLeft(asterisk);
});
afterAll(() => asterisk.stop());

/** A caller whose agent asked for Sales, whose phone rings. */
async function ringing(mode: 'warm' | 'conference' = 'warm'): Promise<Record<'caller' | 'person', PhoneCall>> {
  const caller = await callerPhone.dial('7000');
  await caller.answered();
  caller.play(tone(CALLER_HZ));
  await caller.recording.hears(CALLER_HZ);
  const [call] = await linecard.api.liveCalls();
  const response = await linecard.api.fetch('POST', `/v1/calls/${call?.id}/transfer`, { to: 'sales', mode });
  expect(response.status).toBe(200);
  return { caller, person: await salesPhone.rung() };
}

async function briefed(mode?: 'warm' | 'conference'): Promise<Record<'caller' | 'person', PhoneCall>> {
  const { caller, person } = await ringing(mode);
  person.answer();
  person.play(tone(PERSON_HZ));
  await person.recording.receives(50);
  return { caller, person };
}

async function talking(): Promise<Record<'caller' | 'person', PhoneCall>> {
  const { caller, person } = await briefed();
  await person.sendDigits('1');
  await talkOn(caller, person);
  return { caller, person };
}

async function talkOn(caller: PhoneCall, person: PhoneCall): Promise<void> {
  await Promise.all([caller.recording.hears(PERSON_HZ), person.recording.hears(CALLER_HZ)]);
}

async function restart(): Promise<void> {
  linecard = await startLinecardProcess({ asterisk, dataDir, config: CONFIG });
}

test.each([
  ['rung', () => ringing()],
  ['briefed', () => briefed()],
])(
  'killed while the person is %s: they are rung again, and the caller hears music until they talk',
  async (_, begin) => {
    const { caller, person } = await begin();
    const [before] = await linecard.api.liveCalls();
    await linecard.kill();
    const killedAtMs = performance.now();
    await caller.recording.receives(25);
    await restart();
    await person.ends();
    const again = await salesPhone.rung();
    const rungMs = Math.round(performance.now() - killedAtMs);
    console.log(JSON.stringify({ name: 'killed-in-transfer-rung-again', value: rungMs, unit: 'ms after the kill' }));
    expect(await linecard.api.liveCalls()).toMatchObject([{ id: before?.id, state: 'transferring' }]);
    again.answer();
    again.play(tone(PERSON_HZ));
    await again.recording.receives(50);
    await again.sendDigits('1');
    await talkOn(caller, again);
    // Not a moment with the echo agent in between.
    expect(heardTone(caller.recording, CALLER_HZ, killedAtMs)).toBe(false);
    await caller.hangUp();
    await again.ends();
  },
);

test('killed soon after the person took the call: the two talk on, and end together after the restart', async () => {
  const { caller, person } = await talking();
  await linecard.kill();
  await talkOn(caller, person);
  await restart();
  await talkOn(caller, person);
  await person.hangUp();
  await caller.ends();
});

test('killed after the grace time: the two talk on and end together, with nobody of us there', async () => {
  const { caller, person } = await talking();
  await expect.poll(() => linecard.api.liveCalls(), { timeout: GRACE_SECONDS * 1000 + 3000 }).toEqual([]);
  await linecard.kill();
  await talkOn(caller, person);
  await caller.hangUp();
  await person.ends();
});

test('killed in a conference: caller and person talk on, and end together after the restart', async () => {
  const { caller, person } = await briefed('conference');
  await person.sendDigits('1');
  await expect.poll(() => linecard.api.liveCalls()).toMatchObject([{ state: 'talking' }]);
  await linecard.kill();
  await talkOn(caller, person);
  await restart();
  await expect
    .poll(() => linecard.api.calls())
    .toMatchObject([{ state: 'ended', outcome: { result: 'transferred', fault: 'none' } }]);
  await talkOn(caller, person);
  await person.hangUp();
  await caller.ends();
});
