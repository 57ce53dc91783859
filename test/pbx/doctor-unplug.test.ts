import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { main } from '../../src/cli/linecard.js';
import { Supervisor } from '../../src/cli/supervisor.js';
import { PROJECT_DIR } from '../../src/demo/asterisk-install.js';
import { findFreePort } from '../../src/demo/ports.js';
import { startAsterisk, type TestAsterisk } from '../support/asterisk.js';
import { expectNothingLeft } from '../support/leftovers.js';
import { TestTerminal } from '../support/terminal.js';

let asterisk: TestAsterisk;
let directory: string;
let supervisor: Supervisor;
let ended: Promise<number>;
let readies: number;

beforeAll(async () => {
  asterisk = await startAsterisk({ audiosocket: `127.0.0.1:${await findFreePort()}` });
});
beforeEach(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'linecard-unplug-'));
  const { ari, app, audiosocket } = asterisk.config;
  const [host = '', port = '0'] = audiosocket.split(':');
  const config = {
    http: { port: await findFreePort() },
    dataDir: directory,
    audiosocket: { host, port: Number(port) },
    pbx: [{ kind: 'asterisk', name: 'main', ari: { url: asterisk.ariUrl, ...ari }, app }],
    agents: { loop: { provider: 'echo' } },
    extensions: { '7000': { agent: 'loop', fallback: '6001' } },
  };
  const file = path.join(directory, 'linecard.yaml');
  await writeFile(file, JSON.stringify(config));
  readies = 0;
  supervisor = new Supervisor({
    script: path.join(PROJECT_DIR, 'dist/main.js'),
    env: { ...process.env, LINECARD_CONFIG: file, LINECARD_LOG_LEVEL: 'error' },
    dataDir: directory,
    onEvent: (event) => {
      if (event.kind === 'ready') readies += 1;
    },
  });
  ended = supervisor.run();
  await expect.poll(() => readies, { timeout: 30_000 }).toBe(1);
});
afterEach(async () => {
  supervisor.stop();
  await ended;
  await rm(directory, { recursive: true, force: true });
  await expectNothingLeft(asterisk);
});
afterAll(() => asterisk.stop());

test('doctor --unplug: the caller of a test call is with the agent again, and nothing is left of it', async () => {
  const terminal = new TestTerminal({ cwd: directory });
  const exitCode = await main(['doctor', '--unplug'], terminal);
  console.log(terminal.lines.filter((line) => /test call|killed|caller/.test(line)).join('\n'));
  expect(terminal.text).toMatch(/the test call to 7000 in linecard-demo is with agent "loop"/);
  expect(terminal.text).toMatch(/the caller is with the agent again after \d+ ms, in the same call/);
  expect(exitCode).toBe(0);
});
