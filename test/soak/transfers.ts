import { readdir } from 'node:fs/promises';
import { findFreePort } from '../../src/demo/ports.js';
import { startAsterisk } from '../support/asterisk.js';
import { startLinecardProcess } from '../support/linecard.js';
import { laneConfig, lanePhones, laneSetUp, TransferStories } from '../support/transfer-stories.js';

// `node --import tsx test/soak/transfers.ts` (after `npm run build`): a thousand transfers on a real Asterisk, at random moments somebody hangs up, declines, holds,
// joins or is not there. It fails when a party does not hear whom they should, or when a channel, a bridge, a call or a file is left at the end.

const TRANSFERS = Number(process.env['LINECARD_SOAK_TRANSFERS'] ?? '1000');
const LANES = Number(process.env['LINECARD_SOAK_LANES'] ?? '4');
const SEED = Number(process.env['LINECARD_SOAK_SEED'] ?? '1');
const GRACE_MS = 1000;
const PROGRESS_EVERY = 50;

function print(fields: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify(fields)}\n`);
}

function printFigure(name: string, values: readonly number[]): void {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part: number): number =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? -1);
  print({ name, value: at(0.95), unit: 'ms', p50: at(0.5), most: at(1), count: values.length });
}

async function openFiles(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`)).length;
}

const setUp = laneSetUp(LANES, GRACE_MS);
const asterisk = await startAsterisk({
  audiosocket: `127.0.0.1:${await findFreePort()}`,
  phones: lanePhones(setUp),
});
try {
  const linecard = await startLinecardProcess({ asterisk, config: laneConfig(setUp) });
  try {
    const filesBefore = await openFiles(linecard.pid);
    const stories = new TransferStories({
      asterisk,
      api: linecard.api,
      setUp,
      seed: SEED,
      transfers: TRANSFERS,
      onDone: (done, failed) => {
        if (done % PROGRESS_EVERY === 0) print({ transfers: done, failed });
      },
    });
    await stories.tell();
    const left = await stories.left();
    const { failures, talkingMs, silentMs, told } = stories;
    printFigure('transfer-accepted-to-talking', talkingMs);
    printFigure('caller-gone-to-silent-phone', silentMs);
    const filesMore = (await openFiles(linecard.pid)) - filesBefore;
    print({ transfers: TRANSFERS, stories: Object.fromEntries(told), failures, left, filesMore });
    if (failures.length > 0 || left.length > 0) process.exitCode = 1;
  } finally {
    await linecard.close();
  }
} finally {
  await asterisk.stop();
}
