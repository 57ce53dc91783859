import { randomUUID } from 'node:crypto';
import { vi } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import type { ChannelId } from '../../src/core/ids.js';
import { silentLogger } from '../../src/core/logger.js';
import { FreeSwitchPbx } from '../../src/pbx/freeswitch/freeswitch-pbx.js';
import type { PbxEvent } from '../../src/pbx/port.js';
import { EslClient } from './esl-client.js';
import type { TestFreeSwitch } from './freeswitch.js';
import { ESL_PASSWORD } from './freeswitch.js';
import type { ConsultRig } from './consult-contract.js';
import { UnicastSink } from './unicast-sink.js';

/** Beside the drop-in file: an extension that names another, a human, and a place for callers' own halves. */
export const CALLERS_EXTENSIONS = `
<extension name="named"><condition field="destination_number" expression="^7001$">
  <action application="set" data="linecard_extension=7009"/>
  <action application="transfer" data="7000 XML default"/>
</condition></extension>
<extension name="human"><condition field="destination_number" expression="^7010$">
  <action application="answer"/>
  <action application="sleep" data="600000"/>
</condition></extension>
<extension name="rings"><condition field="destination_number" expression="^rings$">
  <action application="ring_ready"/>
  <action application="sleep" data="20000"/>
</condition></extension>
<extension name="busy"><condition field="destination_number" expression="^busy$">
  <action application="hangup" data="USER_BUSY"/>
</condition></extension>
<extension name="rejects"><condition field="destination_number" expression="^rejects$">
  <action application="hangup" data="CALL_REJECTED"/>
</condition></extension>
<extension name="nobody"><condition field="destination_number" expression="^nobody$">
  <action application="bridge" data="user/1009@127.0.0.1"/>
</condition></extension>
<extension name="silent"><condition field="destination_number" expression="^silent$">
  <action application="ring_ready"/>
  <action application="sleep" data="1000"/>
  <action application="hangup" data="NO_ANSWER"/>
</condition></extension>
<extension name="presses"><condition field="destination_number" expression="^presses$">
  <action application="answer"/>
  <action application="sleep" data="300"/>
  <action application="send_dtmf" data="1"/>
  <action application="sleep" data="600000"/>
</condition></extension>
`;

const WAIT = { timeout: 10_000, interval: 10 };
/** Each rig has its own pair: a port of the last one may still be sent to. */
let nextPort = 23_000 + 2 * (process.pid % 500);

export type FreeSwitchRig = ConsultRig & {
  readonly pbx: FreeSwitchPbx;
  readonly sink: UnicastSink;
  readonly esl: EslClient;
};

/** A connected adapter on a real FreeSWITCH that has CALLERS_EXTENSIONS and whose `socket` action goes to `socketPort`. */
export async function makeFreeSwitchRig(freeswitch: TestFreeSwitch, socketPort: number): Promise<FreeSwitchRig> {
  nextPort += 2;
  const sink = await UnicastSink.open(nextPort);
  const esl = await EslClient.connect(freeswitch.eslPort, ESL_PASSWORD);
  const adapters: FreeSwitchPbx[] = [];
  const connect = async (app: string, port: number): Promise<{ pbx: FreeSwitchPbx; events: PbxEvent[] }> => {
    const pbx = new FreeSwitchPbx({
      name: 'fs',
      esl: { host: '127.0.0.1', port: freeswitch.eslPort, password: ESL_PASSWORD },
      socket: { host: '127.0.0.1', port },
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
  const { pbx, events } = await connect('linecard', socketPort);
  /** The table of channels is written behind the events: this counts what there is. */
  const sessions = async (): Promise<number> =>
    Number(/^(\d+) session\(s\) - peak/m.exec(await esl.api('status'))?.[1] ?? NaN);
  const callers = loopbackCallers(esl);
  return {
    pbx,
    events,
    sink,
    esl,
    address: sink.address,
    nowhere: null,
    music: 'phones only',
    orphans: 'go to the human',
    offers: freeswitch.answers === 'never' ? 'ringing' : 'answered',
    bridges: 'none',
    human: { context: 'default', extension: '7010' },
    leftovers: async () => Array.from({ length: await sessions() }, (_, i) => `session ${i}`),
    call: (handOver) => callers.call(handOver === 'named' ? 7001 : 7000),
    hangUpCaller: callers.hangUpCaller,
    pressKey: callers.pressKey,
    whereIs: async (channelId) => {
      const dump = await esl.api(`uuid_dump ${channelId} json`);
      if (dump.startsWith('-ERR')) return null;
      const facts = JSON.parse(dump) as Readonly<Record<string, string>>;
      return `${facts['Caller-Context']}/${facts['Caller-Destination-Number']}`;
    },
    another: async (app) => (await connect(app === 'the same' ? 'linecard' : 'linecard-2', 0)).pbx,
    stop: async () => {
      await esl.api('hupall');
      await vi.waitFor(async () => {
        if ((await sessions()) > 0) throw new Error('channels of the test do not end');
      }, WAIT);
      await Promise.all(adapters.map((adapter) => adapter.stop()));
      esl.close();
      sink.close();
    },
  };
}

/** Callers on loopback channels: the PBX's own half is offered, the other half dials, hangs up and presses keys. */
export function loopbackCallers(esl: EslClient): {
  readonly call: (extension: number) => Promise<ChannelId>;
  readonly hangUpCaller: (channelId: ChannelId) => Promise<void>;
  readonly pressKey: (channelId: ChannelId, digit: string) => Promise<void>;
} {
  /** The caller's own half, by the half that dials. */
  const halves = new Map<ChannelId, string>();
  return {
    call: async (extension) => {
      const own = randomUUID();
      const variables = [
        `origination_uuid=${own}`,
        `loopback_bowout=false`,
        `loopback_bowout_on_execute=false`,
        `origination_caller_id_number=6001`,
        `origination_caller_id_name=Alice`,
      ];
      await esl.ask(`bgapi originate {${variables.join(',')}}loopback/${extension}/default &park()`);
      const channelId = await vi.waitFor(async () => {
        const other = await esl.api(`uuid_getvar ${own} other_loopback_leg_uuid`);
        if (!/^[0-9a-f-]{36}$/.test(other)) throw new Error(`the caller has no other half: ${other}`);
        return other as ChannelId;
      }, WAIT);
      halves.set(channelId, own);
      return channelId;
    },
    hangUpCaller: async (channelId) => {
      await esl.api(`uuid_kill ${halves.get(channelId) ?? channelId}`);
    },
    pressKey: async (channelId, digit) => {
      await esl.api(`uuid_send_dtmf ${halves.get(channelId) ?? channelId} ${digit}`);
    },
  };
}
