import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { startLinecardProcess, type LinecardProcess } from '../linecard.js';
import type { Phone } from '../phone/phone.js';
import type { PhoneCall } from '../phone/phone-call.js';
import { tone } from '../phone/sources.js';
import { PERSON_HZ, Parties, talkingWith } from './parties.js';
import type { PbxWorld } from './pbx-world.js';

const GRACE_SECONDS = 2;

/** A caller and a person in some step of a transfer. */
export type Two = { readonly caller: PhoneCall; readonly person: PhoneCall };

/** What is there while a test runs that kills Linecard in a transfer. */
export type KilledStage = {
  readonly linecard: LinecardProcess;
  readonly parties: Parties;
  readonly personPhone: Phone;
  /** A caller whose agent asked for the person, whose phone rings. */
  readonly ringing: () => Promise<Two>;
  /** The person has picked up and is told of the caller. */
  readonly briefed: (mode?: 'warm' | 'conference') => Promise<Two>;
  readonly talking: () => Promise<Two>;
  /** The next process, with the journal of the last. */
  readonly restart: () => Promise<void>;
};

/**
 * Linecard dies while caller and person talk: the same on every PBX. Call it once in a file or `describe`: it starts and ends the PBX, and a Linecard for each test.
 * @returns what further tests of the file need, while one runs
 */
export function testKilledTransfers(openWorld: () => Promise<PbxWorld>): () => KilledStage {
  let world: PbxWorld;
  let linecard: LinecardProcess;
  let parties: Parties;
  let personPhone: Phone;
  /** What outlives a process: its journal. */
  let dataDir: string;

  beforeAll(async () => {
    world = await openWorld();
  }, 300_000);
  beforeEach(async () => {
    parties = new Parties(world, () => linecard.api);
    personPhone = await parties.open(world.numbers.person);
    dataDir = await mkdtemp(path.join(os.tmpdir(), 'linecard-killed-'));
    await restart();
  });
  afterEach(async () => {
    await parties.close();
    await linecard.close();
    await rm(dataDir, { recursive: true, force: true });
    await world.nothingLeft();
  });
  afterAll(() => world.stop());

  async function restart(): Promise<void> {
    const { person, other } = world.numbers;
    const config = {
      extensions: { '7000': { agent: 'loop', fallback: other } },
      destinations: { sales: { dial: person, label: 'Sales', mode: 'warm' } },
      transfers: { graceSeconds: GRACE_SECONDS },
    };
    linecard = await startLinecardProcess({ ...world.setUp(config), dataDir });
  }

  async function ringing(mode: 'warm' | 'conference' = 'warm'): Promise<Two> {
    const caller = await parties.callerWithAgent();
    await parties.transfer({ mode });
    return { caller, person: await personPhone.rung() };
  }

  async function briefed(mode?: 'warm' | 'conference'): Promise<Two> {
    const { caller, person } = await ringing(mode);
    person.answer();
    person.play(tone(PERSON_HZ));
    await person.recording.receives(50);
    return { caller, person };
  }

  async function talking(): Promise<Two> {
    const { caller, person } = await briefed();
    await person.sendDigits('1');
    await talkingWith(person, caller);
    return { caller, person };
  }

  test('killed soon after the person took the call: the two talk on, and end together after the restart', async () => {
    const { caller, person } = await talking();
    await linecard.kill();
    await talkingWith(person, caller);
    await restart();
    await linecard.api.ready();
    await talkingWith(person, caller);
    await person.hangUp();
    await caller.ends();
  });

  test('killed after the grace time: the two talk on and end together, with nobody of us there', async () => {
    const { caller, person } = await talking();
    await expect.poll(() => linecard.api.liveCalls(), { timeout: GRACE_SECONDS * 1000 + 5000 }).toEqual([]);
    await linecard.kill();
    await talkingWith(person, caller);
    await caller.hangUp();
    await person.ends();
  });

  return () => ({ linecard, parties, personPhone, ringing: () => ringing(), briefed, talking, restart });
}
