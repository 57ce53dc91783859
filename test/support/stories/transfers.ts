import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { startLinecardHere, type LinecardHere } from '../linecard.js';
import type { PhoneCall } from '../phone/phone-call.js';
import { Parties, CALLER_HZ, bothHeardAfterMs, hearsSomethingElse, press, talkingWith } from './parties.js';
import type { PbxWorld } from './pbx-world.js';

const GRACE_MS = 2000;

/** What is there while a test of transfers runs. */
export type TransferStage = {
  readonly linecard: LinecardHere;
  readonly parties: Parties;
  /** Caller and person talk, and Linecard is out. */
  readonly released: (person: PhoneCall, caller: PhoneCall) => Promise<void>;
};

/**
 * Warm transfers with real phones and a tone for each party, as they are on every PBX. Call it once in a file or `describe`: it starts and ends the PBX and a Linecard there.
 * @param more destinations beside `sales`
 * @returns what further tests of the file need, while one runs
 */
export function testTransfers(
  openWorld: () => Promise<PbxWorld>,
  more: Readonly<Record<string, unknown>> = {},
): () => TransferStage {
  let world: PbxWorld;
  let linecard: LinecardHere;
  let parties: Parties;

  beforeAll(async () => {
    world = await openWorld();
    const { person, other } = world.numbers;
    linecard = await startLinecardHere(
      world.setUp({
        extensions: { '7000': { agent: 'loop', fallback: other } },
        destinations: {
          sales: { dial: person, then: [other], label: 'Sales', mode: 'warm', ringSeconds: 5 },
          ...more,
        },
        transfers: { graceSeconds: GRACE_MS / 1000, maxPerCall: 10 },
      }),
    );
    parties = new Parties(world, () => linecard.api);
  }, 300_000);
  afterEach(async () => {
    await parties.close();
    await world.nothingLeft();
    await expect.poll(() => linecard.api.liveCalls(), { timeout: 15_000 }).toEqual([]);
  });
  afterAll(async () => {
    await linecard.close();
    await world.stop();
  });

  async function released(person: PhoneCall, caller: PhoneCall): Promise<void> {
    await expect.poll(() => linecard.api.liveCalls(), { timeout: GRACE_MS + 5000 }).toEqual([]);
    await talkingWith(person, caller);
  }

  function print(name: string, value: number): void {
    console.log(JSON.stringify({ name: `${world.kind}-${name}`, value, unit: 'ms' }));
  }

  test('a person is told in private, takes the call by key, and the two go on without us', async () => {
    const caller = await parties.callerWithAgent();
    const person = await parties.briefed(caller);
    const pressedAtMs = performance.now();
    press(person, '1');
    await talkingWith(person, caller);
    print('transfer-accepted-to-talking', bothHeardAfterMs(person, caller, pressedAtMs));
    await released(person, caller);
    const [call] = await linecard.api.calls();
    expect(call?.outcome).toMatchObject({ result: 'transferred', fault: 'none' });
    await person.hangUp();
    await caller.ends();
  });

  test('a person who declines sends the caller to the next, and then back to the agent', async () => {
    const caller = await parties.callerWithAgent();
    const person = await parties.briefed(caller);
    const second = await parties.open(world.numbers.other, 486);
    press(person, '2');
    await hearsSomethingElse(person);
    press(person, '1');
    await person.ends();
    await second.rung();
    await caller.recording.hears(CALLER_HZ);
    await expect.poll(() => linecard.api.liveCalls()).toMatchObject([{ state: 'talking' }]);
    await caller.hangUp();
  });

  test('nobody there at all: the caller is with the agent again, and may be transferred once more', async () => {
    const caller = await parties.callerWithAgent();
    await parties.transfer();
    await caller.recording.hears(CALLER_HZ);
    const person = await parties.briefed(caller);
    press(person, '1');
    await talkingWith(person, caller);
    await caller.hangUp();
    await person.ends();
  });

  test('a person who hangs up soon after taking the call gives the caller back to the agent', async () => {
    const caller = await parties.callerWithAgent();
    const person = await parties.briefed(caller);
    press(person, '1');
    await talkingWith(person, caller);
    const fromMs = performance.now();
    await person.hangUp();
    await caller.recording.hears(CALLER_HZ);
    print('person-gone-to-agent', Math.round(performance.now() - fromMs));
    await caller.hangUp();
  });

  test('the caller hangs up: the phone that rings for them falls silent at once', async () => {
    const caller = await parties.callerWithAgent();
    const sales = await parties.open(world.numbers.person);
    await parties.transfer();
    const person = await sales.rung();
    await hearsSomethingElse(caller);
    const hungUpAtMs = performance.now();
    await caller.hangUp();
    await person.ends();
    print('caller-gone-to-silent-phone', Math.round(performance.now() - hungUpAtMs));
  });

  test('the caller hangs up while the person is told of them: the person is let go', async () => {
    const caller = await parties.callerWithAgent();
    const person = await parties.briefed(caller);
    await caller.hangUp();
    await person.ends();
  });

  return () => ({ linecard, parties, released });
}
