import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebLinecard, openBrowser, withoutChromium, writeSpeech } from '../support/web.js';

/** A page of somebody else, with a policy of its own. */
async function openSite(body: () => string, policy: () => string): Promise<{ server: Server; origin: string }> {
  const server = createServer((_request, response) => {
    response.setHeader('Content-Security-Policy', policy());
    response.setHeader('Content-Type', 'text/html');
    response.end(`<!doctype html><title>Acme</title>${body()}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

describe.skipIf(withoutChromium())('the widget on a page of another site', () => {
  let linecard: WebLinecard;
  let browser: Browser;
  let site: { server: Server; origin: string };
  let stranger: { server: Server; origin: string };

  beforeAll(async () => {
    const body = (): string =>
      `<style>linecard-call { --linecard-accent: rebeccapurple }</style><script src="${linecard.url}/widget.js"></script>` +
      '<linecard-call agent="loop" label="Reception"></linecard-call>';
    const policy = (): string =>
      `default-src 'none'; style-src 'unsafe-inline'; script-src ${linecard.url}; connect-src ${linecard.url}`;
    [site, stranger] = [await openSite(body, policy), await openSite(body, policy)];
    linecard = await WebLinecard.start({
      agents: { loop: { provider: 'echo' } },
      webrtc: { enabled: true, origins: [site.origin] },
    });
    browser = await openBrowser({ microphone: await writeSpeech('Hello there.', { before: 300, after: 300 }) });
  });

  afterAll(async () => {
    await browser.close();
    await linecard.close();
    for (const { server } of [site, stranger]) {
      server.closeAllConnections();
      server.close();
    }
  });

  async function visit(origin: string): Promise<Page> {
    const page = await browser.newPage();
    await page.goto(origin);
    await linecard.ready();
    return page;
  }

  it('calls by the keyboard alone, and the page is told', async () => {
    const page = await visit(site.origin);
    await page.evaluate(`globalThis.phases = [];
      document.addEventListener('linecard-phase', ({ detail }) => globalThis.phases.push(detail.phase));`);
    await expect.poll(() => page.getByRole('button').count()).toBeGreaterThan(0);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.getByRole('status').textContent(), { timeout: 20_000 }).toBe('Connected');
    // To the keypad, into it, and a digit: by its key, and by the button that has the focus.
    for (const key of ['Tab', 'Tab', 'Enter', 'Tab']) await page.keyboard.press(key);
    const pressed = page.locator('linecard-call .pressed');
    await expect
      .poll(async () => {
        await page.keyboard.press('5');
        return pressed.textContent();
      })
      .toContain('5');
    await page.keyboard.press('Enter');
    await expect.poll(() => pressed.textContent()).toMatch(/^5+1$/);
    // The keypad goes away with the call, and the focus is not lost with it.
    await linecard.hangUp();
    await expect.poll(() => page.getByRole('status').textContent()).toBe('Call ended');
    expect(await page.evaluate('document.activeElement.shadowRoot.activeElement.textContent')).toBe('Call');
    expect(await page.evaluate('globalThis.phases')).toEqual(['asking', 'connecting', 'talking', 'ended']);
    await page.close();
  });

  it('says when the microphone is unplugged, and goes on with the next one', async () => {
    const page = await visit(site.origin);
    await page.evaluate(`globalThis.real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      navigator.mediaDevices.getUserMedia = async (wish) => (globalThis.microphone = await globalThis.real(wish));`);
    await page.getByRole('button', { name: 'Call', exact: true }).click();
    await expect.poll(() => page.getByRole('status').textContent(), { timeout: 20_000 }).toBe('Connected');
    await page.evaluate(`navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotFoundError'));
      globalThis.microphone.getAudioTracks()[0].dispatchEvent(new Event('ended'));`);
    await expect
      .poll(() => page.getByRole('alert').allTextContents())
      .toEqual([expect.stringContaining('disconnected')]);
    expect(await page.getByRole('status').textContent()).toBe('Connected');
    await page.evaluate(`navigator.mediaDevices.getUserMedia = globalThis.real;
      navigator.mediaDevices.dispatchEvent(new Event('devicechange'));`);
    await expect.poll(() => page.getByRole('alert').allTextContents()).toEqual([]);
    await page.getByRole('button', { name: 'Hang up' }).click();
    await page.close();
  });

  it('is refused, in words, where the site is not allowed', async () => {
    const page = await visit(stranger.origin);
    const before = (await linecard.calls()).length;
    await page.getByRole('button', { name: 'Call', exact: true }).click();
    await expect
      .poll(() => page.getByRole('alert').textContent(), { timeout: 20_000 })
      .toMatch(/may not|cannot be reached/);
    expect(await linecard.calls()).toHaveLength(before);
    await page.close();
  });
});
