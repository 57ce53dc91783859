import type { Caller, Outcome, SuperviseMode } from '../../core/calls.js';
import { costlyNumber } from '../../core/costly-number.js';
import { LinecardError } from '../../core/errors.js';
import type { BridgeId, CallId, ChannelId } from '../../core/ids.js';
import { newBridgeId } from '../../core/ids.js';
import type { Logger } from '../../core/logger.js';
import type { Parties } from '../../pbx/port.js';
import type { CallServices, Line } from '../call-services.js';
import type { MediaLink } from '../media-link.js';
import { releaseParties } from '../transfer/release-parties.js';
import type { SupervisionOptions } from './supervision.js';
import { Supervision } from './supervision.js';
import { Whisper } from './whisper.js';

/** A room full of supervisors is a mistake of a script. */
const MAX_SUPERVISORS = 5;

export type CallSupervisorsOptions = {
  readonly callId: CallId;
  readonly agent: string;
  readonly line: Line | null;
  readonly caller: Caller;
  readonly services: CallServices;
  readonly media: MediaLink;
  /** The agent falls silent, and speaks again when a take-over failed. */
  readonly changeHold: (held: 'held' | 'resumed') => void;
  readonly end: (outcome: Outcome) => Promise<void>;
  readonly hasEnded: () => boolean;
  readonly log: Logger;
};

/** The people who supervise one call. */
export class CallSupervisors {
  readonly #options: CallSupervisorsOptions;
  readonly #live = new Map<string, Supervision>();
  #takeOverReason = 'a supervisor took over';

  constructor(options: CallSupervisorsOptions) {
    this.#options = options;
  }

  get belongings(): { readonly channels: readonly ChannelId[]; readonly bridges: readonly BridgeId[] } {
    const each = [...this.#live.values()].map((supervision) => supervision.belongings);
    return {
      channels: each.flatMap(({ channels }) => channels),
      bridges: each.flatMap(({ bridges }) => bridges),
    };
  }

  /** Rings a supervisor's phone, or changes what one who is there does. Resolves when it rings. */
  async supervise(endpoint: string, mode: SuperviseMode, text: 'written' | 'none'): Promise<void> {
    if (mode === 'whisper' && text === 'none') this.#needEars();
    const known = this.#live.get(endpoint);
    if (known !== undefined) {
      known.change(mode);
      return;
    }
    const { line, services } = this.#options;
    const consult = line?.pbx.consult;
    if (line === null || consult === undefined) {
      throw new LinecardError('PBX_UNSUPPORTED', 'this call cannot be supervised: it has no channel on a PBX that can');
    }
    if (this.#live.size >= MAX_SUPERVISORS) {
      throw new LinecardError('CALL_STATE', `${MAX_SUPERVISORS} people supervise this call already`);
    }
    const costly = costlyNumber(endpoint, services.transfers.allow);
    if (costly !== null) {
      throw new LinecardError('REQUEST_INVALID', `"${endpoint}" is no phone of the PBX but a number (${costly})`);
    }
    await this.#add({ line, consult, endpoint, mode }).begin();
  }

  /** Somebody who took the call in a conference: a third from now on, with the keys of a supervisor. Rejects when they could not be brought in. */
  async join(personChannelId: ChannelId): Promise<void> {
    const { line } = this.#options;
    const consult = line?.pbx.consult;
    if (line === null || consult === undefined) throw new LinecardError('PBX_UNSUPPORTED', 'nobody can join this call');
    await this.#add({ line, consult, endpoint: personChannelId, mode: 'join', present: personChannelId }).arrive();
  }

  #add({
    line,
    endpoint,
    ...who
  }: Pick<SupervisionOptions, 'consult' | 'endpoint' | 'mode' | 'present'> & { readonly line: Line }): Supervision {
    const { caller, services, media, log } = this.#options;
    const { pbx, offer } = line;
    const supervision = new Supervision({
      ...who,
      pbx,
      routes: services.routes,
      endpoint,
      dial: { callerChannelId: offer.channelId, context: offer.context, caller },
      call: {
        mediaBridgeId: () => media.pbxMedia?.bridgeId ?? null,
        whisper: (personChannelId) => this.#whisper(line, personChannelId),
        takeOver: (personChannelId, gone) => this.#takeOver(line, personChannelId, gone),
        ended: (ended) => {
          if (this.#live.get(endpoint) === ended) this.#live.delete(endpoint);
        },
      },
      clock: services.clock,
      log,
    });
    this.#live.set(endpoint, supervision);
    return supervision;
  }

  /** The agent has another leg, and the call another bridge. */
  follow(): void {
    for (const supervision of this.#live.values()) supervision.follow();
  }

  /** The agent is gone: the caller stays with whoever talks with them already. Resolves with whether there was somebody. Never rejects. */
  async leaveCaller(reason: string): Promise<boolean> {
    const companion = [...this.#live.values()].find(({ joined }) => joined);
    if (companion === undefined) return false;
    this.#takeOverReason = `${reason}; the caller stays with the person who had joined`;
    companion.change('takeover');
    await companion.settled();
    return this.#options.hasEnded();
  }

  /** The call is over: nobody has anything to supervise any more. */
  stop(): void {
    for (const supervision of [...this.#live.values()]) supervision.stop();
  }

  /** Whoever means to speak to an agent that cannot understand them should know. */
  #needEars(): void {
    const { agent, line, services } = this.#options;
    if (services.ears?.has(agent) === true && line?.pbx.consult?.overhear !== undefined) return;
    const why =
      services.ears?.has(agent) === true
        ? 'the PBX cannot let us hear a supervisor alone'
        : `agent "${agent}" has no speech to text of its own (provider pipeline)`;
    throw new LinecardError('PBX_UNSUPPORTED', `what is whispered would not be understood: ${why}; send it as "text"`);
  }

  #whisper({ pbx }: Line, personChannelId: ChannelId): Whisper | null {
    const { callId, agent, caller, services, media, log } = this.#options;
    const { ears, engine, routes, clock } = services;
    const overhear = pbx.consult?.overhear?.bind(pbx.consult);
    if (overhear === undefined || ears?.has(agent) !== true) return null;
    return new Whisper({
      pbx,
      overhear,
      personChannelId,
      agent,
      caller,
      engine,
      routes,
      clock,
      log,
      onSaid: (said) => media.send({ kind: 'instruct', callId, text: whisperText(said) }),
    });
  }

  async #takeOver(line: Line, personChannelId: ChannelId, gone: () => boolean): Promise<void> {
    const { services, changeHold, end, hasEnded, log } = this.#options;
    const { pbx, offer } = line;
    const { consult } = pbx;
    if (consult === undefined) return;
    const parties: Parties = { bridgeId: newBridgeId(), callerChannelId: offer.channelId, personChannelId };
    changeHold('held');
    try {
      await consult.connect(parties);
    } catch (error) {
      await this.#backToTheAgent(line, parties);
      changeHold('resumed');
      throw error;
    }
    const left = (): ChannelId | null => {
      if (hasEnded()) return offer.channelId;
      return gone() ? personChannelId : null;
    };
    await releaseParties({ pbx, consult, pairs: services.pairs, parties, gone: left, log });
    await end({ result: 'transferred', fault: 'none', reason: this.#takeOverReason });
    // A released pair has left our bridge; one that is kept needs it.
    if (!services.pairs.has(parties.bridgeId))
      await pbx.closeMedia({ mediaChannelId: null, bridgeId: parties.bridgeId });
  }

  /** The PBX may have failed with the caller in the new bridge already. */
  async #backToTheAgent({ pbx }: Line, { bridgeId, callerChannelId }: Parties): Promise<void> {
    const { media, log } = this.#options;
    const mediaBridgeId = media.pbxMedia?.bridgeId;
    try {
      if (mediaBridgeId !== undefined) await pbx.consult?.takeBack(callerChannelId, mediaBridgeId);
      await pbx.closeMedia({ mediaChannelId: null, bridgeId });
    } catch (error) {
      log.warn({ err: error }, 'what was left of a take-over could not be taken away');
    }
  }
}

/** The caller must not hear of it. */
function whisperText(said: string): string {
  return `Your supervisor says to you, and the caller does not hear it: "${said}". Do as they say, and do not mention them.`;
}
