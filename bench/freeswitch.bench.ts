import { findFreePort } from '../src/demo/ports.js';
import { FREESWITCH_PREFIX, TestFreeSwitch } from '../test/support/freeswitch.js';
import { startLinecardProcess } from '../test/support/linecard.js';
import { Phone } from '../test/support/phone/phone.js';
import type { PhoneCall } from '../test/support/phone/phone-call.js';
import type { CodecName } from '../test/support/phone/sdp.js';
import { Bursts } from './support/bursts.js';
import { printResult, round, sleep } from './support/media-bench.js';
import { measurePhones } from './support/phone-media.js';

const CALLS = Number(process.env['LINECARD_BENCH_PHONE_CALLS'] ?? '10');
const SECONDS = Number(process.env['LINECARD_BENCH_PHONE_SECONDS'] ?? '10');
const LOAD_CALLS = Number(process.env['LINECARD_BENCH_LOAD_CALLS'] ?? '50');
const LOAD_SECONDS = Number(process.env['LINECARD_BENCH_LOAD_SECONDS'] ?? '300');
/** The first seconds of a call are its ringing and the compiling of code. */
const LOAD_WARM_UP_SECONDS = 10;

/** FreeSWITCH's own echo, for what is not ours. */
const OWN_ECHO = `
<extension name="own_echo"><condition field="destination_number" expression="^7007$">
  <action application="answer"/>
  <action application="echo"/>
</condition></extension>
`;

if (FREESWITCH_PREFIX === '') {
  process.stderr.write('bench: FREESWITCH_PREFIX names no FreeSWITCH, nothing is measured\n');
} else {
  const socketPort = await findFreePort();
  const freeswitch = await TestFreeSwitch.start({ socketPort, fallback: '1001', extensions: OWN_ECHO });
  try {
    const extensions = { '7000': { agent: 'loop', fallback: '1001' } };
    const linecard = await startLinecardProcess({ config: { pbx: [freeswitch.pbxConfig], extensions } });
    try {
      for (const codec of ['PCMU', 'G722'] as const) await measureDelay(freeswitch, codec);
      await measureGaps(freeswitch, '7007', Math.min(LOAD_SECONDS, 30), "FreeSWITCH's own echo, for comparison");
      await measureGaps(freeswitch, '7000', LOAD_SECONDS, 'the echo agent');
      process.stderr.write(`bench: FreeSWITCH ${freeswitch.alive ? 'lives' : 'has died'}\n`);
    } finally {
      await linecard.close();
    }
  } finally {
    await freeswitch.stop();
  }
}

async function measureDelay(freeswitch: TestFreeSwitch, codec: CodecName): Promise<void> {
  const delaysOf = async (extension: string): Promise<number[]> => {
    const phone = await openPhone(freeswitch, codec);
    try {
      const calls = [];
      for (let i = 0; i < CALLS; i++) {
        const call = await talk(phone, extension);
        const bursts = new Bursts();
        call.play(bursts.source);
        calls.push({ call, bursts });
      }
      await sleep(SECONDS * 1000);
      return calls.flatMap(({ call, bursts }) => bursts.delaysMs(call.recording)).sort((a, b) => a - b);
    } finally {
      await phone.close();
    }
  };
  const own = await delaysOf('7007');
  const ours = await delaysOf('7000');
  printResult({
    name: `freeswitch echo-delay ${codec}, p95 added by Linecard`,
    unit: 'ms',
    value: round(at(ours, 0.95) - at(own, 0.5), 1),
    addedP50: round(at(ours, 0.5) - at(own, 0.5), 1),
    bursts: ours.length,
    p50: round(at(ours, 0.5), 1),
    p95: round(at(ours, 0.95), 1),
    max: round(at(ours, 1), 1),
    freeswitchP50: round(at(own, 0.5), 1),
    freeswitchP95: round(at(own, 0.95), 1),
  });
}

/** Time between one RTP packet and the next at each phone, all calls at once, and how long an echo takes to come back. */
async function measureGaps(
  freeswitch: TestFreeSwitch,
  extension: string,
  seconds: number,
  what: string,
): Promise<void> {
  const phone = await openPhone(freeswitch, 'PCMU');
  try {
    const calls: PhoneCall[] = [];
    for (let i = 0; i < LOAD_CALLS; i++) calls.push(await talk(phone, extension));
    const figures = await measurePhones(calls, { warmUpSeconds: LOAD_WARM_UP_SECONDS, seconds });
    printResult({
      name: `freeswitch ${LOAD_CALLS} calls, ${what}`,
      unit: 'ms, longest gap at a phone',
      value: figures.gapMaxMs,
      stillTalking: calls.filter((call) => call.state === 'talking').length,
      ...figures,
    });
  } finally {
    await phone.close();
  }
}

async function openPhone(freeswitch: TestFreeSwitch, codec: CodecName): Promise<Phone> {
  const server = { host: '127.0.0.1', port: freeswitch.sipPort };
  const phone = await Phone.open({ server, user: '1002', password: 'secret1002', codecs: [codec] });
  await phone.register();
  return phone;
}

async function talk(phone: Phone, extension: string): Promise<PhoneCall> {
  const call = await phone.dial(extension);
  await call.answered();
  return call;
}

function at(sorted: readonly number[], part: number): number {
  return sorted[Math.floor(part * (sorted.length - 1))] ?? NaN;
}
