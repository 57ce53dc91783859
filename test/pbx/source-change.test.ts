import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { findFreePort } from '../../src/demo/ports.js';
import { startAsterisk, type TestAsterisk } from '../support/asterisk.js';
import { expectNothingLeft } from '../support/leftovers.js';
import { startLinecardHere, type LinecardHere } from '../support/linecard.js';
import { Phone } from '../support/phone/phone.js';
import type { PhoneCall } from '../support/phone/phone-call.js';
import { tone } from '../support/phone/sources.js';

/*
 * The incident: the RTP source of twenty callers changed in mid-call, and the new one's sequence numbers were lower by 20,000. Debian's Asterisk drops what seems to
 * come late in every translation (2016_opus_plc.patch), so all twenty agents were deaf, up to eleven minutes, while the callers
 * heard them talk.
 */

/** The agent is an echo: whoever hears the tone that they play now is heard. */
const BEFORE_HZ = 440;
const AFTER_HZ = 1000;
const PATIENCE_MS = 10_000;

let asterisk: TestAsterisk;
let linecard: LinecardHere;
let phone: Phone;
/** An Asterisk without the patch never needs mending. */
let isDebians: boolean;

beforeAll(async () => {
  asterisk = await startAsterisk({ audiosocket: `127.0.0.1:${await findFreePort()}` });
  linecard = await startLinecardHere({ asterisk });
  isDebians = (await asterisk.cli('core show version')).includes('dfsg');
}, 300_000);
afterEach(async () => {
  await phone.close();
  await expectNothingLeft(asterisk);
  await expect.poll(() => linecard.api.liveCalls()).toEqual([]);
});
afterAll(async () => {
  await linecard.close();
  await asterisk.stop();
});

async function talk(extension: string): Promise<PhoneCall> {
  const server = { host: '127.0.0.1', port: asterisk.config.sipPort };
  phone = await Phone.open({ server, user: '6001', password: 'secret6001' });
  await phone.register();
  await linecard.api.ready();
  const call = await phone.dial(extension);
  await call.answered();
  call.play(tone(BEFORE_HZ));
  await call.recording.hears(BEFORE_HZ, PATIENCE_MS);
  return call;
}

/** How often a caller was not heard, and whether that was mended: `yes 1`. */
async function unheard(): Promise<string[]> {
  const text = await (await linecard.api.fetch('GET', '/metrics')).text();
  const counts = text.matchAll(/^linecard_caller_unheard_total\{.*mended="(\w+)"\} (\d+)$/gm);
  return [...counts].map(([, mended = '', count = '']) => `${mended} ${count}`);
}

test('a caller whose source changes is heard again, each time', async () => {
  const call = await talk('7009');
  call.rtp.changeSource({ sequenceStep: -20_000 });
  call.play(tone(AFTER_HZ));
  await call.recording.hears(AFTER_HZ, PATIENCE_MS);
  if (isDebians) await expect.poll(unheard).toEqual(['yes 1']);
  call.rtp.changeSource({ sequenceStep: -30_000 });
  call.play(tone(BEFORE_HZ));
  await call.recording.hears(BEFORE_HZ, PATIENCE_MS);
  if (isDebians) await expect.poll(unheard).toEqual(['yes 2']);
});
