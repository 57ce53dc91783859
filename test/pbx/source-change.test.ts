import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { findFreePort } from '../../src/demo/ports.js';
import { startAsterisk, type TestAsterisk } from '../support/asterisk.js';
import { expectNothingLeft } from '../support/leftovers.js';
import { startLinecardHere, type LinecardHere } from '../support/linecard.js';
import { Phone } from '../support/phone/phone.js';
import type { PhoneCall } from '../support/phone/phone-call.js';
import type { CodecName } from '../support/phone/sdp.js';
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

async function talk(codec: CodecName): Promise<PhoneCall> {
  const server = { host: '127.0.0.1', port: asterisk.config.sipPort };
  phone = await Phone.open({ server, user: '6001', password: 'secret6001', codecs: [codec] });
  await phone.register();
  await linecard.api.ready();
  const call = await phone.dial('7009');
  await call.answered();
  call.play(tone(BEFORE_HZ));
  await call.recording.hears(BEFORE_HZ, PATIENCE_MS);
  return call;
}

/** How often callers were not heard until that was mended. */
async function mended(): Promise<number> {
  const text = await (await linecard.api.fetch('GET', '/metrics')).text();
  return Number(/^linecard_caller_unheard_total\{.*mended="yes"\} (\d+)$/m.exec(text)?.[1] ?? 0);
}

// Opus is translated on both sides of the bridge, and either translation drops.
test.each(['PCMU', 'OPUS'] as const)('a caller on %s whose source changes is heard again, each time', async (codec) => {
  const before = await mended();
  const call = await talk(codec);
  call.rtp.changeSource({ sequenceStep: -20_000 });
  call.play(tone(AFTER_HZ));
  await call.recording.hears(AFTER_HZ, PATIENCE_MS);
  if (isDebians) await expect.poll(mended).toBe(before + 1);
  call.rtp.changeSource({ sequenceStep: -30_000 });
  call.play(tone(BEFORE_HZ));
  await call.recording.hears(BEFORE_HZ, PATIENCE_MS);
  if (isDebians) await expect.poll(mended).toBe(before + 2);
});

// The step is taken for lost packets, which Opus can conceal: minutes of sound come within a second. A leg that was closed for that lost the caller. On a machine
// that is too busy to read it all, Asterisk itself gives up the leg, and another takes its place.
test('a caller on Opus whose source jumps ahead keeps the call, and is heard again', async () => {
  const call = await talk('OPUS');
  call.rtp.changeSource({ sequenceStep: 20_000 });
  call.play(tone(AFTER_HZ));
  await call.recording.hears(AFTER_HZ, PATIENCE_MS);
  await expect.poll(() => linecard.api.liveCalls()).toMatchObject([{ state: 'talking' }]);
});
