import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { WebCall } from '../support/web.js';
import { WebLinecard, likeness, listen, openBrowser, withoutChromium, writeSpeech } from '../support/web.js';

const SENTENCE = 'The quick brown fox jumps over the lazy dog, and then it runs away into the wood.';

describe.skipIf(withoutChromium())('a visitor with a microphone', () => {
  let linecard: WebLinecard;
  let browser: Browser;
  let page: Page;

  async function visit(microphone: string): Promise<void> {
    browser = await openBrowser({ microphone });
    // The test measures within the page, by a script that the page itself would not run.
    page = await browser.newPage({ bypassCSP: true });
    page.on('pageerror', (error) => expect.fail(`the page threw ${error.message}`));
    await page.goto(linecard.url);
  }

  async function callAgent(agent: string): Promise<void> {
    await page.getByLabel('Agent', { exact: true }).selectOption(agent);
    await linecard.ready();
    await page.getByRole('button', { name: 'Call', exact: true }).click();
    await expect
      .poll(() => page.getByRole('status').last().textContent(), { timeout: 20_000 })
      .toMatch(/Connected|ended/);
    // Why it ended, when it did.
    expect(await page.getByRole('alert').allTextContents()).toEqual([]);
  }

  const status = (): Promise<string | null> => page.getByRole('status').last().textContent();

  async function hangUp(): Promise<WebCall> {
    await page.getByRole('button', { name: 'Hang up' }).click();
    await expect.poll(async () => (await linecard.calls())[0]?.outcome?.result).toBe('completed');
    return (await linecard.calls())[0]!;
  }

  beforeAll(async () => {
    linecard = await WebLinecard.start({
      agents: {
        loop: { provider: 'echo' },
        receptionist: { provider: 'embedded', greeting: 'Thank you for calling Acme.', tools: ['hours', 'hangup'] },
      },
      hours: { timezone: 'UTC', open: [{ days: ['mon'], from: '09:00', to: '17:00' }] },
    });
  });

  afterEach(() => browser.close());
  afterAll(() => linecard.close());

  it('talks to the echo agent and hears herself', async () => {
    await visit(await writeSpeech(SENTENCE, { before: 300, after: 700 }));
    await callAgent('loop');
    // A machine that is busy with many tests plays in pieces: one good stretch is enough.
    let heard = likeness(await listen(page, 5000));
    for (let tries = 1; tries < 4 && heard.correlation < 0.7; tries++) heard = likeness(await listen(page, 5000));
    process.stdout.write(`${JSON.stringify({ name: 'browser echo', ...heard })}\n`);
    expect(heard.correlation).toBeGreaterThan(0.4);
    expect(heard.lagMs).toBeGreaterThan(20);
    expect(await hangUp()).toMatchObject({ transport: 'webrtc', codec: 'opus', agent: 'loop' });
  });

  it('is greeted, asks, is answered, reads along, hears music on hold, and stays on in another network', async () => {
    await visit(await writeSpeech('What are your opening hours?', { before: 4000, after: 9000 }));
    await page.evaluate(`globalThis.guesses = [];
      document.addEventListener('linecard-news', ({ detail }) => {
        if (detail.kind === 'captionChanged') globalThis.guesses.push(detail.who + ': ' + detail.text);
      });`);
    await callAgent('receptionist');
    const log = page.getByRole('log');
    await expect.poll(() => log.textContent(), { timeout: 30_000 }).toContain('Thank you for calling');
    await expect.poll(() => log.textContent(), { timeout: 30_000 }).toMatch(/You.*hours.*Monday/);
    const guesses = await page.evaluate<string[]>('globalThis.guesses');
    expect(guesses).toContain('caller: …');
    expect(guesses.filter((guess) => /^agent: Thank( you( for( calling)?)?)?$/.test(guess))).not.toEqual([]);

    await expect.poll(() => page.locator('linecard-call ol[aria-hidden] li').count()).toBe(0);
    await linecard.control('hold');
    await expect.poll(status).toBe('On hold');
    await expect.poll(async () => Math.max(...(await listen(page, 300)).theirs)).toBeGreaterThan(0.01);
    await linecard.control('resume');
    await expect.poll(status).toBe('Connected');

    // Another network: the same call goes on over it, or on a machine that needs four seconds for that, the conversation in another.
    const [{ id } = { id: '' }] = await linecard.calls();
    await page.evaluate(`globalThis.phases = [];
      document.addEventListener('linecard-phase', ({ detail }) => globalThis.phases.push(detail.phase));
      dispatchEvent(new Event('online'));`);
    await expect
      .poll(() => page.evaluate<string[]>('globalThis.phases'), { timeout: 30_000 })
      .toEqual(['reconnecting', 'talking']);
    const [newest] = await linecard.calls();
    expect(newest).toMatchObject({ state: 'talking' });
    process.stdout.write(`${JSON.stringify({ name: 'browser in another network', sameCall: newest?.id === id })}\n`);
    expect((await log.textContent())?.match(/Thank you for calling/g)).toHaveLength(1);
    const { timings } = await hangUp();
    process.stdout.write(`${JSON.stringify({ name: 'browser timings', ...timings })}\n`);
  });

  it('goes on with the conversation after the bridge was killed', { timeout: 120_000 }, async () => {
    await visit(await writeSpeech('What are your opening hours?', { before: 4000, after: 30_000 }));
    await callAgent('receptionist');
    const log = page.getByRole('log');
    await expect.poll(() => log.textContent(), { timeout: 30_000 }).toContain('Thank you for calling');
    await linecard.kill();
    await expect
      .poll(() => page.getByRole('status').last().textContent(), { timeout: 20_000 })
      .toContain('coming back');
    await linecard.serve();
    await expect.poll(() => page.getByRole('status').last().textContent(), { timeout: 40_000 }).toBe('Connected');
    await expect.poll(async () => (await linecard.calls())[0]).toMatchObject({ state: 'talking', transport: 'webrtc' });
    // The agent does not greet twice.
    await expect.poll(() => log.locator('li').count(), { timeout: 30_000 }).toBeGreaterThan(1);
    expect((await log.textContent())?.match(/Thank you for calling/g)).toHaveLength(1);
    await hangUp();
  });

  it('who refuses the microphone is told how to allow it, and no call is made', async () => {
    const before = (await linecard.calls()).length;
    browser = await openBrowser({ microphone: null });
    page = await browser.newPage();
    await page.goto(linecard.url);
    await page.getByRole('button', { name: 'Call', exact: true }).click();
    await expect.poll(() => page.getByRole('alert').textContent()).toContain('The microphone is not allowed.');
    expect(await linecard.calls()).toHaveLength(before);
  });
});
