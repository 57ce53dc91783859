import { expect, vi } from 'vitest';
import type { LinecardApi } from '../linecard.js';
import { Phone } from '../phone/phone.js';
import type { PhoneCall } from '../phone/phone-call.js';
import { heardTone, rms, toneShare } from '../phone/recording.js';
import type { CodecName } from '../phone/sdp.js';
import { tone } from '../phone/sources.js';
import type { PbxWorld } from './pbx-world.js';

/** Each party's own tone; the agent is an echo, so a caller with the agent hears their own. */
export const CALLER_HZ = 700;
export const PERSON_HZ = 1000;
/** 300 ms. */
const LISTEN_SAMPLES = 4800;

type Incoming = 'answer' | 'ring' | 486 | 603;

/** The phones of a story: who calls, who is asked, and what they hear. */
export class Parties {
  readonly world: PbxWorld;
  readonly #api: () => LinecardApi;
  #phones: Phone[] = [];

  /** @param api of the Linecard at hand: a story may kill it and start another */
  constructor(world: PbxWorld, api: () => LinecardApi) {
    this.world = world;
    this.#api = api;
  }

  async open(user: string, incoming: Incoming = 'ring', codec?: CodecName): Promise<Phone> {
    const server = { host: '127.0.0.1', port: this.world.sipPort };
    const codecs = codec === undefined ? {} : { codecs: [codec] };
    const phone = await Phone.open({ server, user, password: `secret${user}`, incoming, ...codecs });
    this.#phones.push(phone);
    await phone.register();
    return phone;
  }

  /** Between one story and the next. */
  async close(): Promise<void> {
    await Promise.all(this.#phones.splice(0).map((phone) => phone.close()));
  }

  /** A caller who hears the agent. */
  async callerWithAgent(extension = '7000', codec?: CodecName): Promise<PhoneCall> {
    // On a busy machine the thread that also plays the phones may be too late for more calls.
    await this.#api().ready();
    const call = await (await this.open(this.world.numbers.caller, 'ring', codec)).dial(extension);
    await call.answered();
    call.play(tone(CALLER_HZ));
    await call.recording.hears(CALLER_HZ);
    return call;
  }

  async transfer(body: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const api = this.#api();
    const [live] = await api.liveCalls();
    const wanted = { to: 'sales', summary: 'About chairs', ...body };
    const response = await api.fetch('POST', `/v1/calls/${live?.id}/transfer`, wanted);
    expect(await response.json()).toMatchObject({ id: live?.id });
  }

  /** Rings the person as a supervisor of a call; resolves with the status of the answer. */
  async supervise(callId: string | undefined, mode: 'listen' | 'join' | 'takeover' | 'whisper'): Promise<number> {
    const endpoint = this.world.numbers.person;
    return (await this.#api().fetch('POST', `/v1/calls/${callId}/supervise`, { endpoint, mode })).status;
  }

  /** The person was rung, answered, hears the briefing while the caller hears music; nobody hears the other. */
  async briefed(caller: PhoneCall, mode: 'warm' | 'conference' = 'warm'): Promise<PhoneCall> {
    const { numbers } = this.world;
    const phone = await this.open(numbers.person);
    await this.transfer({ mode });
    const person = await phone.rung();
    expect(person.callerNumber).toBe(numbers.caller);
    await hearsSomethingElse(caller);
    person.answer();
    await person.answered();
    person.play(tone(PERSON_HZ));
    await hearsSomethingElse(person);
    await hearsSomethingElse(caller);
    return person;
  }
}

/** A key; the party may be gone before its last packet is out. */
export function press(party: PhoneCall, digit: string): void {
  void Promise.allSettled([party.sendDigits(digit)]);
}

/** Something that is none of the tones: music for the caller, a voice for the person. */
export async function hearsSomethingElse({ recording }: PhoneCall): Promise<void> {
  const fromMs = performance.now();
  await vi.waitFor(
    () => {
      // What came last, not what came lately: on a busy machine that may be little.
      const samples = recording.samples(fromMs).slice(-LISTEN_SAMPLES);
      const loudness = rms(samples);
      const tones = toneShare(samples, CALLER_HZ) + toneShare(samples, PERSON_HZ);
      if (samples.length < LISTEN_SAMPLES || loudness < 100 || tones > 0.2)
        throw new Error(`${recording.packets.length} packets, ${loudness} RMS, tones ${tones}`);
    },
    { timeout: 15_000, interval: 50 },
  );
}

/** The tone is in none of what arrives for a moment. */
export async function hearsNothingOf(party: PhoneCall, hz: number): Promise<void> {
  const fromMs = performance.now();
  await party.recording.receives(25);
  expect(heardTone(party.recording, hz, fromMs)).toBe(false);
}

export async function talkingWith(person: PhoneCall, caller: PhoneCall): Promise<void> {
  await Promise.all([caller.recording.hears(PERSON_HZ), person.recording.hears(CALLER_HZ)]);
}

/** How long after a moment both had a packet with the other's tone. */
export function bothHeardAfterMs(person: PhoneCall, caller: PhoneCall, fromMs: number): number {
  const first = ({ recording }: PhoneCall, hz: number): number => {
    const packets = recording.between(fromMs);
    const heard = packets.find(({ samples }) => rms(samples) > 300 && toneShare(samples, hz) > 0.5);
    return heard === undefined ? Number.NaN : heard.atMs - fromMs;
  };
  return Math.round(Math.max(first(caller, PERSON_HZ), first(person, CALLER_HZ)));
}
