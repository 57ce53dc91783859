import type { Browser, Page, Response } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TurnServer, withoutTurnServer } from '../support/turn-server.js';
import { WebLinecard, openBrowser, withoutChromium, writeSpeech } from '../support/web.js';

const SLOW = { timeout: 30_000 };

describe.skipIf(withoutChromium() || withoutTurnServer())('a visitor of a bridge that only a relay reaches', () => {
  let turn: TurnServer;
  let linecard: WebLinecard;
  let browser: Browser;
  let page: Page;
  /** Every address that the bridge told the page. */
  const candidates: string[] = [];

  async function remember(response: Response): Promise<void> {
    if (!response.url().includes('/v1/webrtc/') || !response.ok()) return;
    candidates.push(...((await response.text()).match(/^a=candidate:.*$/gm) ?? []));
  }

  const status = (): Promise<string | null> => page.getByRole('status').last().textContent();

  beforeAll(async () => {
    turn = await TurnServer.start();
    linecard = await WebLinecard.start({
      agents: {
        receptionist: { provider: 'embedded', greeting: 'Thank you for calling Acme.', tools: ['hangup'] },
      },
      webrtc: {
        enabled: true,
        icePolicy: 'relay',
        iceServers: [{ urls: [`turn:127.0.0.1:${turn.port}`], secret: TurnServer.secret }],
      },
    });
    browser = await openBrowser({ microphone: await writeSpeech('Hello there.', { before: 60_000, after: 0 }) });
    page = await browser.newPage();
    page.on('response', (response) => void remember(response).catch(() => undefined));
    await page.goto(linecard.url);
    await linecard.ready();
  });

  afterAll(async () => {
    await browser.close();
    await linecard.close();
    await turn.stop();
  });

  // One story: each part begins where the one before ended.
  it('talks with the agent, keeps the conversation through another relay, and is told when there is none', async () => {
    await page.getByRole('button', { name: 'Call', exact: true }).click();
    await expect.poll(status, SLOW).toBe('Connected');
    const log = page.getByRole('log');
    await expect.poll(() => log.textContent(), SLOW).toContain('Thank you for calling Acme.');
    expect(candidates.length).toBeGreaterThan(0);
    for (const candidate of candidates) expect(candidate).toContain(' typ relay');

    // The relay is another one: both sides' addresses are gone.
    await turn.stop();
    turn = await TurnServer.start(turn);
    await expect.poll(status, SLOW).toContain('coming back');
    await expect.poll(status, SLOW).toBe('Connected');
    await expect.poll(async () => (await linecard.calls())[0]?.state, SLOW).toBe('talking');
    expect((await log.textContent())?.match(/Thank you for calling Acme/g)).toHaveLength(1);
    await page.getByRole('button', { name: 'Hang up' }).click();
    await expect.poll(async () => (await linecard.calls()).every(({ state }) => state === 'ended'), SLOW).toBe(true);

    await turn.stop();
    await page.getByRole('button', { name: 'Call', exact: true }).click();
    await expect.poll(() => page.getByRole('alert').textContent(), SLOW).toContain('The relay');
    expect(await status()).toBe('Not connected');
  });
});
