import { systemClock, wait } from '../../src/core/clock.js';
import type { TestAsterisk } from './asterisk.js';
import type { LinecardProcess, ShownCall } from './linecard.js';
import { Phone } from './phone/phone.js';
import type { PhoneCall } from './phone/phone-call.js';
import { bursts, tone } from './phone/sources.js';
import type { TcpRelay } from './tcp-relay.js';

/** What can happen to the PBX, the connection to it, or the machines. */
export const OUTAGES = [
  'Asterisk killed',
  'core restart now',
  'ARI cut',
  'Asterisk stands still',
  'Linecard stands still',
  'all stands still',
] as const;
export type Outage = (typeof OUTAGES)[number];

/** Where a call can be when it happens. */
export const MOMENTS = [
  'talking',
  'on hold',
  'a person is rung',
  'a person is told',
  'with a person',
  'in a conference',
  'supervised',
] as const;
export type Moment = (typeof MOMENTS)[number];

/** For a Linecard at whose ARI the relay stands. */
export function outageConfig(asterisk: TestAsterisk, relay: TcpRelay): Record<string, unknown> {
  const { ari, app } = asterisk.config;
  const url = `http://127.0.0.1:${relay.port}`;
  return {
    pbx: [{ kind: 'asterisk', name: 'main', ari: { url, ...ari }, app }],
    extensions: { '7000': { agent: 'loop', fallback: '6004' } },
    destinations: { sales: { dial: '6002', label: 'Sales', mode: 'warm', ringSeconds: 30 } },
    transfers: { graceSeconds: 60, maxPerCall: 10 },
  };
}

/** For `startAsterisk`: caller, person, supervisor and fallback. */
export const OUTAGE_PHONES = ['6001', '6002', '6003', '6004'].map((number) => ({
  number,
  password: `secret${number}`,
  label: `Phone ${number}`,
}));

/** Milliseconds that one story took; absent: it has no such part. */
export type OutageFigures = {
  /** From the end of the outage until calls can be taken. */
  readonly readyMs: number;
  /** From there until a new call hears the agent. */
  readonly servedMs: number;
  /** From the end of the outage until the caller of before hears whom they should. */
  readonly heardMs: number | null;
};

export type OutagesOptions = {
  readonly asterisk: TestAsterisk;
  /** With `outageConfig`. */
  readonly linecard: LinecardProcess;
  readonly relay: TcpRelay;
  /** How long a connection is cut, or something stands still. */
  readonly outageMs: number;
};

/** The agent is an echo. */
const CALLER_HZ = 440;
const PERSON_HZ = 1000;
/** A machine that is busy with other work takes its time. */
const LIMIT_MS = 30_000;
const LOOK_MS = 20;

type Phones = Readonly<Record<'caller' | 'person' | 'supervisor' | 'fallback', Phone>>;
type Scene = {
  readonly phones: Phones;
  readonly call: PhoneCall;
  readonly id: string;
  /** After an outage that the call outlives: everybody hears whom they should, then they hang up. Told when the caller does. */
  readonly goesOn: (heard: () => void) => Promise<void>;
};

/** Outages of a real Asterisk and of the machines, each in the middle of a call, told one after the other. */
export class Outages {
  readonly #options: OutagesOptions;

  constructor(options: OutagesOptions) {
    this.#options = options;
  }

  /** Rejects when somebody is lost, when a call ends otherwise than it should, or when the next one is not served. */
  async tell(outage: Outage, moment: Moment): Promise<OutageFigures> {
    const phones = await this.#openPhones();
    try {
      const scene = await this.#scene(phones, moment);
      const callsSurvive = outage !== 'Asterisk killed' && outage !== 'core restart now';
      await this.#strike(outage);
      const overAtMs = performance.now();
      let heardMs: number | null = null;
      if (callsSurvive) await scene.goesOn(() => (heardMs = performance.now() - overAtMs));
      await this.#isReady();
      const readyMs = performance.now() - overAtMs;
      await this.#ended(scene.id, callsSurvive ? 'none' : 'pbx');
      const servedMs = await this.#newCall(callsSurvive ? phones : await this.#again(phones));
      return { readyMs, servedMs, heardMs };
    } finally {
      await closePhones(phones);
    }
  }

  async #openPhones(): Promise<Phones> {
    const server = { host: '127.0.0.1', port: this.#options.asterisk.config.sipPort };
    const open = async (user: string, incoming: 'answer' | 'ring'): Promise<Phone> => {
      const phone = await Phone.open({ server, user, password: `secret${user}`, incoming });
      await phone.register();
      return phone;
    };
    const [caller, person, supervisor, fallback] = await Promise.all([
      open('6001', 'ring'),
      open('6002', 'ring'),
      open('6003', 'answer'),
      open('6004', 'answer'),
    ]);
    return { caller, person, supervisor, fallback };
  }

  /** A PBX that was started again knows nobody's calls: these phones begin anew. */
  async #again(phones: Phones): Promise<Phones> {
    for (const phone of Object.values(phones)) await phone.register();
    return phones;
  }

  async #scene(phones: Phones, moment: Moment): Promise<Scene> {
    const { linecard } = this.#options;
    const call = await phones.caller.dial('7000');
    await call.answered(LIMIT_MS);
    call.play(tone(CALLER_HZ));
    await call.recording.hears(CALLER_HZ, LIMIT_MS);
    const { id } = await this.#only((calls) => calls.length === 1);
    const ask = async (what: string, body: object = {}): Promise<void> => {
      const response = await linecard.api.fetch('POST', `/v1/calls/${id}/${what}`, body);
      if (!response.ok) throw new Error(`${what} was answered ${response.status}: ${await response.text()}`);
    };
    const scene = { phones, call, id };
    const withAgent = async (heard: () => void): Promise<void> => {
      await call.recording.hears(CALLER_HZ, LIMIT_MS);
      heard();
      await call.hangUp();
    };
    const rung = async (mode: 'warm' | 'conference'): Promise<PhoneCall> => {
      await ask('transfer', { to: 'sales', mode });
      return phones.person.rung(LIMIT_MS);
    };
    const told = async (person: PhoneCall, source = tone(PERSON_HZ)): Promise<void> => {
      person.answer();
      person.play(source);
      await person.recording.receives(10, LIMIT_MS);
    };
    const taken = async (person: PhoneCall): Promise<void> => {
      await person.sendDigits('1');
      await bothHear(call, person);
    };
    const withPerson = async (person: PhoneCall, heard: () => void): Promise<void> => {
      await bothHear(call, person);
      heard();
      await call.hangUp();
      await person.ends(LIMIT_MS);
    };
    switch (moment) {
      case 'talking':
        return { ...scene, goesOn: withAgent };
      case 'on hold':
        await ask('hold');
        await this.#only(([only]) => only?.state === 'held');
        return {
          ...scene,
          goesOn: async (heard) => {
            await this.#isReady();
            if ((await linecard.api.liveCalls())[0]?.state !== 'held')
              throw new Error('the call is not on hold any more');
            await ask('resume');
            await withAgent(heard);
          },
        };
      case 'a person is rung': {
        const person = await rung('warm');
        return {
          ...scene,
          goesOn: async (heard) => {
            // Who picks up while nobody of ours is connected is hung up by the PBX.
            await this.#isReady();
            await told(person);
            await taken(person);
            await withPerson(person, heard);
          },
        };
      }
      case 'a person is told': {
        const person = await rung('warm');
        await told(person);
        return {
          ...scene,
          goesOn: async (heard) => {
            await this.#isReady();
            await taken(person);
            await withPerson(person, heard);
          },
        };
      }
      case 'with a person': {
        const person = await rung('warm');
        await told(person);
        await taken(person);
        return { ...scene, goesOn: (heard) => withPerson(person, heard) };
      }
      case 'in a conference': {
        const person = await rung('conference');
        await told(person, bursts(PERSON_HZ));
        await person.sendDigits('1');
        await this.#only(([only]) => only?.state === 'talking');
        await person.recording.hears(CALLER_HZ, LIMIT_MS);
        return {
          ...scene,
          goesOn: async (heard) => {
            await person.recording.hears(CALLER_HZ, LIMIT_MS);
            heard();
            await call.hangUp();
            await person.ends(LIMIT_MS);
          },
        };
      }
      case 'supervised': {
        await ask('supervise', { endpoint: '6003', mode: 'listen' });
        const supervisor = await phones.supervisor.rung(LIMIT_MS);
        await supervisor.recording.hears(CALLER_HZ, LIMIT_MS);
        return {
          ...scene,
          goesOn: async (heard) => {
            await Promise.all([call, supervisor].map(({ recording }) => recording.hears(CALLER_HZ, LIMIT_MS)));
            heard();
            await call.hangUp();
            await supervisor.ends(LIMIT_MS);
          },
        };
      }
    }
  }

  /** Resolves when it is over. */
  async #strike(outage: Outage): Promise<void> {
    const { asterisk, linecard, relay, outageMs } = this.#options;
    switch (outage) {
      case 'Asterisk killed':
        process.kill(pidOf(asterisk), 'SIGKILL');
        await asterisk.ended;
        await asterisk.start();
        return;
      case 'core restart now': {
        const before = await this.#startedAt();
        // The command line it is said on ends with it.
        await asterisk.cli('core restart now').catch(() => '');
        const { ended } = asterisk;
        const anew = this.#until('Asterisk has been restarted', async () => {
          return asterisk.pid === null || ![before, ''].includes(await this.#startedAt());
        });
        await Promise.race([ended, anew]);
        // A private one cannot find itself, and ends; elsewhere it is the same process.
        if (asterisk.pid === null) await asterisk.start();
        else await asterisk.cli('core waitfullybooted');
        await anew;
        return;
      }
      case 'ARI cut':
        relay.cut();
        await wait(systemClock, outageMs);
        relay.mend();
        return;
      case 'Asterisk stands still':
        await standStill([pidOf(asterisk)], outageMs);
        return;
      case 'Linecard stands still':
        await standStill([linecard.pid], outageMs);
        return;
      case 'all stands still':
        await standStill([pidOf(asterisk), linecard.pid], outageMs);
        return;
    }
  }

  /** As Asterisk says; empty while it says nothing. */
  async #startedAt(): Promise<string> {
    const { ariUrl, config } = this.#options.asterisk;
    const login = Buffer.from(`${config.ari.username}:${config.ari.password}`).toString('base64');
    try {
      const response = await fetch(`${ariUrl}/ari/asterisk/info`, { headers: { authorization: `Basic ${login}` } });
      const info = (await response.json()) as { readonly status?: { readonly startup_time?: string } };
      return info.status?.startup_time ?? '';
    } catch {
      return ''; // it is away
    }
  }

  /** It takes calls. */
  async #isReady(): Promise<void> {
    await this.#until('it takes calls', async () => (await this.#options.linecard.api.fetch('GET', '/readyz')).ok);
  }

  async #ended(id: string, fault: 'none' | 'pbx'): Promise<void> {
    const { api } = this.#options.linecard;
    const outcomeOf = async (): Promise<ShownCall['outcome']> => {
      const call = (await api.calls()).find((one) => one.id === id);
      return call?.outcome ?? null;
    };
    await this.#until('the call of before has ended', async () => (await outcomeOf()) !== null);
    const outcome = await outcomeOf();
    if (outcome?.fault !== fault) throw new Error(`the call ended as ${JSON.stringify(outcome)}, not by ${fault}`);
    await this.#until('nothing is live any more', async () => (await api.liveCalls()).length === 0);
  }

  async #newCall({ caller }: Phones): Promise<number> {
    const startedAtMs = performance.now();
    const call = await caller.dial('7000');
    await call.answered(LIMIT_MS);
    call.play(tone(CALLER_HZ));
    await call.recording.hears(CALLER_HZ, LIMIT_MS);
    const servedMs = performance.now() - startedAtMs;
    await call.hangUp();
    const { api } = this.#options.linecard;
    await this.#until('the new call has ended', async () => (await api.liveCalls()).length === 0);
    return servedMs;
  }

  async #only(is: (calls: readonly ShownCall[]) => boolean): Promise<ShownCall> {
    const { api } = this.#options.linecard;
    let calls: readonly ShownCall[] = [];
    await this.#until('the call is listed as it is', async () => {
      calls = await api.liveCalls();
      return is(calls);
    });
    const [call] = calls;
    if (call === undefined) throw new Error('there is no call');
    return call;
  }

  async #until(what: string, isTrue: () => Promise<boolean>): Promise<void> {
    const limitAtMs = performance.now() + LIMIT_MS;
    while (!(await isTrue())) {
      if (performance.now() > limitAtMs) throw new Error(`not within ${LIMIT_MS} ms: ${what}`);
      await wait(systemClock, LOOK_MS);
    }
  }
}

async function bothHear(caller: PhoneCall, person: PhoneCall): Promise<void> {
  await Promise.all([caller.recording.hears(PERSON_HZ, LIMIT_MS), person.recording.hears(CALLER_HZ, LIMIT_MS)]);
}

async function closePhones(phones: Phones): Promise<void> {
  await Promise.all(Object.values(phones).map((phone) => phone.close()));
}

async function standStill(pids: readonly number[], forMs: number): Promise<void> {
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  try {
    await wait(systemClock, forMs);
  } finally {
    for (const pid of pids) process.kill(pid, 'SIGCONT');
  }
}

function pidOf({ pid }: TestAsterisk): number {
  if (pid === null) throw new Error('Asterisk does not run');
  return pid;
}
