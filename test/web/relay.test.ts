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
        // The bridge's own way to it is the first one.
        iceServers: [
          {
            urls: [`turn:127.0.0.1:${turn.port}?transport=tcp`, `turn:127.0.0.1:${turn.port}`],
            secret: TurnServer.secret,
          },
        ],
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

    // The relay is another one: both sides' addresses are gone. The call is the same.
    const [before] = await linecard.calls();
    await page.evaluate(`globalThis.phases = [];
      document.addEventListener('linecard-phase', ({ detail }) => globalThis.phases.push([detail.phase, Date.now()]));`);
    const phases = (): Promise<[string, number][]> => page.evaluate('globalThis.phases');
    const cutAtMs = Date.now();
    await turn.stop('SIGTERM');
    turn = await TurnServer.start(turn);
    const startedAtMs = Date.now();
    await expect.poll(async () => (await phases()).at(-1)?.[0], SLOW).toBe('talking');
    expect((await phases()).map(([phase]) => phase)).toEqual(['reconnecting', 'talking']);
    const [noticedMs, backMs] = (await phases()).map(([, atMs]) => atMs - cutAtMs);
    const figures = { relayAwayMs: startedAtMs - cutAtMs, noticedMs, backMs };
    process.stdout.write(`${JSON.stringify({ name: 'browser through another relay', ...figures })}\n`);
    // Both ways: the agent speaks to nobody who is not there, and its words come over the data channel.
    await linecard.say('Here you are again.');
    await expect.poll(() => log.textContent(), SLOW).toContain('Here you are again.');
    const calls = await linecard.calls();
    expect(calls.map(({ id, state }) => ({ id, state }))).toEqual([{ id: before?.id, state: 'talking' }]);
    expect((await log.textContent())?.match(/Thank you for calling Acme/g)).toHaveLength(1);
    await page.getByRole('button', { name: 'Hang up' }).click();
    await expect.poll(async () => (await linecard.calls()).every(({ state }) => state === 'ended'), SLOW).toBe(true);

    await turn.stop();
    await page.getByRole('button', { name: 'Call', exact: true }).click();
    await expect.poll(() => page.getByRole('alert').textContent(), SLOW).toContain('The relay');
    expect(await status()).toBe('Not connected');
  });
});
