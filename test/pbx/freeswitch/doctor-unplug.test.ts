import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { main } from '../../../src/cli/linecard.js';
import { Supervisor } from '../../../src/cli/supervisor.js';
import { PROJECT_DIR } from '../../../src/demo/asterisk-install.js';
import { findFreePort } from '../../../src/demo/ports.js';
import { EslClient } from '../../support/esl-client.js';
import { ESL_PASSWORD, FREESWITCH_PREFIX, TestFreeSwitch } from '../../support/freeswitch.js';
import { Phone } from '../../support/phone/phone.js';
import { TestTerminal } from '../../support/terminal.js';

describe.skipIf(FREESWITCH_PREFIX === '')('doctor --unplug on a real FreeSWITCH', () => {
  let freeswitch: TestFreeSwitch;
  let directory: string;
  let supervisor: Supervisor;
  let ended: Promise<number>;

  beforeAll(async () => {
    freeswitch = await TestFreeSwitch.start({ socketPort: await findFreePort(), fallback: '1001' });
    directory = await mkdtemp(path.join(os.tmpdir(), 'linecard-unplug-'));
    const config = {
      http: { port: await findFreePort() },
      audiosocket: { port: await findFreePort() },
      dataDir: directory,
      pbx: [freeswitch.pbxConfig],
      agents: { loop: { provider: 'echo' } },
      extensions: { '7000': { agent: 'loop', fallback: '1001' } },
    };
    const file = path.join(directory, 'linecard.yaml');
    await writeFile(file, JSON.stringify(config));
    let readies = 0;
    supervisor = new Supervisor({
      script: path.join(PROJECT_DIR, 'dist/main.js'),
      env: { ...process.env, LINECARD_CONFIG: file, LINECARD_LOG_LEVEL: 'error' },
      dataDir: directory,
      onEvent: (event) => {
        if (event.kind === 'ready') readies += 1;
      },
    });
    ended = supervisor.run();
    await vi.waitFor(() => expect(readies).toBe(1), { timeout: 30_000 });
  });
  afterAll(async () => {
    supervisor.stop();
    await ended;
    await freeswitch.stop();
    await rm(directory, { recursive: true, force: true });
  });

  test('the caller of the test call goes to the fallback, and nothing is left of it', async () => {
    const server = { host: '127.0.0.1', port: freeswitch.sipPort };
    const human = await Phone.open({ server, user: '1001', password: 'secret1001', incoming: 'ring' });
    await human.register();
    const terminal = new TestTerminal({ cwd: directory });
    const exitCode = await main(['doctor', '--unplug'], terminal);
    expect(terminal.text).toMatch(/the test call to 7000 in default is with agent "loop"/);
    expect(terminal.text).toMatch(/the caller went to 1001 after \d+ ms/);
    expect(exitCode).toBe(0);
    await human.close();
    const esl = await EslClient.connect(freeswitch.eslPort, ESL_PASSWORD);
    const count = async (): Promise<string> => /^(\d+) session\(s\) - peak/m.exec(await esl.api('status'))?.[1] ?? '';
    await expect.poll(count).toBe('0');
    esl.close();
  });
});
