import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { systemClock, wait } from '../../src/core/clock.js';
import { findFreePort } from '../../src/demo/ports.js';
import { startAsterisk, type TestAsterisk } from '../support/asterisk.js';
import { expectNothingLeft } from '../support/leftovers.js';
import { startLinecardHere, type LinecardHere } from '../support/linecard.js';
import { Phone } from '../support/phone/phone.js';
import type { PhoneCall } from '../support/phone/phone-call.js';
import type { CodecName } from '../support/phone/sdp.js';
import { tone } from '../support/phone/sources.js';

let asterisk: TestAsterisk;
let linecard: LinecardHere;
let phones: Phone[] = [];

beforeAll(async () => {
  asterisk = await startAsterisk({ audiosocket: `127.0.0.1:${await findFreePort()}` });
  linecard = await startLinecardHere({ asterisk });
});
afterEach(async () => {
  await Promise.all(phones.map((phone) => phone.close()));
  phones = [];
  await expectNothingLeft(asterisk);
  await expect.poll(() => linecard.api.liveCalls(), { timeout: 15_000 }).toEqual([]);
  expect(linecard.takeComplaints()).toEqual([]);
});
afterAll(async () => {
  await linecard.close();
  await asterisk.stop();
});

async function dial(extension: string, codec: CodecName = 'PCMU'): Promise<PhoneCall> {
  const server = { host: '127.0.0.1', port: asterisk.config.sipPort };
  const phone = await Phone.open({ server, user: '6001', password: 'secret6001', codecs: [codec] });
  phones.push(phone);
  await phone.register();
  await linecard.api.ready();
  return phone.dial(extension);
}

async function talk(extension: string, codec: CodecName = 'PCMU'): Promise<PhoneCall> {
  const call = await dial(extension, codec);
  await call.answered();
  return call;
}

test('a tone comes back in PCMU', async () => {
  const call = await talk('7009');
  call.play(tone(1000));
  await call.recording.hears(1000);
  await expect.poll(() => linecard.api.liveCalls()).toMatchObject([{ extension: '7009', state: 'talking' }]);
});

test('5.5 kHz comes back in G.722: it is wideband all the way', async () => {
  const call = await talk('7009', 'G722');
  call.play(tone(5500));
  await call.recording.hears(5500);
  await expect.poll(() => linecard.api.liveCalls()).toMatchObject([{ sampleRateHz: 16_000 }]);
});

test('the dialplan without ARI: a tone comes back', async () => {
  const call = await talk('7001');
  call.play(tone(1000));
  await call.recording.hears(1000);
});

test.each(['7009', '7001'])('%s: the phone hangs up, nothing is left', async (extension) => {
  const call = await talk(extension);
  call.play(tone(1000));
  await call.recording.hears(1000);
  await call.hangUp();
  await expectNothingLeft(asterisk);
  await expect.poll(async () => (await linecard.api.calls())[0]?.outcome).toMatchObject({ result: 'completed' });
});

test.each(['7009', '7001'])('%s: the API hangs up, nothing is left and nobody is rung', async (extension) => {
  const call = await talk(extension);
  call.play(tone(1000));
  await call.recording.hears(1000);
  const [live] = await linecard.api.liveCalls();
  await linecard.api.hangUp(live!.id);
  expect(await call.ends()).toMatchObject({ by: 'them', cause: 16 });
  await expectNothingLeft(asterisk);
});

test('the phone holds and comes back', async () => {
  const call = await talk('7009');
  call.play(tone(1000));
  await call.recording.hears(1000);
  await call.hold();
  await expect.poll(() => linecard.api.liveCalls()).toMatchObject([{ state: 'held' }]);
  await call.resume();
  await call.recording.hears(1000);
  await expect.poll(() => linecard.api.liveCalls()).toMatchObject([{ state: 'talking' }]);
});

/** Steps of a call at which a caller may lose patience: some by event, some by time, since a step may fall between events. */
const STEPS: readonly { readonly when: string; readonly until: (call: PhoneCall) => Promise<unknown> }[] = [
  { when: 'right after the INVITE', until: () => Promise.resolve() },
  { when: 'at the first ringing', until: (call) => call.rings() },
  { when: 'at the answer', until: (call) => call.answered() },
  { when: 'at the first packet', until: (call) => call.answered().then(() => call.recording.receives(1)) },
  ...[2, 5, 10, 15, 20, 30, 50, 100, 300].map((ms) => ({
    when: `${ms} ms after the INVITE`,
    until: () => wait(systemClock, ms),
  })),
];

test.each(['7009', '7000', '7001'])('%s: the phone hangs up at every step, nothing is left', async (extension) => {
  for (const { when, until } of STEPS) {
    const call = await dial(extension);
    await until(call);
    await call.hangUp();
    await phones.pop()!.close();
    await expectNothingLeft(asterisk).catch((error: unknown) => {
      throw new Error(`hung up ${when}`, { cause: error });
    });
  }
  await expect.poll(() => linecard.api.liveCalls(), { timeout: 15_000 }).toEqual([]);
});
