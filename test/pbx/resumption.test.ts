import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { findFreePort } from '../../src/demo/ports.js';
import { startAsterisk, type TestAsterisk } from '../support/asterisk.js';
import { expectNothingLeft } from '../support/leftovers.js';
import { startLinecardProcess, type LinecardProcess } from '../support/linecard.js';
import { Phone } from '../support/phone/phone.js';
import type { PhoneCall } from '../support/phone/phone-call.js';
import { heardTone } from '../support/phone/recording.js';
import { tone } from '../support/phone/sources.js';

/** The agent of 7000 is an echo: a caller who is with it hears their own tone. */
const CALLER_HZ = 1000;
const NEXT_HZ = 1400;

const CONFIG = {
  agents: { loop: { provider: 'echo' }, receptionist: { provider: 'embedded', greeting: 'Good morning.' } },
  extensions: {
    '7000': { agent: 'loop', fallback: '6001' },
    '7009': { agent: 'receptionist', fallback: '6001' },
  },
};

let asterisk: TestAsterisk;
let linecard: LinecardProcess;
let caller: Phone;
/** What outlives a process: its journal. */
let dataDir: string;

beforeAll(async () => {
  asterisk = await startAsterisk({ audiosocket: `127.0.0.1:${await findFreePort()}` });
});
beforeEach(async () => {
  const server = { host: '127.0.0.1', port: asterisk.config.sipPort };
  caller = await Phone.open({ server, user: '6002', password: 'secret6002' });
  await caller.register();
  dataDir = await mkdtemp(path.join(os.tmpdir(), 'linecard-resumption-'));
  await start();
});
afterEach(async () => {
  await caller.close();
  await linecard.close();
  await rm(dataDir, { recursive: true, force: true });
  await expectNothingLeft(asterisk);
});
afterAll(() => asterisk.stop());

async function start(): Promise<void> {
  linecard = await startLinecardProcess({ asterisk, dataDir, config: CONFIG });
  await linecard.api.ready();
}

async function talking(): Promise<PhoneCall> {
  const call = await caller.dial('7000');
  await call.answered();
  call.play(tone(CALLER_HZ));
  await call.recording.hears(CALLER_HZ);
  return call;
}

test('killed amid a conversation: the same call goes on, and the agent knows what was said', async () => {
  const call = await caller.dial('7009');
  await call.answered();
  const turns = async (): Promise<string[]> => {
    const [live] = await linecard.api.liveCalls();
    return (live?.turns ?? []).map(({ text }) => text);
  };
  await expect.poll(turns, { timeout: 15_000 }).toHaveLength(1);
  const [before] = await linecard.api.liveCalls();
  expect(before?.turns[0]?.text).toMatch(/^Good morning\./);
  await linecard.kill();
  await start();
  await expect.poll(turns, { timeout: 15_000 }).toHaveLength(2);
  expect((await turns())[1]).toMatch(/the line was gone/);
  expect(await linecard.api.liveCalls()).toMatchObject([{ id: before?.id, state: 'talking' }]);
  await call.hangUp();
  await expect.poll(async () => (await linecard.api.calls())[0]?.outcome?.result).toBe('completed');
});

test('killed three times in one call: each time the caller is with the agent again', async () => {
  const call = await talking();
  const [before] = await linecard.api.liveCalls();
  for (let kill = 0; kill < 3; kill++) {
    await linecard.kill();
    const killedAtMs = performance.now();
    await start();
    const startedAtMs = performance.now();
    await call.recording.hears(CALLER_HZ);
    const value = Math.round(performance.now() - killedAtMs);
    const sinceReadyMs = Math.round(performance.now() - startedAtMs);
    console.log(JSON.stringify({ name: 'killed-to-agent', value, unit: 'ms', sinceReadyMs }));
  }
  await expect.poll(() => linecard.api.liveCalls()).toMatchObject([{ id: before?.id, state: 'talking' }]);
  await call.hangUp();
});

test('killed while an operator has the caller on hold: music goes on until somebody resumes the call', async () => {
  const call = await talking();
  const [live] = await linecard.api.liveCalls();
  await linecard.api.fetch('POST', `/v1/calls/${live?.id}/hold`, {});
  await expect.poll(() => linecard.api.liveCalls()).toMatchObject([{ state: 'held' }]);
  await linecard.kill();
  const killedAtMs = performance.now();
  await start();
  await expect.poll(() => linecard.api.liveCalls()).toMatchObject([{ id: live?.id, state: 'held', codec: 'slin16' }]);
  await call.recording.receives(50);
  expect(heardTone(call.recording, CALLER_HZ, killedAtMs + 500)).toBe(false);
  await linecard.api.fetch('POST', `/v1/calls/${live?.id}/resume`, {});
  await call.recording.hears(CALLER_HZ);
  await call.hangUp();
});

test('on a full disk calls go on and new ones are answered; it is said, and the restart loses only what could not be written', async () => {
  const call = await talking();
  const [before] = await linecard.api.liveCalls();
  execFileSync('prlimit', [`--pid=${linecard.pid}`, '--fsize=1:']);
  const next = await caller.dial('7000');
  await next.answered();
  next.play(tone(NEXT_HZ));
  await Promise.all([call.recording.hears(CALLER_HZ), next.recording.hears(NEXT_HZ)]);
  await expect.poll(() => linecard.api.liveCalls()).toHaveLength(2);
  expect(linecard.takeComplaints().join()).toMatch(/the journal cannot be written/);
  const metrics = await (await linecard.api.fetch('GET', '/metrics')).text();
  expect(/^linecard_journal_works .*$/m.exec(metrics)?.[0]).toBe('linecard_journal_works 0');
  expect(await (await linecard.api.fetch('GET', '/readyz')).json()).toMatchObject({
    limitations: expect.arrayContaining([expect.stringMatching(/^calls are not remembered: /)]) as unknown,
  });
  await linecard.kill();
  await start();
  await expect.poll(() => linecard.api.liveCalls()).toHaveLength(2);
  expect((await linecard.api.liveCalls()).map(({ id }) => id)).toContain(before?.id);
  await Promise.all([call.recording.hears(CALLER_HZ), next.recording.hears(NEXT_HZ)]);
  await Promise.all([call.hangUp(), next.hangUp()]);
});

test('the caller hangs up while nobody is there: the call is over, and says why', async () => {
  const call = await talking();
  const [live] = await linecard.api.liveCalls();
  await linecard.kill();
  await call.hangUp();
  await start();
  await expect
    .poll(() => linecard.api.calls())
    .toMatchObject([{ id: live?.id, state: 'ended', outcome: { result: 'failed', fault: 'bug' } }]);
});
