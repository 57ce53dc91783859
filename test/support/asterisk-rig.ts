import { randomUUID } from 'node:crypto';
import { vi } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import type { ChannelId } from '../../src/core/ids.js';
import { silentLogger } from '../../src/core/logger.js';
import { AsteriskPbx } from '../../src/pbx/asterisk/asterisk-pbx.js';
import type { PbxEvent } from '../../src/pbx/port.js';
import { findFreePort } from '../../src/demo/ports.js';
import type { TestAsterisk } from './asterisk.js';
import type { ConsultRig } from './consult-contract.js';
import { SilenceSink } from './silence-sink.js';

/** Put at the end of extensions.conf: callers are the far halves of Local channels that dial here. */
export const CALLERS_DIALPLAN = `
[callers]
exten => 7000,1,Stasis(linecard)
 same => n,Hangup()
exten => 7001,1,Goto(named,7000,1)
exten => human,1,Answer()
 same => n,Wait(600)
exten => phone,1,Answer()
 same => n,Wait(600)
exten => _key-.,1,SendDTMF(\${EXTEN:4})
 same => n,Wait(600)

[named]
exten => 7000,1,Stasis(linecard,7009)
 same => n,Hangup()
`;

const WAIT = { timeout: 10_000, interval: 10 };

export type AsteriskRig = ConsultRig & { readonly pbx: AsteriskPbx; readonly sink: SilenceSink };

/** A connected adapter on a real Asterisk that has CALLERS_DIALPLAN. */
export async function makeAsteriskRig(asterisk: TestAsterisk): Promise<AsteriskRig> {
  const sink = new SilenceSink();
  const address = await sink.listen();
  const adapters: AsteriskPbx[] = [];
  const connect = async (app: string): Promise<{ pbx: AsteriskPbx; events: PbxEvent[] }> => {
    const pbx = new AsteriskPbx({
      name: 'main',
      ari: { url: asterisk.ariUrl, username: 'linecard', password: 'secret' },
      app,
      clock: systemClock,
      log: silentLogger,
    });
    const events: PbxEvent[] = [];
    pbx.onEvent = (event) => events.push(event);
    adapters.push(pbx);
    pbx.start();
    await vi.waitFor(() => {
      if (events.length === 0) throw new Error(pbx.unready() ?? 'not connected');
    }, WAIT);
    return { pbx, events };
  };
  const { pbx, events } = await connect('linecard');
  const leftovers = async (): Promise<string[]> => {
    const [channels, bridges] = await Promise.all([list(asterisk, 'channels'), list(asterisk, 'bridges')]);
    return [...channels, ...bridges].map(({ id }) => id);
  };
  return {
    pbx,
    events,
    sink,
    address,
    orphans: 'wait',
    offers: 'ringing',
    bridges: 'used',
    music: 'any time',
    nowhere: { host: '127.0.0.1', port: await findFreePort() },
    human: { context: 'callers', extension: 'human' },
    leftovers,
    call: async (handOver) => {
      const phone = `phone-${randomUUID()}`;
      await ask(asterisk, 'POST', '/channels', {
        endpoint: `Local/${handOver === 'named' ? 7001 : 7000}@callers`,
        context: 'callers',
        extension: 'phone',
        priority: '1',
        callerId: 'Alice <6001>',
        channelId: phone,
      });
      return `${phone};2` as ChannelId;
    },
    hangUpCaller: async (channelId) => {
      await ask(asterisk, 'DELETE', `/channels/${phoneOf(channelId)}`);
    },
    pressKey: async (channelId, digit) => {
      const phone = (await list(asterisk, 'channels')).find(({ id }) => id === phoneOf(channelId));
      if (phone === undefined) throw new Error('the caller is gone');
      await asterisk.cli(`channel redirect ${phone.name} callers,key-${digit},1`);
    },
    whereIs: async (channelId) => {
      const channel = (await list(asterisk, 'channels')).find(({ id }) => id === channelId);
      return channel === undefined ? null : `${channel.dialplan.context}/${channel.dialplan.exten}`;
    },
    another: async (app) => (await connect(app === 'the same' ? 'linecard' : 'linecard-2')).pbx,
    stop: async () => {
      for (const { id } of await list(asterisk, 'channels'))
        await ask(asterisk, 'DELETE', `/channels/${encodeURIComponent(id)}`);
      for (const { id } of await list(asterisk, 'bridges')) await ask(asterisk, 'DELETE', `/bridges/${id}`);
      await vi.waitFor(async () => {
        if ((await leftovers()).length > 0) throw new Error('channels of the test do not end');
      }, WAIT);
      await Promise.all(adapters.map((adapter) => adapter.stop()));
      await sink.close();
    },
  };
}

type Listed = {
  readonly id: string;
  readonly name: string;
  readonly dialplan: { readonly context: string; readonly exten: string };
};

/** The caller's own half of a Local channel: Asterisk names the other one after it, with `;2` behind. */
function phoneOf(channelId: ChannelId): string {
  return channelId.slice(0, -2);
}

async function list(asterisk: TestAsterisk, what: 'channels' | 'bridges'): Promise<readonly Listed[]> {
  return (await (await ask(asterisk, 'GET', `/${what}`)).json()) as readonly Listed[];
}

async function ask(
  asterisk: TestAsterisk,
  method: string,
  path: string,
  query: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const login = Buffer.from('linecard:secret').toString('base64');
  const url = `${asterisk.ariUrl}/ari${path}?${new URLSearchParams(query).toString()}`;
  const response = await fetch(url, { method, headers: { authorization: `Basic ${login}` } });
  // 404 is what a channel that just ended answers.
  if (!response.ok && response.status !== 404)
    throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response;
}
