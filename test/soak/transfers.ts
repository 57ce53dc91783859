import { readdir } from 'node:fs/promises';
import { findFreePort } from '../../src/demo/ports.js';
import { startAsterisk, type TestAsterisk } from '../support/asterisk.js';
import { leftovers } from '../support/left-behind.js';
import { startLinecardProcess, type LinecardProcess } from '../support/linecard.js';
import { Phone } from '../support/phone/phone.js';
import type { PhoneCall } from '../support/phone/phone-call.js';
import { isTone } from '../support/phone/recording.js';
import { tone } from '../support/phone/sources.js';
import { randomFrom } from '../support/random.js';

// `node --import tsx test/soak/transfers.ts` (after `npm run build`): a thousand transfers on a real Asterisk, at random moments somebody hangs up, declines, holds,
// joins or is not there. It fails when a party does not hear whom they should, or when a channel, a bridge, a call or a file is left at the end.

const TRANSFERS = Number(process.env['LINECARD_SOAK_TRANSFERS'] ?? '1000');
const LANES = Number(process.env['LINECARD_SOAK_LANES'] ?? '4');
const SEED = Number(process.env['LINECARD_SOAK_SEED'] ?? '1');
const GRACE_MS = 1000;
const LEFT_LIMIT_MS = 40_000;
const REGISTERED_MS = 120_000;
/** All of the phones are in one process: what is heard takes longer than it takes to arrive. */
const HEARING_LIMIT_MS = 15_000;

/** Who is in a story: each lane has phones, a destination and tones of its own. */
type Lane = {
  readonly caller: Phone;
  readonly first: Phone;
  readonly second: Phone;
  readonly destination: string;
  readonly callerHz: number;
  readonly personHz: number;
  readonly registered: { atMs: number };
};
type Talk = { readonly lane: Lane; readonly call: PhoneCall; readonly id: string };

const random = randomFrom(SEED);
const failures: string[] = [];
const talkingMs: number[] = [];
const silentMs: number[] = [];
const told = new Map<string, number>();
let done = 0;

const numbers = Array.from({ length: LANES }, (_, lane) => ['61', '62', '63'].map((kind) => `${kind}${10 + lane}`));
async function soak(pbx: TestAsterisk, linecard: LinecardProcess): Promise<void> {
  const lanes = await Promise.all(numbers.map((of, index) => openLane(pbx, of, index)));
  const filesBefore = (await readdir(`/proc/${linecard.pid}/fd`)).length;
  await Promise.all(lanes.map((lane) => again(linecard, lane)));
  const left = await untilNothingIsLeft(pbx, linecard);
  const files = (await readdir(`/proc/${linecard.pid}/fd`)).length - filesBefore;
  await Promise.all(
    lanes.flatMap(({ caller, first, second }) => [caller, first, second].map((phone) => phone.close())),
  );
  const figure = (name: string, values: readonly number[]): void => {
    const sorted = [...values].sort((a, b) => a - b);
    const at = (part: number): number =>
      Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? -1);
    const fields = { name, value: at(0.95), unit: 'ms', p50: at(0.5), most: at(1), count: values.length };
    process.stdout.write(`${JSON.stringify(fields)}\n`);
  };
  figure('transfer-accepted-to-talking', talkingMs);
  figure('caller-gone-to-silent-phone', silentMs);
  const stories = Object.fromEntries(told);
  process.stdout.write(`${JSON.stringify({ transfers: done, stories, failures, left, filesMore: files })}\n`);
  if (failures.length > 0 || left.length > 0) process.exitCode = 1;
}

async function openLane(pbx: TestAsterisk, of: readonly string[], index: number): Promise<Lane> {
  const server = { host: '127.0.0.1', port: pbx.config.sipPort };
  const [caller, first, second] = await Promise.all(
    of.map(async (user) => {
      const phone = await Phone.open({ server, user, password: `secret${user}`, incoming: 'ring' });
      await phone.register();
      return phone;
    }),
  );
  if (caller === undefined || first === undefined || second === undefined) throw new Error('a lane has three phones');
  return {
    caller,
    first,
    second,
    destination: `lane${index}`,
    callerHz: 400 + 100 * index,
    personHz: 1500 + 100 * index,
    registered: { atMs: performance.now() },
  };
}

/** Registrations last five minutes. Calls that a story left ringing are not the next one's. */
async function registerAgain(lane: Lane): Promise<void> {
  const phones = [lane.caller, lane.first, lane.second];
  for (const phone of phones) phone.forgetRung();
  if (performance.now() - lane.registered.atMs < REGISTERED_MS) return;
  lane.registered.atMs = performance.now();
  await Promise.all(phones.map((phone) => phone.register()));
}

async function again(linecard: LinecardProcess, lane: Lane): Promise<void> {
  while (done < TRANSFERS) {
    done += 1;
    const story = pick();
    told.set(story.name, (told.get(story.name) ?? 0) + 1);
    await registerAgain(lane);
    const call = await lane.caller.dial('7009');
    try {
      await call.answered();
      call.play(tone(lane.callerHz));
      await call.recording.hears(lane.callerHz, HEARING_LIMIT_MS);
      const id = await idOf(linecard, lane);
      await story({ lane, call, id }, linecard);
    } catch (error) {
      failures.push(`${story.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
    await Promise.allSettled(
      [lane.caller, lane.first, lane.second].flatMap(({ calls }) => calls.map((one) => one.hangUp())),
    );
    if (done % 50 === 0) process.stdout.write(`${JSON.stringify({ transfers: done, failed: failures.length })}\n`);
  }
}

type Story = (talk: Talk, linecard: LinecardProcess) => Promise<void>;

const accepted: Story = async (talk, linecard) => {
  const person = await taken(talk, linecard, 'warm');
  const end = random();
  if (end < 0.3) {
    await talk.call.hangUp();
    await person.ends();
  } else if (end < 0.6) {
    await person.hangUp();
    await backWithTheAgent(talk);
  } else {
    // They are released to the PBX meanwhile, or just now.
    await pause(GRACE_MS + random() * 200 - 100);
    await person.hangUp();
    await Promise.race([talk.call.ends(), backWithTheAgent(talk)]);
  }
};

const conference: Story = async (talk, linecard) => {
  const person = await taken(talk, linecard, 'conference');
  if (random() < 0.5) {
    await talk.call.hangUp();
    await person.ends();
  } else {
    await person.hangUp();
    await backWithTheAgent(talk);
  }
};

const declined: Story = async (talk, linecard) => {
  const person = await briefed(talk, linecard, 'warm');
  press(person, '2');
  await pause(random() * 300);
  if (random() < 0.5) press(person, '1');
  else await person.hangUp();
  (await talk.lane.second.rung()).reject(random() < 0.5 ? 486 : 603);
  await backWithTheAgent(talk);
};

const busy: Story = async (talk, linecard) => {
  await ask(talk, linecard, 'warm');
  (await talk.lane.first.rung()).reject(486);
  (await talk.lane.second.rung()).reject(603);
  await backWithTheAgent(talk);
};

const callerLeaves: Story = async (talk, linecard) => {
  await ask(talk, linecard, 'warm');
  const person = await talk.lane.first.rung();
  const picksUp = random() < 0.6;
  if (picksUp) person.answer();
  await pause(random() * 400);
  const goneAtMs = performance.now();
  void Promise.allSettled([talk.call.hangUp()]);
  await person.ends();
  silentMs.push(performance.now() - goneAtMs);
};

const personLeaves: Story = async (talk, linecard) => {
  const person = await briefed(talk, linecard, random() < 0.5 ? 'warm' : 'conference');
  await pause(random() * 400);
  await person.hangUp();
  (await talk.lane.second.rung()).reject(486);
  await backWithTheAgent(talk);
};

const blind: Story = async (talk, linecard) => {
  await ask(talk, linecard, 'blind');
  const person = await talk.lane.first.rung();
  person.answer();
  person.play(tone(talk.lane.personHz));
  await talk.call.recording.hears(talk.lane.personHz, HEARING_LIMIT_MS);
  await person.hangUp();
};

const operatorEnds: Story = async (talk, linecard) => {
  await ask(talk, linecard, 'warm');
  const person = await talk.lane.first.rung();
  if (random() < 0.5) person.answer();
  await pause(random() * 400);
  await linecard.api.fetch('POST', `/v1/calls/${talk.id}/hangup`, {});
  await Promise.all([talk.call.ends(), person.ends()]);
};

/** The caller's own transfer key: the agent goes on with another phone. */
const passedOn: Story = async (talk) => {
  const transferring = Promise.allSettled([talk.call.transfer(talk.lane.second.user)]);
  const other = await talk.lane.second.rung();
  other.answer();
  other.play(tone(talk.lane.personHz));
  await transferring;
  await other.recording.hears(talk.lane.personHz, HEARING_LIMIT_MS);
  await other.hangUp();
};

function pick(): Story {
  const stories = [
    accepted,
    accepted,
    accepted,
    conference,
    declined,
    busy,
    callerLeaves,
    personLeaves,
    blind,
    operatorEnds,
    passedOn,
  ];
  return stories[Math.floor(random() * stories.length)] ?? accepted;
}

/** A key; the party may be gone before its last packet is out. */
function press(party: PhoneCall, digit: string): void {
  void Promise.allSettled([party.sendDigits(digit)]);
}

async function ask({ lane, id }: Talk, { api }: LinecardProcess, mode: 'warm' | 'conference' | 'blind'): Promise<void> {
  const response = await api.fetch('POST', `/v1/calls/${id}/transfer`, { to: lane.destination, mode });
  if (!response.ok) throw new Error(`transfer was answered ${response.status}: ${await response.text()}`);
}

/** Somebody picked up, and hears who calls: something that is no tone. */
async function briefed(talk: Talk, linecard: LinecardProcess, mode: 'warm' | 'conference'): Promise<PhoneCall> {
  await ask(talk, linecard, mode);
  const person = await talk.lane.first.rung();
  if (random() < 0.2) await talk.call.hold();
  person.answer();
  person.play(tone(talk.lane.personHz));
  await person.recording.receives(10, HEARING_LIMIT_MS);
  if (talk.call.state === 'talking') await talk.call.resume();
  return person;
}

/** The same, and they took the call by key. */
async function taken(talk: Talk, linecard: LinecardProcess, mode: 'warm' | 'conference'): Promise<PhoneCall> {
  const { call, lane } = talk;
  const person = await briefed(talk, linecard, mode);
  await pause(random() * 500);
  const pressedAtMs = performance.now();
  press(person, '1');
  await Promise.all([
    call.recording.hears(lane.personHz, HEARING_LIMIT_MS),
    mode === 'warm' ? person.recording.hears(lane.callerHz, HEARING_LIMIT_MS) : null,
  ]);
  if (mode === 'warm') {
    const heard = [firstHeardMs(call, lane.personHz, pressedAtMs), firstHeardMs(person, lane.callerHz, pressedAtMs)];
    talkingMs.push(Math.max(...heard));
  }
  return person;
}

function firstHeardMs({ recording }: PhoneCall, hz: number, fromMs: number): number {
  const first = recording.between(fromMs).find(({ samples }) => isTone(samples, hz));
  return (first?.atMs ?? Number.NaN) - fromMs;
}

async function backWithTheAgent({ call, lane }: Talk): Promise<void> {
  await call.recording.hears(lane.callerHz, HEARING_LIMIT_MS);
}

async function idOf({ api }: LinecardProcess, { caller }: Lane): Promise<string> {
  const live = (await api.liveCalls()) as unknown as { id: string; caller: { number: string } }[];
  const call = live.find((one) => one.caller.number === caller.user);
  if (call === undefined) throw new Error('the call is not in the list');
  return call.id;
}

async function untilNothingIsLeft(pbx: TestAsterisk, { api }: LinecardProcess): Promise<string[]> {
  const limitAtMs = performance.now() + LEFT_LIMIT_MS;
  for (;;) {
    const live = (await api.liveCalls()).map(({ id, state }) => `call ${id}, ${state}`);
    const left = [...live, ...(await leftovers(pbx))];
    if (left.length === 0 || performance.now() > limitAtMs) return left;
    await pause(100);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

const asterisk = await startAsterisk({
  audiosocket: `127.0.0.1:${await findFreePort()}`,
  phones: numbers.flat().map((number) => ({ number, password: `secret${number}`, label: `Phone ${number}` })),
});
try {
  const linecard = await startLinecardProcess({
    asterisk,
    config: {
      extensions: { '7009': { agent: 'loop' } },
      destinations: Object.fromEntries(
        numbers.map(([, first = '', second = ''], lane) => [
          `lane${lane}`,
          { dial: first, then: [second], label: `Lane ${lane}`, mode: 'warm', ringSeconds: 5 },
        ]),
      ),
      transfers: { graceSeconds: GRACE_MS / 1000, maxPerCall: 10 },
    },
  });
  try {
    await soak(asterisk, linecard);
  } finally {
    await linecard.close();
  }
} finally {
  await asterisk.stop();
}
