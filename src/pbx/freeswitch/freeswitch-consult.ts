import type { Caller } from '../../core/calls.js';
import type { Clock } from '../../core/clock.js';
import { LinecardError } from '../../core/errors.js';
import type { BridgeId, ChannelId } from '../../core/ids.js';
import type { Logger } from '../../core/logger.js';
import type { ConsultPbx, DialLeg, HangUpCause, Listen, OpenMedia, Parties, PbxEvent } from '../port.js';
import { causeOf } from './causes.js';
import type { ChannelFacts } from './channel-facts.js';
import { APP_VARIABLE, LEG_VARIABLE, NO_APP, PERSON_VARIABLE } from './channel-facts.js';
import type { EslEvent } from './esl-connection.js';
import { Expected } from './expected.js';
import type { HoldMusic } from './hold-music.js';
import type { Parking, RunOnChannel } from './parking.js';
import { wayToPark, word } from './parking.js';
import { Supervisors } from './supervisors.js';

export type FreeSwitchConsultOptions = {
  readonly app: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly run: RunOnChannel;
  /** Runs a command in the background; a BACKGROUND_JOB with this id tells how it ended. */
  readonly runInBackground: (line: string, jobId: string) => Promise<void>;
  readonly factsOf: (channelId: ChannelId) => ChannelFacts | undefined;
  /** Who is served by us: whoever is released leaves it. */
  readonly callers: Set<ChannelId>;
  /** Rejects where the dialplan has no such extension. */
  readonly needExtension: (context: string, extension: string) => Promise<void>;
  readonly openMedia: (request: OpenMedia) => Promise<void>;
  readonly parking: Parking;
  readonly music: HoldMusic;
  readonly tell: (event: PbxEvent) => void;
};

/** A person's channel is made within milliseconds; the phone behind it rings later. */
const CREATE_TIME_LIMIT_MS = 2000;
/** Both channels change their state in steps of 20 ms. */
const BRIDGE_TIME_LIMIT_MS = 2000;
/** Beyond our own ring time, so that the PBX gives up only where we cannot any more. */
const RING_SPARE_S = 5;
/** Longer than any briefing: nobody listens to a dead process for ever. */
const BRIEFING_LIMIT_S = 300;
/** What has no meaning in a dial string or a command. */
const DIALLABLE = /^[\w.+*#-]{1,80}$/;
const MAX_NAME_CHARACTERS = 60;

type Overhear = Parameters<NonNullable<ConsultPbx['overhear']>>[0];
type Leg = 'ringing' | 'answered';

/**
 * Brings callers to people on FreeSWITCH. A person is rung through a loopback channel into the dialplan, so that whatever rings there can be
 * a destination. Its near half is parked when somebody answers, and its audio is a caller's: by unicast.
 */
export class FreeSwitchConsult implements ConsultPbx {
  readonly #options: FreeSwitchConsultOptions;
  /** People who were rung and have not ended or been released. */
  readonly #legs = new Map<ChannelId, Leg>();
  /** Callers whom we have connected, to whom, until they are released or come back. */
  readonly #pairs = new Map<ChannelId, ChannelId>();
  /** Callers who were released: one who comes back all the same lost their person in that moment. */
  readonly #released = new Set<ChannelId>();
  /** What a caller's audio was opened with, by the bridge that stands for it. */
  readonly #media = new Map<BridgeId, OpenMedia>();
  readonly #supervisors: Supervisors;
  readonly #created: Expected;
  readonly #bridged: Expected;

  constructor(options: FreeSwitchConsultOptions) {
    this.#options = options;
    const { clock } = options;
    this.#supervisors = new Supervisors(options);
    this.#created = new Expected({ clock, limitMs: CREATE_TIME_LIMIT_MS, failure: 'did not begin to ring' });
    this.#bridged = new Expected({ clock, limitMs: BRIDGE_TIME_LIMIT_MS, failure: 'did not connect the two' });
  }

  /** For tests of leaks. */
  get size(): number {
    return this.#legs.size + this.#pairs.size + this.#released.size + this.#supervisors.size;
  }

  get legIds(): readonly ChannelId[] {
    return [...this.#legs.keys()];
  }

  has(channelId: ChannelId): boolean {
    return this.#legs.has(channelId);
  }

  /** A caller who talks with a person is in no park. */
  isConnected(callerChannelId: ChannelId): boolean {
    return this.#pairs.has(callerChannelId);
  }

  async dial(leg: DialLeg): Promise<void> {
    const { needExtension, runInBackground } = this.#options;
    const { channelId, extension, context } = leg;
    if (!DIALLABLE.test(extension) || !DIALLABLE.test(context)) {
      throw new LinecardError('PBX_UNSUPPORTED', `"${extension}@${context}" cannot be dialled`);
    }
    await needExtension(context, extension);
    this.#legs.set(channelId, 'ringing');
    try {
      // Once the channel is there it can be hung up; before, it would ring afterwards.
      await this.#created.after(channelId, () => runInBackground(this.#originate(leg), channelId));
    } catch (error) {
      this.#legs.delete(channelId);
      throw error;
    }
  }

  async connect({ callerChannelId, personChannelId }: Parties): Promise<void> {
    const { run, music } = this.#options;
    this.#pairs.set(callerChannelId, personChannelId);
    try {
      await this.#supervisors.unmute(personChannelId);
      await this.#bringBackAfterwards(callerChannelId, personChannelId);
      await this.#bridged.after(callerChannelId, () =>
        run(callerChannelId, `uuid_bridge ${callerChannelId} ${personChannelId}`),
      );
      // Last: the music must not end before there is somebody to talk with.
      await music.stop(callerChannelId);
    } catch (error) {
      this.#pairs.delete(callerChannelId);
      throw error;
    }
  }

  /** To the same session on the media thread, which waits for half a second; whoever comes later opens another. */
  async takeBack(callerChannelId: ChannelId, mediaBridgeId: BridgeId): Promise<void> {
    const media = this.#media.get(mediaBridgeId);
    if (media?.callerChannelId !== callerChannelId) {
      throw new LinecardError('CALL_STATE', `caller ${callerChannelId} has no audio to come back to`);
    }
    await this.#options.openMedia(media);
  }

  /** The two are FreeSWITCH's own already; what remains is that the caller does not come back when the person hangs up. */
  async release({ callerChannelId, personChannelId }: Parties): Promise<'released'> {
    const { factsOf } = this.#options;
    this.#released.add(callerChannelId);
    try {
      await this.leaveToPbx(callerChannelId, personChannelId);
    } catch (error) {
      this.#released.delete(callerChannelId);
      throw error;
    }
    // The person hung up in this very moment: the caller is in a park that nobody expects.
    if (factsOf(callerChannelId)?.park != null) await this.#end(callerChannelId);
    this.#options.callers.delete(callerChannelId);
    this.#pairs.delete(callerChannelId);
    this.#legs.delete(personChannelId);
    if (factsOf(callerChannelId) === undefined) this.#released.delete(callerChannelId);
    return 'released';
  }

  async listen({ callerChannelId, personChannelId }: Listen): Promise<void> {
    await this.#supervisors.listen(personChannelId, callerChannelId);
  }

  async overhear({ personChannelId, snoopChannelId }: Overhear): Promise<void> {
    const rateHz = this.#options.factsOf(personChannelId)?.readRateHz ?? 8000;
    // Its end is told as a person's is.
    this.#legs.set(snoopChannelId, 'answered');
    try {
      await this.#supervisors.overhear(personChannelId, snoopChannelId, rateHz);
    } catch (error) {
      this.#legs.delete(snoopChannelId);
      throw error;
    }
  }

  async join(personChannelId: ChannelId, bridgeId: BridgeId): Promise<void> {
    const callerChannelId = this.#media.get(bridgeId)?.callerChannelId;
    if (callerChannelId === undefined) {
      throw new LinecardError('CHANNEL_GONE', 'the call to be joined has no audio any more');
    }
    await this.#supervisors.join(personChannelId, callerChannelId);
  }

  /** Two whom an earlier process of ours connected talk on, and end together from now on. */
  async leaveToPbx(callerChannelId: ChannelId, personChannelId: ChannelId): Promise<void> {
    try {
      await this.#letGo(callerChannelId, personChannelId);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }

  /**
   * Of a caller who was with a person: resolves when they are on their way to nowhere else. FreeSWITCH brings them back by itself when the person
   * has hung up; a second transfer at that moment could be lost.
   */
  async untilBack(callerChannelId: ChannelId): Promise<void> {
    const personChannelId = this.#pairs.get(callerChannelId);
    if (personChannelId === undefined) return;
    const { run, factsOf } = this.#options;
    const isPersonGone = factsOf(personChannelId) === undefined || !this.#legs.has(personChannelId);
    if (!isPersonGone) await run(callerChannelId, `uuid_setvar ${callerChannelId} transfer_after_bridge`);
    else if (factsOf(callerChannelId)?.park === null) await this.#untilReturned(callerChannelId);
    this.#pairs.delete(callerChannelId);
  }

  mediaOpened(request: OpenMedia): void {
    this.#media.set(request.bridgeId, request);
  }

  mediaClosed(bridgeId: BridgeId): void {
    this.#media.delete(bridgeId);
  }

  created(channelId: ChannelId): void {
    this.#created.met(channelId);
  }

  parked({ channelId, answerState }: ChannelFacts): void {
    if (this.#released.delete(channelId)) void this.#end(channelId);
    if (answerState === 'answered') this.#supervisors.parked(channelId);
    if (this.#legs.get(channelId) !== 'ringing' || answerState !== 'answered') return;
    this.#legs.set(channelId, 'answered');
    this.#options.tell({ kind: 'legAnswered', channelId });
  }

  bridged(channelId: ChannelId): void {
    this.#bridged.met(channelId);
  }

  /** The channel has ended. */
  gone(channelId: ChannelId, cause: HangUpCause): void {
    const error = new LinecardError('CHANNEL_GONE', `channel ${channelId} has hung up`);
    this.#created.met(channelId);
    this.#bridged.fail(channelId, error);
    for (const [caller, person] of this.#pairs) if (person === channelId) this.#bridged.fail(caller, error);
    this.#pairs.delete(channelId);
    this.#released.delete(channelId);
    this.#supervisors.gone(channelId, error);
    if (this.#legs.delete(channelId)) this.#options.tell({ kind: 'channelGone', channelId, cause });
  }

  /** An `originate` is over: what rings or rang has told of itself, and there is nothing to tell unless no channel was made at all. */
  jobEnded(event: EslEvent): void {
    const channelId = event['Job-UUID'] as ChannelId | undefined;
    const answer = event['_body']?.trim() ?? '';
    if (channelId === undefined || !answer.startsWith('-ERR') || !this.#legs.has(channelId)) return;
    const reason = answer.slice('-ERR'.length).trim();
    if (this.#created.has(channelId)) {
      this.#created.fail(
        channelId,
        new LinecardError('PBX_REFUSED', `FreeSWITCH cannot ring: ${reason}${hint(reason)}`),
      );
    } else this.gone(channelId, causeOf(reason, undefined));
  }

  failAll(error: LinecardError): void {
    this.#supervisors.failAll(error);
    this.#created.failAll(error);
    this.#bridged.failAll(error);
  }

  #originate({ channelId, callerChannelId, extension, context, caller, ringTimeMs }: DialLeg): string {
    const { app, factsOf } = this.#options;
    const rateHz = callerChannelId === null ? 16_000 : (factsOf(callerChannelId)?.readRateHz ?? 8000);
    const { name, number } = displayed(caller);
    const variables = [
      `origination_uuid=${channelId}`,
      `${LEG_VARIABLE}=${word(app)}`,
      `origination_caller_id_name='${name}'`,
      `origination_caller_id_number=${number}`,
      `originate_timeout=${Math.ceil(ringTimeMs / 1000) + RING_SPARE_S}`,
      'ignore_early_media=true',
      // It stays the channel whose id we chose when it is bridged.
      'loopback_bowout=false',
      'loopback_bowout_on_execute=false',
      `loopback_initial_codec=L16@${Math.min(rateHz, 16_000)}h`,
    ];
    // Without us nobody is left in a silent park; who talks with a browser's caller is in one for as long as they talk.
    const limit = callerChannelId === null ? '' : `set:park_timeout=${BRIEFING_LIMIT_S}^`;
    return `originate {${variables.join(',')}}loopback/${extension}/${context} 'm:^:${limit}park' inline`;
  }

  /** Without us, too: the caller goes back behind our door, or to the fallback where it is closed. */
  async #bringBackAfterwards(callerChannelId: ChannelId, personChannelId: ChannelId): Promise<void> {
    const { run, factsOf } = this.#options;
    const facts = factsOf(callerChannelId);
    if (facts === undefined) throw new LinecardError('CHANNEL_GONE', `channel ${callerChannelId} has hung up`);
    const way = wayToPark(facts, 'after-a-person');
    await run(
      callerChannelId,
      `uuid_setvar_multi ${callerChannelId} hangup_after_bridge=false;${PERSON_VARIABLE}=${personChannelId}`,
    );
    await run(
      callerChannelId,
      // The command takes one layer of quotes off, the end of the bridge the other.
      `uuid_setvar ${callerChannelId} transfer_after_bridge \\'${way}\\':inline:${word(facts.context)}`,
    );
  }

  async #letGo(callerChannelId: ChannelId, personChannelId: ChannelId): Promise<void> {
    const { run } = this.#options;
    const end = `transfer_after_bridge=;hangup_after_bridge=true;${PERSON_VARIABLE}=;${APP_VARIABLE}=${NO_APP}`;
    await run(callerChannelId, `uuid_setvar_multi ${callerChannelId} ${end}`);
    await run(personChannelId, `uuid_setvar ${personChannelId} ${LEG_VARIABLE} ${NO_APP}`);
  }

  async #untilReturned(callerChannelId: ChannelId): Promise<void> {
    try {
      await this.#options.parking.returned(callerChannelId);
    } catch (error) {
      // It happened while we did not listen, or not at all: parking them is what comes next.
      if (!(error instanceof LinecardError) || error.code !== 'PBX_TIMEOUT') throw error;
    }
  }

  async #end(channelId: ChannelId): Promise<void> {
    try {
      await this.#options.run(channelId, `uuid_kill ${channelId}`);
    } catch (error) {
      if (!isGone(error)) this.#options.log.warn({ err: error, channelId }, 'released caller could not be ended');
    }
  }
}

/** A caller as a phone shows them. What callers send is untrusted: a quote, comma or brace would add a variable to the dial string. */
export function displayed({ name, number }: Caller): Caller {
  const plainName = name.replaceAll(/[^\p{L}\p{N} .&+()-]/gu, '').trim();
  const plainNumber = number.replaceAll(/[^0-9A-Za-z+*#._-]/g, '');
  return { name: plainName.slice(0, MAX_NAME_CHARACTERS), number: plainNumber.slice(0, MAX_NAME_CHARACTERS) };
}

function hint(reason: string): string {
  return reason === 'CHAN_NOT_IMPLEMENTED' ? ': mod_loopback is not loaded' : '';
}

function isGone(error: unknown): boolean {
  return error instanceof LinecardError && error.code === 'CHANNEL_GONE';
}
