import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { findFreePort } from '../../src/demo/ports.js';
import { startAsterisk, type TestAsterisk } from '../support/asterisk.js';
import { expectNothingLeft } from '../support/leftovers.js';
import { startLinecardHere, type LinecardHere } from '../support/linecard.js';
import { Phone } from '../support/phone/phone.js';
import { tone } from '../support/phone/sources.js';

let asterisk: TestAsterisk;
let linecard: LinecardHere;
/** 6001 is where the dialplan and the configuration send callers when Linecard cannot. */
let human: Phone;
let caller: Phone;

beforeAll(async () => {
  asterisk = await startAsterisk({ audiosocket: `127.0.0.1:${await findFreePort()}` });
  linecard = await startLinecardHere({ asterisk, config: { media: { threads: 0, callsPerThread: 1 } } });
});
beforeEach(async () => {
  const server = { host: '127.0.0.1', port: asterisk.config.sipPort };
  human = await Phone.open({ server, user: '6001', password: 'secret6001' });
  caller = await Phone.open({ server, user: '6002', password: 'secret6002' });
  await Promise.all([human.register(), caller.register()]);
});
afterEach(async () => {
  await Promise.all([human.close(), caller.close()]);
  await expectNothingLeft(asterisk);
});
afterAll(async () => {
  await linecard.close();
  await asterisk.stop();
});

async function readyz(): Promise<{ status: number; text: string }> {
  const response = await linecard.api.fetch('GET', '/readyz');
  return { status: response.status, text: await response.text() };
}

test.each(['7000', '7001'])(
  'full: a caller of %s talks with the human, and the call before goes on',
  async (extension) => {
    await expect.poll(readyz).toMatchObject({ status: 200 });
    const first = await caller.dial('7009');
    await first.answered();
    first.play(tone(1000));
    await first.recording.hears(1000);
    const full = await readyz();
    expect(full).toMatchObject({ status: 503 });
    expect(full.text).toContain('media thread 0 is full: 1 calls');

    const second = await caller.dial(extension);
    const rung = await human.rung();
    rung.play(tone(440));
    await second.recording.hears(440);
    first.play(tone(800));
    await first.recording.hears(800);

    await first.hangUp();
    await expect.poll(readyz).toMatchObject({ status: 200 });
    const third = await caller.dial(extension);
    await third.answered();
    third.play(tone(1000));
    await third.recording.hears(1000);
  },
);
