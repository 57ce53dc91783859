import { vi } from 'vitest';
import { systemClock, type Clock } from '../../src/core/clock.js';
import type { ChannelId } from '../../src/core/ids.js';
import { silentLogger, type Logger } from '../../src/core/logger.js';
import { AsteriskPbx } from '../../src/pbx/asterisk/asterisk-pbx.js';
import type { Pbx, PbxEvent } from '../../src/pbx/port.js';
import type { ConsultRig } from '../support/consult-contract.js';
import { FakeAri } from './fake-ari.js';

export type FakeRig = ConsultRig & { readonly pbx: AsteriskPbx; readonly ari: FakeAri };

/** An adapter that was told to start, and whatever it tells. */
export function startAdapter(
  ari: FakeAri,
  options: Partial<{ clock: Clock; log: Logger; app: string; password: string; url: string }> = {},
): { readonly pbx: AsteriskPbx; readonly events: PbxEvent[] } {
  const { clock = systemClock, log = silentLogger, app = 'linecard', password = 'secret', url = ari.url } = options;
  const pbx = new AsteriskPbx({
    name: 'main',
    ari: { url, username: 'linecard', password },
    app,
    clock,
    log,
    random: () => 1,
  });
  const events: PbxEvent[] = [];
  pbx.onEvent = (event) => events.push(event);
  pbx.start();
  return { pbx, events };
}

/** A fake Asterisk with a connected adapter. */
export async function makeFakeRig(clock: Clock = systemClock): Promise<FakeRig> {
  const ari = new FakeAri();
  await ari.start();
  const { pbx, events } = startAdapter(ari, { clock });
  const adapters: Pbx[] = [pbx];
  await connected(events);
  return {
    ari,
    pbx,
    events,
    address: { host: '127.0.0.1', port: 9092 },
    orphans: 'wait',
    offers: 'ringing',
    bridges: 'used',
    music: 'any time',
    nowhere: { host: '127.0.0.1', port: 1 },
    human: { context: 'callers', extension: 'human' },
    call: (handOver) => Promise.resolve(ari.call({ args: handOver === 'named' ? ['7009'] : [] }) as ChannelId),
    hangUpCaller: (channelId) => {
      ari.hangUp(channelId);
      return Promise.resolve();
    },
    pressKey: (channelId, digit) => {
      ari.press(channelId, digit);
      return Promise.resolve();
    },
    whereIs: (channelId) => {
      const dialplan = ari.channels.get(channelId)?.dialplan;
      return Promise.resolve(dialplan === undefined ? null : `${dialplan.context}/${dialplan.exten}`);
    },
    leftovers: () => Promise.resolve([...ari.channels.keys(), ...ari.bridges.keys()]),
    another: async (app) => {
      const other = startAdapter(ari, { clock, app: app === 'the same' ? 'linecard' : 'linecard-2' });
      adapters.push(other.pbx);
      await connected(other.events);
      return other.pbx;
    },
    stop: async () => {
      await Promise.all(adapters.map((adapter) => adapter.stop()));
      await ari.stop();
    },
  };
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
