// What the Linecard container runs: with /etc/linecard/linecard.yaml if there is one, else with what the demo PBX in the
// container beside it leaves in the data directory.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const OWN = '/etc/linecard/linecard.yaml';
const DEMO = path.join(process.env.LINECARD_DATA_DIR ?? '/data', 'demo.yaml');
const DEMO_LIMIT_MS = 60_000;

const config = process.env.LINECARD_CONFIG || (existsSync(OWN) ? OWN : await waitForDemo());
if (config === null) {
  process.stderr.write(`linecard: there is no ${OWN}, and no demo PBX: docker compose --profile demo up\n`);
  process.exit(78);
}
const { startCommand } = await import('../dist/cli/start.js');
process.exitCode = await startCommand({ config });

async function waitForDemo() {
  const deadlineMs = performance.now() + DEMO_LIMIT_MS;
  while (!existsSync(DEMO)) {
    if (performance.now() > deadlineMs) return null;
    await delay(250);
  }
  return DEMO;
}
