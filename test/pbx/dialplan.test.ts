import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { PROJECT_DIR } from '../../src/demo/asterisk-install.js';
import { setUpDialplan } from '../../src/demo/asterisk-config.js';
import { findFreePort } from '../../src/demo/ports.js';
import { startAsterisk, type TestAsterisk } from '../support/asterisk.js';
import { AudioSocketPeer, type PeerBehaviour } from '../support/audiosocket-peer.js';

/** The files as an admin takes them, in a dialplan that has its own [globals], and a human who notes when he is rung. */
const SITE = `[general]
clearglobalvars = yes
[globals]
TRUNK=PJSIP/provider
#include linecard.conf
#include extensions_custom.conf
[from-internal]
include => from-internal-custom
exten => 6001,1,Set(GLOBAL(RUNG)=\${GLOBAL(RUNG)}\${CALLERID(num)} )
 same => n,Answer()
 same => n,Wait(30)
[plain]
include => linecard
exten => 6001,1,Set(GLOBAL(RUNG)=\${GLOBAL(RUNG)}\${CALLERID(num)} )
 same => n,Answer()
 same => n,Wait(30)
[caller]
exten => _X.,1,Milliwatt()
`;
const HUMAN_LIMIT_MS = 2000;

let asterisk: TestAsterisk;
let port: number;
let peer: AudioSocketPeer | null = null;
let callers = 0;

beforeAll(async () => {
  port = await findFreePort();
  asterisk = await startAsterisk();
  const settings = { app: 'linecard', audiosocket: `127.0.0.1:${port}` };
  for (const file of ['dialplan/asterisk/linecard.conf', 'dialplan/freepbx/extensions_custom.conf']) {
    const text = setUpDialplan(await readFile(path.join(PROJECT_DIR, file), 'utf8'), settings);
    await writeFile(path.join(asterisk.runDir, 'etc', path.basename(file)), text);
  }
  await writeFile(path.join(asterisk.runDir, 'etc/extensions.conf'), SITE);
  await asterisk.cli('dialplan reload');
});
afterEach(async () => {
  await peer?.close();
  peer = null;
  await asterisk.cli('channel request hangup all');
  await expect.poll(() => asterisk.cli('core show channels count'), { timeout: 15_000 }).toMatch(/^0 active channels/m);
});
afterAll(() => asterisk.stop());

async function listen(behaviour: PeerBehaviour): Promise<AudioSocketPeer> {
  peer = new AudioSocketPeer(behaviour);
  await peer.listen(port);
  return peer;
}

/** Calls `extension` in `context`; the number that the human sees tells one call from the next. */
async function call(extension: string, context: string): Promise<Caller> {
  callers += 1;
  const number = `555${callers}`;
  const query = new URLSearchParams({
    endpoint: `Local/${extension}@${context}/n`,
    context: 'caller',
    extension: number,
    callerId: number,
  });
  const authorization = `Basic ${Buffer.from('linecard:secret').toString('base64')}`;
  const startedAtMs = performance.now();
  const response = await fetch(`${asterisk.ariUrl}/ari/channels?${query.toString()}`, {
    method: 'POST',
    headers: { authorization },
  });
  expect(response.status).toBe(200);
  return { number, startedAtMs };
}
type Caller = { readonly number: string; readonly startedAtMs: number };

async function isRung(caller: Caller): Promise<boolean> {
  return new RegExp(`RUNG=.*\\b${caller.number} `).test(await asterisk.cli('dialplan show globals'));
}

/** Waits until the human is rung and says how long that took. */
async function humanRung(caller: Caller, sinceMs = caller.startedAtMs): Promise<number> {
  await expect.poll(() => isRung(caller), { timeout: 15_000, interval: 20 }).toBe(true);
  return performance.now() - sinceMs;
}

async function isGone(): Promise<void> {
  await expect.poll(() => asterisk.cli('core show channels count'), { timeout: 15_000 }).toMatch(/^0 active channels/m);
}

/** The conversation goes as `talk` says; the question is answered by 0x00 or 0xff. */
function agent(talk: PeerBehaviour, onPurpose: 'yes' | 'no'): PeerBehaviour {
  return (connection) => {
    if (!connection.isQuestion) talk(connection);
    else if (onPurpose === 'yes') connection.hangUp();
    else connection.fail();
  };
}

test('the files load beside a [globals] of the site and leave it alone', async () => {
  expect(await asterisk.cli('dialplan show globals')).toContain('TRUNK=PJSIP/provider');
  expect(await asterisk.cli('dialplan show 7001@from-internal')).toContain('TryExec');
  expect(await asterisk.cli('dialplan show 7001@plain')).toContain('TryExec');
});

test('the FreePBX file differs from the plain one in nothing but the context', async () => {
  const lines = async (file: string): Promise<string[]> =>
    (await readFile(path.join(PROJECT_DIR, file), 'utf8'))
      .split('\n')
      .filter((line) => /^( same|exten)/.test(line))
      .map((line) => line.replace(/;.*/, '').trimEnd().replace('from-internal,', '${CONTEXT},'));
  expect(await lines('dialplan/freepbx/extensions_custom.conf')).toEqual(
    await lines('dialplan/asterisk/linecard.conf'),
  );
});

describe.each(['plain', 'from-internal'])('in context %s', (context) => {
  test('Linecard is away: ARI extension rings the human within two seconds', async () => {
    expect(await humanRung(await call('7000', context))).toBeLessThan(HUMAN_LIMIT_MS);
  });

  test('Linecard is away: AudioSocket extension rings the human within two seconds', async () => {
    expect(await humanRung(await call('7001', context))).toBeLessThan(HUMAN_LIMIT_MS);
  });

  test('accepted and closed at once by FIN', async () => {
    await listen(agent((connection) => connection.end(), 'no'));
    await humanRung(await call('7001', context));
  });

  test('accepted and reset at once', async () => {
    const server = await listen(agent((connection) => connection.reset(), 'no'));
    await humanRung(await call('7001', context));
    expect(server.calls.filter((connection) => connection.isQuestion)).toEqual([]);
  });

  test('the agent hangs up: nobody is rung', async () => {
    const server = await listen(agent((connection) => connection.hangUp(), 'yes'));
    const caller = await call('7001', context);
    await expect.poll(() => server.calls.length, { timeout: 15_000 }).toBe(2);
    await isGone();
    expect(await isRung(caller)).toBe(false);
    const [talk, question] = server.calls;
    expect(question!.uuid).toBe(`00000000${talk!.uuid.slice(8)}`);
  });

  test('the agent gives up and wants a human', async () => {
    await listen(agent((connection) => connection.hangUp(), 'no'));
    await humanRung(await call('7001', context));
  });

  test('Linecard dies in the middle of the call by FIN: the human is rung within two seconds', async () => {
    const server = await listen(agent(() => undefined, 'yes'));
    const caller = await call('7001', context);
    await expect.poll(() => server.calls[0]?.receivedBytes ?? 0, { timeout: 15_000 }).toBeGreaterThan(3200);
    const diedAtMs = performance.now();
    await server.close();
    expect(await humanRung(caller, diedAtMs)).toBeLessThan(HUMAN_LIMIT_MS);
  });

  test('Linecard dies in the middle of the call by RST', async () => {
    const server = await listen(agent(() => undefined, 'yes'));
    const caller = await call('7001', context);
    await expect.poll(() => server.calls[0]?.receivedBytes ?? 0, { timeout: 15_000 }).toBeGreaterThan(3200);
    server.calls[0]!.reset();
    await humanRung(caller);
  });

  test('the caller hangs up in the middle of the call: nobody is rung', async () => {
    const server = await listen(agent(() => undefined, 'no'));
    const caller = await call('7001', context);
    await expect.poll(() => server.calls[0]?.receivedBytes ?? 0, { timeout: 15_000 }).toBeGreaterThan(3200);
    await asterisk.cli('channel request hangup all');
    await isGone();
    expect(await isRung(caller)).toBe(false);
  });
});

test('an Asterisk without AudioSocket rings the human', async () => {
  expect(await asterisk.cli('module unload app_audiosocket.so')).toContain('Unloaded');
  try {
    expect(await humanRung(await call('7001', 'plain'))).toBeLessThan(HUMAN_LIMIT_MS);
  } finally {
    await asterisk.cli('module load app_audiosocket.so');
  }
});
