import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/core/clock.js';
import type { Finding } from '../../../src/pbx/findings.js';
import { checkFreeSwitch } from '../../../src/pbx/freeswitch/check-freeswitch.js';
import { FAKE_PASSWORD, FakeFreeSwitch } from '../../support/fake-freeswitch/fake-freeswitch.js';

/** Below what the kernel gives by itself. */
const FIRST_PORT = 9000 + 4 * (process.pid % 240);
const PORTS = [FIRST_PORT, FIRST_PORT + 3] as const;

let freeswitch: FakeFreeSwitch;
beforeEach(async () => {
  freeswitch = new FakeFreeSwitch();
  await freeswitch.start();
});
afterEach(async () => {
  expect(freeswitch.died).toBeNull();
  await freeswitch.stop();
});

/** What is said of the audio. */
async function audio(host = '127.0.0.1'): Promise<Finding | undefined> {
  const esl = { host: '127.0.0.1', port: freeswitch.esl.port, password: FAKE_PASSWORD };
  const findings = await checkFreeSwitch({ esl, app: 'linecard', unicast: { host, ports: PORTS }, clock: systemClock });
  await expect.poll(() => freeswitch.channels.size).toBe(0);
  return findings.find(({ sentence }) => /audio|unicast/.test(sentence));
}

describe('what the doctor says of the audio', () => {
  it('sound that comes back is all it asks for', async () => {
    freeswitch.audio = 'comes back';
    expect(await audio()).toMatchObject({ level: 'ok', sentence: expect.stringContaining('and back') as string });
  });

  it('nothing comes: the address and the ports are to be looked at', async () => {
    freeswitch.audio = 'never';
    expect(await audio()).toMatchObject({
      level: 'error',
      sentence: expect.stringContaining('no audio comes') as string,
      fix: expect.stringContaining('unicast.host') as string,
    });
  });

  it('ours does not arrive: the way there is to be opened', async () => {
    expect(await audio()).toMatchObject({
      level: 'error',
      fix: expect.stringContaining('from this machine') as string,
    });
  });

  it('an address of somebody else', async () => {
    expect(await audio('192.0.2.1')).toMatchObject({
      sentence: 'unicast.host 192.0.2.1 is no address of this machine',
    });
  });

  it('ports that are in use are passed by; a range of them is an error', async () => {
    freeswitch.audio = 'comes back';
    const sockets = [];
    for (const port of [PORTS[0] + 2, PORTS[0]]) {
      const socket = createSocket('udp4').bind(port, '127.0.0.1');
      await once(socket, 'listening');
      sockets.push(socket);
      const expected = sockets.length === 1 ? 'ok' : 'error';
      expect(await audio()).toMatchObject({ level: expected });
    }
    for (const socket of sockets) socket.close();
  });
});
