import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { AsteriskConfig } from '../../src/demo/asterisk-config.js';
import { findOrInstallAsterisk } from '../../src/demo/asterisk-install.js';
import { AsteriskInstance } from '../../src/demo/asterisk.js';
import { findFreePort } from '../../src/demo/ports.js';

/**
 * Starts a real Asterisk on free ports in a directory of its own, with phones 6001 and 6002 (passwords `secret6001`,
 * `secret6002`) and ARI user `linecard`, password `secret`. Whoever starts it calls `stop` in `afterAll`.
 */
export async function startAsterisk(overrides: Partial<AsteriskConfig> = {}): Promise<TestAsterisk> {
  const program = await findOrInstallAsterisk({ print: (line) => process.stderr.write(`${line}\n`) });
  const runDir = await mkdtemp(path.join(os.tmpdir(), 'linecard-pbx-'));
  const config: AsteriskConfig = {
    sipHost: '127.0.0.1',
    sipPort: await findFreePort(),
    ariPort: await findFreePort(),
    rtpPorts: { first: 10_000, last: 19_999 },
    ari: { username: 'linecard', password: 'secret' },
    app: 'linecard',
    audiosocket: '127.0.0.1:9092',
    phones: ['6001', '6002'].map((number) => ({ number, password: `secret${number}`, label: `Phone ${number}` })),
    append: {},
    ...overrides,
  };
  const asterisk = new TestAsterisk({ program, runDir, config });
  try {
    await asterisk.start();
  } catch (error) {
    await asterisk.stop();
    throw error;
  }
  return asterisk;
}

/** Leaves nothing on the disk. */
export class TestAsterisk extends AsteriskInstance {
  override async stop(): Promise<void> {
    await super.stop();
    await rm(this.runDir, { recursive: true, force: true });
  }
}
