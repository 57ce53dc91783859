import { readFile, readdir } from 'node:fs/promises';
import { findFreePort } from '../../src/demo/ports.js';
import { startAsterisk, type TestAsterisk } from '../support/asterisk.js';
import { leftovers } from '../support/left-behind.js';
import { startLinecardProcess, type LinecardProcess } from '../support/linecard.js';
import { Phone } from '../support/phone/phone.js';
import { tone } from '../support/phone/sources.js';
import { randomFrom } from '../support/random.js';
import { slopeOf } from '../support/slope.js';

// `npm run soak`: phones on a real Asterisk call, talk with the echo agent over both doors and hang up, some before anybody answers, for an hour. It fails when a
// call fails, when anything is left at the end, or when the process has grown.

const MINUTES = Number(process.env['LINECARD_SOAK_MINUTES'] ?? '60');
const CALLS = Number(process.env['LINECARD_SOAK_CALLS'] ?? '20');
const SEED = Number(process.env['LINECARD_SOAK_SEED'] ?? '1');
const LONGEST_CALL_MS = 15_000;
/** Callers who lose patience before they hear anything. */
const IMPATIENT_PART = 0.15;
/** A leak of 4 kB a call is 20 MB in such an hour. */
const MOST_GROWTH_MB_AN_HOUR = 20;
const LEFT_LIMIT_MS = 10_000;

type Figures = { readonly minute: number; readonly rssMb: number; readonly files: number };

const random = randomFrom(SEED);
const failures: string[] = [];
let done = 0;

const asterisk = await startAsterisk({ audiosocket: `127.0.0.1:${await findFreePort()}` });
try {
  const linecard = await startLinecardProcess({ asterisk });
  try {
    await soak(asterisk, linecard);
  } finally {
    await linecard.close();
  }
} finally {
  await asterisk.stop();
}

async function soak(pbx: TestAsterisk, linecard: LinecardProcess): Promise<void> {
  const startedAtMs = performance.now();
  const endsAtMs = startedAtMs + MINUTES * 60_000;
  const minute = (): number => (performance.now() - startedAtMs) / 60_000;
  const figures: Figures[] = [];
  const callers = Array.from({ length: CALLS }, () => callAgainAndAgain(pbx, endsAtMs));
  const watch = setInterval(() => {
    void figuresOf(linecard.pid, minute()).then((now) => {
      figures.push(now);
      process.stdout.write(`${JSON.stringify({ ...now, calls: done, failed: failures.length })}\n`);
    });
  }, 60_000);
  await Promise.all(callers);
  clearInterval(watch);
  const left = await untilNothingIsLeft(pbx, linecard);
  // The first third is not counted: pools fill, code is compiled.
  const settled = figures.slice(Math.floor(figures.length / 3));
  const growth = slopeOf(settled.map(({ minute: at, rssMb }) => ({ x: at / 60, y: rssMb })));
  const complaints = linecard.takeComplaints();
  process.stdout.write(
    `${JSON.stringify({ calls: done, failures, left, complaints, growthMbAnHour: Math.round(growth * 10) / 10 })}\n`,
  );
  // A slope of a few minutes says nothing.
  const hasGrown = MINUTES >= 30 && growth > MOST_GROWTH_MB_AN_HOUR;
  if (failures.length > 0 || left.length > 0 || complaints.length > 0 || hasGrown) process.exitCode = 1;
}

async function callAgainAndAgain(pbx: TestAsterisk, endsAtMs: number): Promise<void> {
  while (performance.now() < endsAtMs) {
    try {
      await oneCall(pbx);
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
    }
    done += 1;
  }
}

async function oneCall(pbx: TestAsterisk): Promise<void> {
  const server = { host: '127.0.0.1', port: pbx.config.sipPort };
  const codec = random() < 0.5 ? 'PCMU' : 'G722';
  const phone = await Phone.open({ server, user: '6001', password: 'secret6001', codecs: [codec] });
  try {
    const call = await phone.dial(random() < 0.5 ? '7009' : '7001');
    if (random() < IMPATIENT_PART) {
      await pause(random() * 200);
      await call.hangUp();
      return;
    }
    await call.answered();
    const hz = 400 + Math.floor(random() * 25) * 100;
    call.play(tone(hz));
    await call.recording.hears(hz);
    await pause(random() * LONGEST_CALL_MS);
    await call.recording.hears(hz);
    await call.hangUp();
  } finally {
    await phone.close();
  }
}

async function untilNothingIsLeft(pbx: TestAsterisk, linecard: LinecardProcess): Promise<string[]> {
  const limitAtMs = performance.now() + LEFT_LIMIT_MS;
  for (;;) {
    const live = (await linecard.api.liveCalls()).map(({ id, state }) => `call ${id}, ${state}`);
    const left = [...live, ...(await leftovers(pbx))];
    if (left.length === 0 || performance.now() > limitAtMs) return left;
    await pause(100);
  }
}

async function figuresOf(pid: number, minute: number): Promise<Figures> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const rssMb = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? '0') / 1024;
  const files = (await readdir(`/proc/${pid}/fd`)).length;
  return { minute: Math.round(minute), rssMb: Math.round(rssMb * 10) / 10, files };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
