import { vi } from 'vitest';
import type { Clock } from '../../../src/core/clock.js';
import { systemClock } from '../../../src/core/clock.js';
import { silentLogger } from '../../../src/core/logger.js';
import { FreeSwitchPbx } from '../../../src/pbx/freeswitch/freeswitch-pbx.js';
import type { Pbx, PbxEvent } from '../../../src/pbx/port.js';
import { FAKE_PASSWORD, FakeFreeSwitch } from '../../support/fake-freeswitch/fake-freeswitch.js';
import type { ConsultRig } from '../../support/consult-contract.js';
import { UnicastSink } from '../../support/unicast-sink.js';

/** Each rig has its own pair; below what the kernel gives by itself. */
let nextPort = 16_000 + 2 * (process.pid % 1500);

export type FakeFreeSwitchRig = ConsultRig & {
  readonly pbx: FreeSwitchPbx;
  readonly freeswitch: FakeFreeSwitch;
  readonly sink: UnicastSink;
};

/** An adapter that was told to start, and whatever it tells. */
export function startAdapter(
  freeswitch: FakeFreeSwitch,
  options: Partial<{ clock: Clock; app: string; password: string; port: number }> = {},
): { readonly pbx: FreeSwitchPbx; readonly events: PbxEvent[] } {
  const { clock = systemClock, app = 'linecard', password = FAKE_PASSWORD, port = freeswitch.esl.port } = options;
  const pbx = new FreeSwitchPbx({
    name: 'fs',
    esl: { host: '127.0.0.1', port, password },
    socket: { host: '127.0.0.1', port: 0 },
    app,
    clock,
    log: silentLogger,
  });
  const events: PbxEvent[] = [];
  pbx.onEvent = (event) => events.push(event);
  pbx.start();
  return { pbx, events };
}

/** Resolves when the adapter has said that it is connected, so many times. */
export async function connected(events: readonly PbxEvent[], times = 1): Promise<void> {
  await vi.waitFor(
    () => {
      if (events.filter((event) => event.kind === 'connected').length < times) throw new Error('not connected');
    },
    { timeout: 5000, interval: 2 },
  );
}

/** A fake FreeSWITCH with a connected adapter. */
export async function makeFakeFreeSwitchRig(
  freeswitch = new FakeFreeSwitch(),
  clock: Clock = systemClock,
): Promise<FakeFreeSwitchRig> {
  await freeswitch.start();
  nextPort += 2;
  const sink = await UnicastSink.open(nextPort);
  const { pbx, events } = startAdapter(freeswitch, { clock });
  const adapters: Pbx[] = [pbx];
  await connected(events);
  freeswitch.socketPort = pbx.socketPort;
  return {
    pbx,
    events,
    freeswitch,
    sink,
    address: sink.address,
    nowhere: null,
    music: 'any time',
    orphans: 'go to the human',
    offers: freeswitch.answers === 'first' ? 'answered' : 'ringing',
    bridges: 'none',
    human: { context: 'default', extension: '7010' },
    call: (handOver) => Promise.resolve(freeswitch.call(handOver === 'named' ? '7001' : '7000')),
    hangUpCaller: (channelId) => {
      freeswitch.hangUp(channelId);
      return Promise.resolve();
    },
    pressKey: (channelId, digit) => {
      freeswitch.press(channelId, digit);
      return Promise.resolve();
    },
    whereIs: (channelId) => {
      const channel = freeswitch.channels.get(channelId);
      return Promise.resolve(channel === undefined ? null : `${channel.context}/${channel.destination}`);
    },
    leftovers: () => Promise.resolve([...freeswitch.channels.keys()]),
    another: async (app) => {
      const other = startAdapter(freeswitch, { clock, app: app === 'the same' ? 'linecard' : 'linecard-2' });
      adapters.push(other.pbx);
      await connected(other.events);
      return other.pbx;
    },
    stop: async () => {
      await freeswitch.stop();
      await Promise.all(adapters.map((adapter) => adapter.stop()));
      sink.close();
      if (freeswitch.died !== null) throw new Error(`the switch died: ${freeswitch.died}`);
    },
  };
}
