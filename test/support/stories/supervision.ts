import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { FakeOpenAiParts } from '../fake-openai-parts.js';
import { startLinecardHere, type LinecardHere } from '../linecard.js';
import type { PhoneCall } from '../phone/phone-call.js';
import { rms } from '../phone/recording.js';
import { once, silence, tone } from '../phone/sources.js';
import { speech } from '../speech.js';
import { CALLER_HZ, PERSON_HZ, Parties, hearsNothingOf } from './parties.js';
import type { PbxWorld } from './pbx-world.js';

/** Of a caller who hears comfort noise at most; speech has thousands. */
const QUIET_RMS = 50;

/** What is there while a test of supervisors runs. */
export type SupervisionStage = {
  readonly linecard: LinecardHere;
  readonly parties: Parties;
  /** A caller who talks with the agent, and a supervisor who is there. */
  readonly supervised: (
    mode: 'listen' | 'join' | 'takeover',
  ) => Promise<{ readonly caller: PhoneCall; readonly supervisor: PhoneCall }>;
};

export type SupervisionOptions = {
  readonly openWorld: () => Promise<PbxWorld>;
  /** Where callers reach the agent that is an echo, and the one that has ears. */
  readonly extensions: { readonly loop: string; readonly clara: string };
  /** More of the configuration. */
  readonly config?: Readonly<Record<string, unknown>>;
};

/**
 * Supervisors with real phones and a tone for each party, as they are on every PBX: the supervisor's is the person's. Call it once in a file or `describe`: it starts and
 * ends the PBX and a Linecard there.
 * @returns what further tests of the file need, while one runs
 */
export function testSupervision({ openWorld, extensions, config = {} }: SupervisionOptions): () => SupervisionStage {
  const parts = new FakeOpenAiParts();
  let world: PbxWorld;
  let linecard: LinecardHere;
  let parties: Parties;

  beforeAll(async () => {
    world = await openWorld();
    await parts.server.start();
    const access = { baseUrl: parts.baseUrl, apiKey: 'sk-test' };
    linecard = await startLinecardHere(
      world.setUp({
        agents: {
          loop: { provider: 'echo' },
          clara: {
            provider: 'pipeline',
            greeting: 'Hello.',
            stt: { ...access, model: 'stt-test' },
            llm: { ...access, model: 'llm-test' },
            tts: { ...access, model: 'tts-test', voice: 'nova' },
          },
        },
        ...config,
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
    await parts.server.stop();
  });

  async function supervised(
    mode: 'listen' | 'join' | 'takeover',
  ): Promise<{ readonly caller: PhoneCall; readonly supervisor: PhoneCall }> {
    const phone = await parties.open(world.numbers.person, 'answer');
    const caller = await parties.callerWithAgent(extensions.loop);
    const [call] = await linecard.api.liveCalls();
    expect(await parties.supervise(call?.id, mode)).toBe(200);
    const supervisor = await phone.rung();
    await supervisor.answered();
    return { caller, supervisor };
  }

  test('a supervisor who listens hears the caller and is heard by nobody', async () => {
    const { caller, supervisor } = await supervised('listen');
    await supervisor.recording.hears(CALLER_HZ);
    supervisor.play(tone(PERSON_HZ));
    caller.play(silence);
    await caller.recording.hearsSilence();
    await hearsNothingOf(caller, PERSON_HZ);
    await supervisor.hangUp();
    caller.play(tone(CALLER_HZ));
    await caller.recording.hears(CALLER_HZ);
    await caller.hangUp();
  });

  test('a supervisor who joins, here by key, is heard by the caller and by the agent', async () => {
    const { caller, supervisor } = await supervised('listen');
    await supervisor.recording.hears(CALLER_HZ);
    await supervisor.sendDigits('6');
    caller.play(silence);
    supervisor.play(tone(PERSON_HZ));
    await caller.recording.hears(PERSON_HZ);
    // The agent heard it, too, and said it back.
    await supervisor.recording.hears(PERSON_HZ);
    await caller.hangUp();
    await supervisor.ends();
  });

  test('a supervisor who takes over talks with the caller alone, and Linecard is out', async () => {
    const { caller, supervisor } = await supervised('takeover');
    supervisor.play(tone(PERSON_HZ));
    await Promise.all([caller.recording.hears(PERSON_HZ), supervisor.recording.hears(CALLER_HZ)]);
    await expect.poll(() => linecard.api.liveCalls()).toEqual([]);
    await hearsNothingOf(supervisor, PERSON_HZ);
    await supervisor.hangUp();
    await caller.ends();
  });

  test('a supervisor who whispers tells the agent what to do, and the caller hears nothing of it', async () => {
    await linecard.api.ready();
    const { numbers } = world;
    const phone = await parties.open(numbers.person, 'answer');
    const caller = await (await parties.open(numbers.caller)).dial(extensions.clara);
    await caller.answered();
    await expect.poll(() => linecard.api.liveCalls()).toMatchObject([{ state: 'talking' }]);
    const [call] = await linecard.api.liveCalls();
    expect(await parties.supervise(call?.id, 'whisper')).toBe(200);
    const supervisor = await phone.rung();
    await supervisor.answered();
    await caller.recording.hearsSilence(10_000);
    const fromMs = performance.now();
    parts.transcripts.push('Offer ten percent.');
    // Said again until the ear is there.
    await expect
      .poll(
        () => {
          supervisor.play(once(speech(['Offer them ten percent, please.'])));
          return parts.transcripts;
        },
        { interval: 4000, timeout: 30_000 },
      )
      .toEqual([]);
    expect(rms(caller.recording.samples(fromMs))).toBeLessThan(QUIET_RMS);
    parts.transcripts.push('What does it cost?');
    caller.play(once(speech(['What does it cost, please?'])));
    await expect.poll(() => parts.lastDialog.join('\n'), { timeout: 20_000 }).toContain('"Offer ten percent."');
    expect(parts.mistakes).toEqual([]);
    await caller.hangUp();
    await supervisor.ends();
  });

  return () => ({ linecard, parties, supervised });
}
