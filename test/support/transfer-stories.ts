import type { LinecardApi } from './linecard.js';
import type { TestAsterisk } from './asterisk.js';
import { leftovers } from './left-behind.js';
import { Phone } from './phone/phone.js';
import type { PhoneCall } from './phone/phone-call.js';
import { isTone } from './phone/recording.js';
import { bursts, silence, tone } from './phone/sources.js';
import { randomFrom } from './random.js';

/** Registrations last five minutes. */
const REGISTERED_MS = 120_000;
/** All of the phones are in one process: what is heard takes longer than it takes to arrive. */
const HEARING_LIMIT_MS = 15_000;
const LEFT_LIMIT_MS = 40_000;

export type TransferStoriesOptions = {
  /** With `setUp.phones`. */
  readonly asterisk: TestAsterisk;
  /** With `setUp.config`. */
  readonly api: LinecardApi;
  readonly setUp: LaneSetUp;
  readonly seed: number;
  /** In all, over all lanes. */
  readonly transfers: number;
  /** Told after each. */
  readonly onDone?: (done: number, failed: number) => void;
};

export type LaneSetUp = {
  /** Caller, first and second person of each lane. */
  readonly numbers: readonly (readonly [string, string, string])[];
  readonly graceMs: number;
};

/** Lanes side by side, each with phones and a destination of its own. */
export function laneSetUp(lanes: number, graceMs: number): LaneSetUp {
  const numbers = Array.from({ length: lanes }, (_, lane) => {
    const of = (kind: number): string => String(kind * 100 + 10 + lane);
    return [of(61), of(62), of(63)] as const;
  });
  return { numbers, graceMs };
}

/** For `startAsterisk`. */
export function lanePhones({ numbers }: LaneSetUp): { number: string; password: string; label: string }[] {
  return numbers.flat().map((number) => ({ number, password: `secret${number}`, label: `Phone ${number}` }));
}

/** For a Linecard that serves them at 7009. */
export function laneConfig({ numbers, graceMs }: LaneSetUp): Record<string, unknown> {
  const destinations = numbers.map(([, first, second], lane) => [
    `lane${lane}`,
    { dial: first, then: [second], label: `Lane ${lane}`, mode: 'warm', ringSeconds: 5 },
  ]);
  return {
    extensions: { '7009': { agent: 'loop' } },
    destinations: Object.fromEntries(destinations) as unknown,
    transfers: { graceSeconds: graceMs / 1000, maxPerCall: 10 },
  };
}

/** Who is in a story: each lane has phones, a destination and tones of its own. */
type Lane = {
  readonly caller: Phone;
  readonly first: Phone;
  readonly second: Phone;
  readonly destination: string;
  readonly callerHz: number;
  readonly personHz: number;
  registeredAtMs: number;
};
type Talk = { readonly lane: Lane; readonly call: PhoneCall; readonly id: string };
type Story = (talk: Talk) => Promise<void>;

/**
 * Transfers on a real Asterisk, each a story of its own: at random moments somebody takes the call, hangs up, declines, holds, joins or is not
 * there. What did not go as it should is in `failures`.
 */
export class TransferStories {
  readonly failures: string[] = [];
  /** From the key that takes the call until both hear each other. */
  readonly talkingMs: number[] = [];
  /** From the caller's hang-up until the person's phone is silent. */
  readonly silentMs: number[] = [];
  /** How often each was told. */
  readonly told = new Map<string, number>();
  readonly #options: TransferStoriesOptions;
  readonly #random: () => number;
  readonly #stories: readonly (readonly [name: string, story: Story])[];
  #begun = 0;
  #done = 0;

  constructor(options: TransferStoriesOptions) {
    this.#options = options;
    this.#random = randomFrom(options.seed);
    const accepted = ['accepted', (talk: Talk) => this.#accepted(talk)] as const;
    this.#stories = [
      accepted,
      accepted,
      accepted,
      ['conference', (talk) => this.#conference(talk)],
      ['declined', (talk) => this.#declined(talk)],
      ['busy', (talk) => this.#busy(talk)],
      ['caller leaves', (talk) => this.#callerLeaves(talk)],
      ['person leaves', (talk) => this.#personLeaves(talk)],
      ['blind', (talk) => this.#blind(talk)],
      ['operator ends', (talk) => this.#operatorEnds(talk)],
      ['passed on', (talk) => this.#passedOn(talk)],
    ];
  }

  /** Resolves when all were told; never rejects for what happens in one of them. */
  async tell(): Promise<void> {
    const lanes = await Promise.all(
      this.#options.setUp.numbers.map((numbers, index) => this.#openLane(numbers, index)),
    );
    try {
      await Promise.all(lanes.map((lane) => this.#tellIn(lane)));
    } finally {
      await Promise.all(
        lanes.flatMap(({ caller, first, second }) => [caller, first, second].map((phone) => phone.close())),
      );
    }
  }

  /** Calls, channels and bridges that are left when nothing changes any more; as a rule none. */
  async left(): Promise<string[]> {
    const { asterisk, api } = this.#options;
    const limitAtMs = performance.now() + LEFT_LIMIT_MS;
    for (;;) {
      const live = (await api.liveCalls()).map(({ id, state }) => `call ${id}, ${state}`);
      const left = [...live, ...(await leftovers(asterisk))];
      if (left.length === 0 || performance.now() > limitAtMs) return left;
      await pause(100);
    }
  }

  async #openLane(numbers: readonly string[], index: number): Promise<Lane> {
    const server = { host: '127.0.0.1', port: this.#options.asterisk.config.sipPort };
    const [caller, first, second] = await Promise.all(
      numbers.map(async (user) => {
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
      registeredAtMs: performance.now(),
    };
  }

  async #tellIn(lane: Lane): Promise<void> {
    const { transfers, onDone } = this.#options;
    const phones = [lane.caller, lane.first, lane.second];
    while (this.#begun < transfers) {
      this.#begun += 1;
      const [name, story] = this.#pick();
      this.told.set(name, (this.told.get(name) ?? 0) + 1);
      try {
        await registerAgain(lane);
        const call = await lane.caller.dial('7009');
        await call.answered();
        call.play(tone(lane.callerHz));
        await call.recording.hears(lane.callerHz, HEARING_LIMIT_MS);
        await story({ lane, call, id: await this.#idOf(lane) });
      } catch (error) {
        this.failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      }
      await Promise.allSettled(phones.flatMap(({ calls }) => calls.map((one) => one.hangUp())));
      this.#done += 1;
      onDone?.(this.#done, this.failures.length);
    }
  }

  #pick(): readonly [string, Story] {
    const story = this.#stories[Math.floor(this.#random() * this.#stories.length)];
    if (story === undefined) throw new Error('there is no story');
    return story;
  }

  async #accepted(talk: Talk): Promise<void> {
    const { person, pressedAtMs } = await this.#taken(talk, 'warm');
    const end = this.#random();
    if (end < 0.3) {
      await talk.call.hangUp();
      await person.ends();
      return;
    }
    // They are released to the PBX meanwhile, or just now, or on a slow machine a long time ago.
    const { graceMs } = this.#options.setUp;
    if (end >= 0.6) await pause(graceMs + this.#random() * 200 - 100);
    const isReleased = performance.now() - pressedAtMs > graceMs / 2;
    await person.hangUp();
    await Promise.race([backWithTheAgent(talk), ...(isReleased ? [talk.call.ends()] : [])]);
  }

  async #conference(talk: Talk): Promise<void> {
    const { person } = await this.#taken(talk, 'conference');
    if (this.#random() < 0.5) {
      await talk.call.hangUp();
      await person.ends();
    } else {
      await person.hangUp();
      talk.call.play(tone(talk.lane.callerHz));
      await backWithTheAgent(talk);
    }
  }

  async #declined(talk: Talk): Promise<void> {
    const person = await this.#briefed(talk, 'warm');
    press(person, '2');
    await pause(this.#random() * 300);
    if (this.#random() < 0.5) press(person, '1');
    else await person.hangUp();
    (await talk.lane.second.rung()).reject(this.#random() < 0.5 ? 486 : 603);
    await backWithTheAgent(talk);
  }

  async #busy(talk: Talk): Promise<void> {
    await this.#ask(talk, 'warm');
    (await talk.lane.first.rung()).reject(486);
    (await talk.lane.second.rung()).reject(603);
    await backWithTheAgent(talk);
  }

  async #callerLeaves(talk: Talk): Promise<void> {
    await this.#ask(talk, 'warm');
    const person = await talk.lane.first.rung();
    const picksUp = this.#random() < 0.6;
    if (picksUp) person.answer();
    await pause(this.#random() * 400);
    const goneAtMs = performance.now();
    void Promise.allSettled([talk.call.hangUp()]);
    await person.ends();
    this.silentMs.push(performance.now() - goneAtMs);
  }

  async #personLeaves(talk: Talk): Promise<void> {
    const person = await this.#briefed(talk, this.#random() < 0.5 ? 'warm' : 'conference');
    await pause(this.#random() * 400);
    await person.hangUp();
    (await talk.lane.second.rung()).reject(486);
    await backWithTheAgent(talk);
  }

  async #blind(talk: Talk): Promise<void> {
    await this.#ask(talk, 'blind');
    const person = await talk.lane.first.rung();
    person.answer();
    person.play(tone(talk.lane.personHz));
    await talk.call.recording.hears(talk.lane.personHz, HEARING_LIMIT_MS);
    await person.hangUp();
  }

  async #operatorEnds(talk: Talk): Promise<void> {
    await this.#ask(talk, 'warm');
    const person = await talk.lane.first.rung();
    if (this.#random() < 0.5) person.answer();
    await pause(this.#random() * 400);
    await this.#options.api.fetch('POST', `/v1/calls/${talk.id}/hangup`, {});
    await Promise.all([talk.call.ends(), person.ends()]);
  }

  /** The caller's own transfer key: the agent goes on with another phone. */
  async #passedOn(talk: Talk): Promise<void> {
    const transferring = Promise.allSettled([talk.call.transfer(talk.lane.second.user)]);
    const other = await talk.lane.second.rung();
    other.answer();
    other.play(tone(talk.lane.personHz));
    await transferring;
    await other.recording.hears(talk.lane.personHz, HEARING_LIMIT_MS);
    await other.hangUp();
  }

  async #ask({ lane, id }: Talk, mode: 'warm' | 'conference' | 'blind'): Promise<void> {
    const { api } = this.#options;
    const response = await api.fetch('POST', `/v1/calls/${id}/transfer`, { to: lane.destination, mode });
    if (!response.ok) throw new Error(`transfer was answered ${response.status}: ${await response.text()}`);
  }

  /** Somebody picked up, and hears who calls: something that is no tone. */
  async #briefed(talk: Talk, mode: 'warm' | 'conference'): Promise<PhoneCall> {
    await this.#ask(talk, mode);
    const person = await talk.lane.first.rung();
    if (this.#random() < 0.2) await talk.call.hold();
    person.answer();
    person.play(mode === 'conference' ? bursts(talk.lane.personHz) : tone(talk.lane.personHz));
    await person.recording.receives(10, HEARING_LIMIT_MS);
    if (talk.call.state === 'talking') await talk.call.resume();
    return person;
  }

  /** The same, and they took the call by key. */
  async #taken(talk: Talk, mode: 'warm' | 'conference'): Promise<{ person: PhoneCall; pressedAtMs: number }> {
    const { call, lane } = talk;
    const person = await this.#briefed(talk, mode);
    await pause(this.#random() * 500);
    // The agent is an echo, and would be heard with the person.
    if (mode === 'conference') call.play(silence);
    const pressedAtMs = performance.now();
    press(person, '1');
    await Promise.all([
      call.recording.hears(lane.personHz, HEARING_LIMIT_MS),
      mode === 'warm' ? person.recording.hears(lane.callerHz, HEARING_LIMIT_MS) : null,
    ]);
    if (mode === 'warm') {
      const heard = [firstHeardMs(call, lane.personHz, pressedAtMs), firstHeardMs(person, lane.callerHz, pressedAtMs)];
      this.talkingMs.push(Math.max(...heard));
    }
    return { person, pressedAtMs };
  }

  async #idOf({ caller }: Lane): Promise<string> {
    const live = (await this.#options.api.liveCalls()) as unknown as { id: string; caller: { number: string } }[];
    const call = live.find((one) => one.caller.number === caller.user);
    if (call === undefined) throw new Error('the call is not in the list');
    return call.id;
  }
}

/** Calls that a story left ringing are not the next one's. */
async function registerAgain(lane: Lane): Promise<void> {
  const phones = [lane.caller, lane.first, lane.second];
  for (const phone of phones) phone.forgetRung();
  if (performance.now() - lane.registeredAtMs < REGISTERED_MS) return;
  lane.registeredAtMs = performance.now();
  await Promise.all(phones.map((phone) => phone.register()));
}

/** A key; the party may be gone before its last packet is out. */
function press(party: PhoneCall, digit: string): void {
  void Promise.allSettled([party.sendDigits(digit)]);
}

function firstHeardMs({ recording }: PhoneCall, hz: number, fromMs: number): number {
  const first = recording.between(fromMs).find(({ samples }) => isTone(samples, hz));
  return (first?.atMs ?? Number.NaN) - fromMs;
}

async function backWithTheAgent({ call, lane }: Talk): Promise<void> {
  await call.recording.hears(lane.callerHz, HEARING_LIMIT_MS);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
