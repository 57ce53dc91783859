import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ChannelId } from '../../../src/core/ids.js';
import { findFreePort } from '../../../src/demo/ports.js';
import { FAKE_PASSWORD, FakeFreeSwitch } from '../../support/fake-freeswitch/fake-freeswitch.js';
import { startLinecardHere, type LinecardHere } from '../../support/linecard.js';

const WAIT = { timeout: 10_000, interval: 10 };
/** A range of its own, below what the kernel gives by itself. */
const FIRST_PORT = 10_000 + 20 * (process.pid % 90);

let freeswitch: FakeFreeSwitch;
let linecard: LinecardHere;

beforeEach(async () => {
  freeswitch = new FakeFreeSwitch();
  await freeswitch.start();
  freeswitch.socketPort = await findFreePort();
  linecard = await startLinecardHere({
    config: {
      pbx: [
        {
          kind: 'freeswitch',
          name: 'fs',
          esl: { host: '127.0.0.1', port: freeswitch.esl.port, password: FAKE_PASSWORD },
          socket: { host: '127.0.0.1', port: freeswitch.socketPort },
          unicast: { host: '127.0.0.1', ports: [FIRST_PORT, FIRST_PORT + 19] },
        },
      ],
      extensions: { '7000': { agent: 'loop', fallback: '7010' } },
    },
  });
});
afterEach(async () => {
  await linecard.close();
  await freeswitch.stop();
  expect(freeswitch.died).toBeNull();
});

/** A caller who talks with the agent. */
async function talking(): Promise<ChannelId> {
  const id = freeswitch.call('7000');
  await expect.poll(() => linecard.api.liveCalls(), WAIT).toMatchObject([{ state: 'talking' }]);
  return id;
}

/** What was done to bring audio, in order, since the last call of this. */
function steps(): string[] {
  return freeswitch.esl.commands.splice(0).flatMap((command) => /^sendmsg|uuid_transfer/.exec(command) ?? []);
}

describe('no frame comes for half a second', () => {
  it('the caller is parked anew and has audio again', async () => {
    const id = await talking();
    expect(steps()).toEqual(['sendmsg']);
    freeswitch.channels.get(id)?.unicast?.silence();
    await vi.waitFor(() => expect(freeswitch.esl.commands.join()).toContain('sendmsg'), WAIT);
    expect(steps()).toEqual(['uuid_transfer', 'sendmsg']);
    await vi.waitFor(() => expect(freeswitch.channels.get(id)?.unicast?.heard).toBeGreaterThan(5), WAIT);
    expect(await linecard.api.liveCalls()).toMatchObject([{ state: 'talking' }]);
    freeswitch.hangUp(id);
    await expect.poll(() => linecard.api.liveCalls(), WAIT).toEqual([]);
  });

  it('and none comes afterwards: the caller is given to the fallback', async () => {
    const id = await talking();
    freeswitch.audio = 'never';
    freeswitch.channels.get(id)?.unicast?.silence();
    await vi.waitFor(() => expect(freeswitch.channels.get(id)?.destination).toBe('7010'), WAIT);
    await expect.poll(async () => (await linecard.api.calls())[0]?.outcome, WAIT).toMatchObject({ fault: 'pbx' });
  });

  it('from the beginning: the caller is given to the fallback, and has heard nothing of us', async () => {
    freeswitch.audio = 'never';
    const id = freeswitch.call('7000');
    await vi.waitFor(() => expect(freeswitch.channels.get(id)?.destination).toBe('7010'), WAIT);
    expect(steps().filter((step) => step === 'sendmsg').length).toBeGreaterThan(1);
  });
});
