import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Supervisor } from '../src/cli/supervisor.js';
import { PROJECT_DIR } from '../src/demo/asterisk-install.js';
import { findFreePort } from '../src/demo/ports.js';
import { startAsterisk, type TestAsterisk } from '../test/support/asterisk.js';
import { leftovers } from '../test/support/left-behind.js';
import { LinecardApi } from '../test/support/linecard.js';
import { Phone } from '../test/support/phone/phone.js';
import type { PhoneCall } from '../test/support/phone/phone-call.js';
import { tone } from '../test/support/phone/sources.js';
import { randomFrom } from '../test/support/random.js';
import { printResult, round, sleep } from './support/media-bench.js';

// The supervisor of `npm start` with the serving process as it is shipped, on a real Asterisk. Some phones call, each at a moment of its own, and at another moment the process is
// killed. A call has survived when its caller hears the agent (an echo: their own tone) or the human of the fallback, and was not hung up.

const KILLS = Number(process.env['LINECARD_BENCH_KILLS'] ?? '25');
const CALLS = Number(process.env['LINECARD_BENCH_KILLED_CALLS'] ?? '4');
const random = randomFrom(Number(process.env['LINECARD_BENCH_SEED'] ?? '1'));
/** A call begins and the process dies within this time of each other, in either order. */
const MOMENTS_MS = 2500;
const SURVIVAL_LIMIT_MS = 30_000;
/** Nobody's echo, and not in the music. */
const HUMAN_HZ = 2900;

type Fate = { readonly with: 'agent' | 'human' | 'nobody'; readonly ms: number; readonly wasTalking: boolean };

const dataDir = await mkdtemp(path.join(os.tmpdir(), 'linecard-unplug-'));
const asterisk = await startAsterisk({ audiosocket: `127.0.0.1:${await findFreePort()}` });
const config = path.join(dataDir, 'linecard.yaml');
const httpPort = await findFreePort();
await writeFile(config, JSON.stringify(configOf(asterisk)));
let pid = 0;
let readies = 0;
const supervisor = new Supervisor({
  script: path.join(PROJECT_DIR, 'dist/main.js'),
  env: { ...process.env, LINECARD_CONFIG: config, LINECARD_LOG_LEVEL: process.env['LINECARD_LOG_LEVEL'] ?? 'error' },
  dataDir,
  onEvent: (event) => {
    if (event.kind !== 'ready') return;
    pid = event.pid;
    readies += 1;
  },
});
const ended = supervisor.run();
const fates: Fate[] = [];
const server = { host: '127.0.0.1', port: asterisk.config.sipPort };
const human = await Phone.open({ server, user: '6001', password: 'secret6001' });
try {
  await human.register();
  const spokenTo = new Set<PhoneCall>();
  const speaking = setInterval(() => {
    for (const call of human.calls) {
      if (call.state !== 'talking' || spokenTo.has(call)) continue;
      spokenTo.add(call);
      call.play(tone(HUMAN_HZ));
    }
  }, 100);
  for (let kill = 0; kill < KILLS; kill++) {
    // A registration is for five minutes.
    if (kill % 10 === 9) await human.register();
    fates.push(...(await oneKill(kill)));
  }
  clearInterval(speaking);
  await untilReady(KILLS + 1);
  await sleep(2000);
  const live = await new LinecardApi(`http://127.0.0.1:${httpPort}`).liveCalls();
  const left = [...live.map(({ id }) => `call ${id}`), ...(await leftovers(asterisk))];
  const survived = fates.filter((fate) => fate.with !== 'nobody');
  const talking = survived.filter(({ wasTalking, with: who }) => wasTalking && who === 'agent');
  const ms = talking.map((fate) => fate.ms).sort((a, b) => a - b);
  printResult({
    name: 'unplug: calls that survive kill -9 at random moments on a real Asterisk',
    value: survived.length,
    unit: `of ${fates.length} calls`,
    kills: KILLS,
    withAgent: fates.filter((fate) => fate.with === 'agent').length,
    withHuman: fates.filter((fate) => fate.with === 'human').length,
    leftBehind: left,
  });
  printResult({
    name: 'unplug: from kill -9 to the agent heard again',
    value: round(at(ms, 0.5), 0),
    unit: 'ms',
    p95: round(at(ms, 0.95), 0),
    max: round(at(ms, 1), 0),
    calls: ms.length,
  });
} finally {
  await human.close();
  supervisor.stop();
  await ended;
  await asterisk.stop();
  await rm(dataDir, { recursive: true, force: true });
}

async function oneKill(index: number): Promise<Fate[]> {
  await untilReady(index + 1);
  const callers = await Phone.open({ server, user: '6002', password: 'secret6002' });
  try {
    let killedAtMs = Infinity;
    const killing = sleep(random() * MOMENTS_MS).then(() => {
      process.kill(pid, 'SIGKILL');
      killedAtMs = performance.now();
    });
    const calls = Array.from({ length: CALLS }, async (_, i) => {
      await sleep(random() * MOMENTS_MS);
      const call = await callers.dial('7000');
      const hz = 700 + 100 * i;
      call.play(tone(hz));
      await killing;
      const wasTalking = call.state === 'talking';
      const who = await Promise.any([
        heardFrom(call, hz).then(() => 'agent' as const),
        heardFrom(call, HUMAN_HZ).then(() => 'human' as const),
      ]).catch(() => 'nobody' as const);
      const ms = performance.now() - killedAtMs;
      if (who === 'nobody')
        process.stderr.write(
          `bench: kill ${index}, call ${i}: ${call.state} after ${round(ms, 0)} ms, ${JSON.stringify(call.ending)}\n`,
        );
      return { with: who, ms, wasTalking };
    });
    return await Promise.all(calls);
  } finally {
    await callers.close();
  }
}

/** Heard after the death, not what was still under way. */
async function heardFrom(call: PhoneCall, hz: number): Promise<void> {
  await sleep(250);
  await call.answered(SURVIVAL_LIMIT_MS);
  await call.recording.hears(hz, SURVIVAL_LIMIT_MS);
}

async function untilReady(count: number): Promise<void> {
  const limitAtMs = performance.now() + 60_000;
  while (readies < count) {
    if (performance.now() > limitAtMs) throw new Error(`Linecard is not ready for the ${count}th time`);
    await sleep(20);
  }
}

function configOf({ config: { ari, app, audiosocket }, ariUrl }: TestAsterisk): Record<string, unknown> {
  const [host = '127.0.0.1', port = '0'] = audiosocket.split(':');
  return {
    http: { port: httpPort, token: 'token-of-the-tests' },
    dataDir,
    audiosocket: { host, port: Number(port) },
    pbx: [{ kind: 'asterisk', name: 'main', ari: { url: ariUrl, ...ari }, app }],
    agents: { loop: { provider: 'echo' } },
    extensions: { '7000': { agent: 'loop', fallback: '6001' } },
  };
}

function at(sorted: readonly number[], part: number): number {
  return sorted[Math.floor(part * (sorted.length - 1))] ?? NaN;
}
