import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeWav } from '../../src/core/wav.js';
import { findFreePort } from '../../src/demo/ports.js';
import type { TestAsterisk } from '../support/asterisk.js';
import { startAsterisk } from '../support/asterisk.js';
import { expectNothingLeft } from '../support/leftovers.js';
import type { LinecardHere } from '../support/linecard.js';
import { startLinecardHere } from '../support/linecard.js';
import { Phone } from '../support/phone/phone.js';
import { tone } from '../support/phone/sources.js';
import { listenForTones, openBrowser, withoutChromium, writeMicrophone } from '../support/web.js';

const VISITOR_HZ = 700;
const PERSON_HZ = 1000;

/** A whistle on and off: a browser takes a steady one for noise and removes it. */
function whistle(): Int16Array {
  return Int16Array.from({ length: 5 * 16_000 }, (_, i) =>
    i % 40_000 < 32_000 ? 12_000 * Math.sin((2 * Math.PI * VISITOR_HZ * i) / 16_000) : 0,
  );
}

describe.skipIf(withoutChromium())('a visitor in a real browser', () => {
  let asterisk: TestAsterisk;
  let linecard: LinecardHere;
  let phone: Phone;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    asterisk = await startAsterisk({ audiosocket: `127.0.0.1:${await findFreePort()}` });
    linecard = await startLinecardHere({
      asterisk,
      config: {
        destinations: { sales: { dial: '6002', label: 'Sales', mode: 'warm', ringSeconds: 20 } },
        webrtc: { enabled: true, context: 'linecard-demo' },
      },
    });
    const server = { host: '127.0.0.1', port: asterisk.config.sipPort };
    phone = await Phone.open({ server, user: '6002', password: 'secret6002', incoming: 'ring' });
    await phone.register();
    browser = await openBrowser({ microphone: await writeMicrophone(encodeWav(whistle(), 16_000)) });
    page = await browser.newPage();
  }, 300_000);

  afterAll(async () => {
    await browser.close();
    await phone.close();
    await linecard.close();
    await asterisk.stop();
  });

  function pageHears(hz: number): Promise<void> {
    const near = async (): Promise<boolean> =>
      (await listenForTones(page, 500)).some((heard) => Math.abs(heard - hz) < 40);
    return expect.poll(near, { timeout: 20_000 }).toBe(true);
  }

  it('is handed over to a desk phone, and each hears the other', { timeout: 120_000 }, async () => {
    await linecard.api.ready();
    await page.goto(linecard.api.url);
    await page.getByLabel('Agent', { exact: true }).selectOption('loop');
    await page.getByRole('button', { name: 'Call', exact: true }).click();
    await pageHears(VISITOR_HZ);
    const [live] = await linecard.api.liveCalls();
    const handOver = await linecard.api.fetch('POST', `/v1/calls/${live?.id}/transfer`, { to: 'sales', mode: 'warm' });
    expect(handOver.ok).toBe(true);
    const person = await phone.rung();
    person.answer();
    await person.answered();
    person.play(tone(PERSON_HZ));
    // Asked, and not heard by the visitor yet.
    await person.recording.hears(PERSON_HZ, 500).then(
      () => expect.fail('the person hears themselves'),
      () => undefined,
    );
    void Promise.allSettled([person.sendDigits('1')]);
    await Promise.all([pageHears(PERSON_HZ), person.recording.hears(VISITOR_HZ, 20_000)]);
    await expect.poll(() => linecard.api.liveCalls()).toMatchObject([{ state: 'connected' }]);
    await page.getByRole('button', { name: 'Hang up' }).click();
    await person.ends();
    await expect.poll(async () => (await linecard.api.calls())[0]?.outcome?.result).toBe('transferred');
    await expectNothingLeft(asterisk);
  });
});
