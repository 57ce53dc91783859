import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { findFreePort } from '../../src/demo/ports.js';
import { startAsterisk, type TestAsterisk } from '../support/asterisk.js';
import { expectNothingLeft } from '../support/leftovers.js';
import { startLinecardHere, type LinecardHere } from '../support/linecard.js';
import { Phone } from '../support/phone/phone.js';
import { rms } from '../support/phone/recording.js';
import { tone } from '../support/phone/sources.js';
import { SpeakingVisitor } from '../support/speaking-visitor.js';

/** Each party's own tone; the agent is an echo. */
const VISITOR_HZ = 600;
const PERSON_HZ = 1000;

let asterisk: TestAsterisk;
let linecard: LinecardHere;
let phone: Phone;
let visitor: SpeakingVisitor;

beforeAll(async () => {
  asterisk = await startAsterisk({ audiosocket: `127.0.0.1:${await findFreePort()}` });
  linecard = await startLinecardHere({
    asterisk,
    config: {
      destinations: { sales: { dial: '6002', label: 'Sales', mode: 'warm', ringSeconds: 10 } },
      transfers: { graceSeconds: 1, maxPerCall: 10 },
      webrtc: { enabled: true, context: 'linecard-demo' },
    },
  });
}, 300_000);

afterEach(async () => {
  for (const { id } of await linecard.api.liveCalls()) await linecard.api.hangUp(id);
  await visitor.close();
  await phone.close();
  await expectNothingLeft(asterisk);
  await expect.poll(() => linecard.api.liveCalls(), { timeout: 15_000 }).toEqual([]);
});

afterAll(async () => {
  await linecard.close();
  await asterisk.stop();
});

/** A visitor who hears the agent, and the desk phone. */
async function visit(): Promise<void> {
  await expect.poll(async () => (await linecard.api.fetch('GET', '/readyz')).status, { timeout: 20_000 }).toBe(200);
  const server = { host: '127.0.0.1', port: asterisk.config.sipPort };
  phone = await Phone.open({ server, user: '6002', password: 'secret6002', incoming: 'ring' });
  await phone.register();
  visitor = await SpeakingVisitor.call(linecard.api.url, 'loop', VISITOR_HZ);
  await visitor.hears(VISITOR_HZ);
}

async function transfer(mode: 'warm' | 'blind'): Promise<void> {
  const [live] = await linecard.api.liveCalls();
  const response = await linecard.api.fetch('POST', `/v1/calls/${live?.id}/transfer`, { to: 'sales', mode });
  expect(await response.json()).toMatchObject({ id: live?.id });
}

test('a visitor of the page waits with music, is announced at a desk phone, and the two talk', async () => {
  await visit();
  await transfer('warm');
  const person = await phone.rung();
  await vi.waitFor(
    () => {
      const loudness = rms(visitor.heardOfLate());
      if (loudness < 100 || visitor.shareOf(VISITOR_HZ) > 0.3) throw new Error(`no music: ${loudness} RMS`);
    },
    { timeout: 15_000, interval: 50 },
  );
  person.answer();
  await person.answered();
  person.play(tone(PERSON_HZ));
  await person.recording.hears(PERSON_HZ, 300).then(
    () => expect.fail('the person hears themselves'),
    () => undefined,
  );
  expect(visitor.shareOf(PERSON_HZ)).toBeLessThan(0.2);
  void Promise.allSettled([person.sendDigits('1')]);
  await Promise.all([visitor.hears(PERSON_HZ), person.recording.hears(VISITOR_HZ)]);
  // After the grace time as well.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  await Promise.all([visitor.hears(PERSON_HZ), person.recording.hears(VISITOR_HZ)]);
  await expect.poll(() => linecard.api.liveCalls()).toMatchObject([{ state: 'connected' }]);
  await person.hangUp();
  await expect
    .poll(async () => (await linecard.api.calls())[0]?.outcome?.result, { timeout: 15_000 })
    .toBe('transferred');
});

test('a visitor is put through at once, and the phone is hung up when the page is closed', async () => {
  await visit();
  await transfer('blind');
  const person = await phone.rung();
  person.answer();
  await person.answered();
  person.play(tone(PERSON_HZ));
  await Promise.all([visitor.hears(PERSON_HZ), person.recording.hears(VISITOR_HZ)]);
  await fetch(visitor.location, { method: 'DELETE' });
  await person.ends();
});

test('a visitor whom nobody takes is back with the agent', async () => {
  await visit();
  await transfer('warm');
  const person = await phone.rung();
  person.reject(486);
  await visitor.hears(VISITOR_HZ);
  await expect.poll(() => linecard.api.liveCalls()).toMatchObject([{ state: 'talking' }]);
});
