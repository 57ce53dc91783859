import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/core/clock.js';
import { findFreePort } from '../../../src/demo/ports.js';
import type { Finding } from '../../../src/pbx/findings.js';
import { checkFreeSwitch } from '../../../src/pbx/freeswitch/check-freeswitch.js';
import { ESL_PASSWORD, FREESWITCH_PREFIX, TestFreeSwitch } from '../../support/freeswitch.js';
import { startLinecardHere } from '../../support/linecard.js';
import { Phone } from '../../support/phone/phone.js';
import { tone } from '../../support/phone/sources.js';

const FILES = path.join(import.meta.dirname, '../../../freeswitch');
const CALLER_HZ = 700;
const PATIENCE_MS = 15_000;
const PORTS = [27_800, 27_803] as const;

/** Each file that an admin may take from `freeswitch/`, loaded as it is but for what its comments say to change. */
describe.skipIf(FREESWITCH_PREFIX === '')('the files for an admin, in a real FreeSWITCH', () => {
  const open: { readonly close: () => Promise<void> }[] = [];
  afterEach(async () => {
    for (const each of open.splice(0).reverse()) await each.close();
  });

  async function start(edit: (xml: string) => string): Promise<TestFreeSwitch> {
    const freeswitch = await TestFreeSwitch.start({ socketPort: await findFreePort(), fallback: '1001', edit });
    open.push({ close: () => freeswitch.stop() });
    return freeswitch;
  }

  async function phone(freeswitch: TestFreeSwitch, user: string, password: string): Promise<Phone> {
    const opened = await Phone.open({ server: { host: '127.0.0.1', port: freeswitch.sipPort }, user, password });
    open.push(opened);
    await opened.register();
    return opened;
  }

  async function serve(freeswitch: TestFreeSwitch): Promise<void> {
    const extensions = { '7000': { agent: 'loop', fallback: '1001' } };
    open.push(await startLinecardHere({ config: { pbx: [freeswitch.pbxConfig], extensions } }));
  }

  async function talksWithAgent(from: Phone, extension: string): Promise<void> {
    const call = await from.dial(extension);
    await call.answered(PATIENCE_MS);
    call.play(tone(CALLER_HZ));
    await call.recording.hears(CALLER_HZ, PATIENCE_MS);
    await call.hangUp();
  }

  function doctor(freeswitch: TestFreeSwitch): Promise<Finding[]> {
    const esl = { host: '127.0.0.1', port: freeswitch.eslPort, password: ESL_PASSWORD };
    return checkFreeSwitch({ esl, app: 'linecard', unicast: { host: '127.0.0.1', ports: PORTS }, clock: systemClock });
  }

  test('the user of directory/phone.xml registers and calls the agent', async () => {
    const user = await included('directory/phone.xml');
    const freeswitch = await start((xml) => xml.replace('<users>', `<users>${user}`));
    await serve(freeswitch);
    await talksWithAgent(await phone(freeswitch, '1050', 'another-long-one'), '7000');
  });

  test('the gateway registers at another PBX, and a call to its number there reaches the agent', async () => {
    const other = await start((xml) => xml.replaceAll('26000', '24000').replaceAll('27999', '25999'));
    const gateway = (await included('gateways/other-pbx.xml'))
      .replace('value="700"', 'value="1001"')
      .replace('password-at-the-other-pbx', 'secret1001')
      .replace('name="proxy" value="pbx.example.com"', `name="proxy" value="127.0.0.1:${other.sipPort}"`)
      .replace('pbx.example.com', '127.0.0.1');
    // As the profile `external` has it: who may call is what the gateway says.
    const ours = await start((xml) =>
      xml
        .replace('<gateways/>', `<gateways>${gateway}</gateways>`)
        .replace('name="auth-calls" value="true"', 'name="auth-calls" value="false"'),
    );
    await serve(ours);
    const caller = await phone(other, '1002', 'secret1002');
    // It registers within some seconds.
    await expect
      .poll(async () => (await (await caller.dial('1001')).ends(1000).catch(() => null)) === null, {
        timeout: PATIENCE_MS,
        interval: 500,
      })
      .toBe(true);
    await Promise.all(caller.calls.map((call) => call.hangUp()));
    await talksWithAgent(caller, '1001');
  });

  test('the event socket for another host lets in whom its list names, and the doctor is content', async () => {
    const freeswitch = await start(await withEventSocket((acl) => acl));
    const findings = await doctor(freeswitch);
    expect(findings.filter(({ level }) => level === 'error')).toEqual([]);
    expect(findings.map(({ sentence }) => sentence).join('\n')).toContain('audio goes to FreeSWITCH and back');
  });

  test('and refuses everybody else: the doctor says which list to change', async () => {
    const freeswitch = await start(await withEventSocket((acl) => acl.replace('127.0.0.0/8', '192.0.2.21/32')));
    const [finding] = await doctor(freeswitch);
    expect(finding).toMatchObject({ level: 'error', sentence: expect.stringContaining('refuses this host') as string });
    expect(finding?.fix).toContain('apply-inbound-acl');
  });

  /** The two of autoload_configs/ in the place of the ones that the private configuration has. */
  async function withEventSocket(changed: (acl: string) => string): Promise<(xml: string) => string> {
    const [eventSocket, acl] = [
      await text('autoload_configs/event_socket.conf.xml'),
      await text('autoload_configs/acl.conf.xml'),
    ];
    return (xml) => {
      const port = /name="listen-port" value="(\d+)"/.exec(xml)?.[1] ?? '';
      const ours = eventSocket
        .replace('192.0.2.10', '127.0.0.1')
        .replace('8021', port)
        .replace('a-long-one', ESL_PASSWORD);
      return xml
        .replace(/<configuration name="event_socket.conf">[\s\S]*?<\/configuration>/, ours)
        .replace(/<configuration name="acl.conf">.*<\/configuration>/, changed(acl));
    };
  }
});

function text(file: string): Promise<string> {
  return readFile(path.join(FILES, file), 'utf8');
}

/** As an include is read: what is between its tags. */
async function included(file: string): Promise<string> {
  return /<include>([\s\S]*)<\/include>/.exec(await text(file))?.[1] ?? '';
}
