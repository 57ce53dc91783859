import type { Caller } from '../../core/calls.js';
import { LinecardError } from '../../core/errors.js';
import type { BridgeId, ChannelId } from '../../core/ids.js';
import type { Logger } from '../../core/logger.js';
import type { ConsultPbx, DialLeg, HangUpCause, Listen, Parties } from '../port.js';
import { text } from './ari-events.js';
import type { AriClient } from './ari-library.js';
import type { ChannelBook } from './channel-book.js';
import { refused } from './refusals.js';

type Operation = (client: AriClient) => Promise<unknown>;

export type AsteriskConsultOptions = {
  readonly app: string;
  readonly book: ChannelBook;
  readonly log: Logger;
  readonly run: <T>(operation: (client: AriClient) => Promise<T>) => Promise<T>;
  /** As `run`; a channel that is not there any more is CHANNEL_GONE. */
  readonly onChannel: (channelId: ChannelId, what: string, operation: Operation) => Promise<void>;
  /** Rejects where the dialplan has no such extension. */
  readonly needExtension: (channelId: ChannelId, context: string, extension: string) => Promise<void>;
  /** A channel left while it was thought to be on its way. */
  readonly onGone: (channelId: ChannelId, cause: HangUpCause) => void;
};

/** In dialplan/asterisk/linecard.conf: `caller` bridges the channel natively with LINECARD_PERSON and hangs up after it. */
const RELEASE_CONTEXT = 'linecard-release';
const RELEASE_EXTENSION = 'caller';
/** Beyond our own ring time, so that the PBX gives up only where we cannot any more. */
const RING_SPARE_S = 5;
/** What has no meaning in a channel name: no `/`, `@`, `&`, `,` or `;`. */
const DIALLABLE = /^[\w.+*#-]{1,80}$/;
/** From the request to the channel's arrival. */
const SNOOP_LIMIT_MS = 2000;
const MAX_NAME_CHARACTERS = 60;

/** The name of a bridge with two parties; one with a caller and their media is called as the application. */
export function partiesName(app: string): string {
  return `${app}:parties`;
}

/**
 * Brings callers to people on Asterisk. A person is rung through a Local channel into the dialplan, so that whatever rings there
 * can be a destination: a phone, a ring group, a queue, a number outside.
 */
export class AsteriskConsult implements ConsultPbx {
  readonly #options: AsteriskConsultOptions;

  constructor(options: AsteriskConsultOptions) {
    this.#options = options;
  }

  async dial(leg: DialLeg): Promise<void> {
    const { app, book, needExtension, run } = this.#options;
    const { channelId, callerChannelId, extension, context } = leg;
    if (!DIALLABLE.test(extension) || !DIALLABLE.test(context)) {
      throw new LinecardError('PBX_UNSUPPORTED', `"${extension}@${context}" cannot be dialled`);
    }
    if (callerChannelId !== null) await needExtension(callerChannelId, context, extension);
    // The event may be faster than the reply.
    book.dial(channelId);
    try {
      await run((client) =>
        client.channels.originateWithId({
          channelId,
          // /n: it stays the channel whose id we chose when it is bridged.
          endpoint: `Local/${extension}@${context}/n`,
          app,
          callerId: displayed(leg.caller),
          // Its formats are the caller's. With neither the leg gets slin192, and now and then the person does not hear the caller.
          ...(callerChannelId === null ? { formats: 'slin16' } : { originator: callerChannelId }),
          timeout: Math.ceil(leg.ringTimeMs / 1000) + RING_SPARE_S,
        }),
      );
      book.dialled(channelId);
    } catch (error) {
      book.undial(channelId);
      throw refused(error, `ringing ${extension}`);
    }
  }

  async connect({ bridgeId, callerChannelId, personChannelId }: Parties): Promise<void> {
    const { app, book, onChannel, run } = this.#options;
    try {
      await run((client) => client.bridges.createWithId({ bridgeId, type: 'mixing', name: partiesName(app) }));
    } catch (error) {
      throw refused(error, 'making the bridge of the parties');
    }
    // One request for both, the person first, and the music ends meanwhile: each request more is time in which they do not hear each other.
    const channel = `${personChannelId},${callerChannelId}`;
    await Promise.all([
      onChannel(personChannelId, 'connecting caller and person', (client) =>
        client.bridges.addChannel({ bridgeId, channel }),
      ),
      this.#stopMusic(callerChannelId),
    ]);
    for (const channelId of [callerChannelId, personChannelId]) {
      if (!book.has(channelId)) throw new LinecardError('CHANNEL_GONE', `channel ${channelId} hung up meanwhile`);
    }
  }

  async takeBack(callerChannelId: ChannelId, mediaBridgeId: BridgeId): Promise<void> {
    await this.#options.onChannel(callerChannelId, 'taking the caller back', (client) =>
      client.bridges.addChannel({ bridgeId: mediaBridgeId, channel: callerChannelId }),
    );
  }

  /** One command moves both: the application `Bridge` of the caller takes the person out of ours. */
  async release({ callerChannelId, personChannelId }: Parties): Promise<'released' | 'kept'> {
    const { book, log, onChannel, onGone, run } = this.#options;
    if (!(await this.#canRelease(callerChannelId))) return 'kept';
    const departures = [callerChannelId, personChannelId].map((channelId) => ({
      channelId,
      departure: book.depart(channelId),
    }));
    try {
      const name = text(await run((client) => client.channels.get({ channelId: personChannelId })), 'name');
      await onChannel(callerChannelId, 'naming the person', (client) =>
        client.channels.setChannelVar({ channelId: callerChannelId, variable: 'LINECARD_PERSON', value: name }),
      );
      await onChannel(callerChannelId, 'releasing', (client) =>
        client.channels.continueInDialplan({
          channelId: callerChannelId,
          context: RELEASE_CONTEXT,
          extension: RELEASE_EXTENSION,
          priority: 1,
        }),
      );
      return 'released';
    } catch (error) {
      log.warn({ err: error }, 'two parties could not be released to the PBX, they are watched');
      for (const { channelId, departure } of departures) {
        const goneCause = departure.cancel();
        if (goneCause !== null) onGone(channelId, goneCause);
      }
      return 'kept';
    }
  }

  async listen({ callerChannelId, personChannelId, snoopChannelId, bridgeId }: Listen): Promise<void> {
    const { app, run } = this.#options;
    await this.#snoop(callerChannelId, snoopChannelId, 'both');
    try {
      // Named as a caller's own bridge: the leak check takes it away when nobody owns it.
      await run((client) => client.bridges.createWithId({ bridgeId, type: 'mixing', name: app }));
      await run((client) => client.bridges.addChannel({ bridgeId, channel: `${snoopChannelId},${personChannelId}` }));
    } catch (error) {
      throw refused(error, 'connecting a supervisor');
    }
  }

  overhear({
    personChannelId,
    snoopChannelId,
  }: {
    personChannelId: ChannelId;
    snoopChannelId: ChannelId;
  }): Promise<void> {
    return this.#snoop(personChannelId, snoopChannelId, 'in');
  }

  async join(personChannelId: ChannelId, bridgeId: BridgeId): Promise<void> {
    await this.#options.onChannel(personChannelId, 'joining a call', (client) =>
      client.bridges.addChannel({ bridgeId, channel: personChannelId }),
    );
  }

  /** Resolves when the new channel is here. */
  async #snoop(channelId: ChannelId, snoopChannelId: ChannelId, spy: 'in' | 'both'): Promise<void> {
    const { app, book, run } = this.#options;
    const [arrived, asked] = await Promise.allSettled([
      book.expect(snoopChannelId, SNOOP_LIMIT_MS),
      run((client) =>
        client.channels.snoopChannelWithId({ channelId, snoopId: snoopChannelId, spy, whisper: 'none', app }),
      ).catch((error: unknown) => {
        book.giveUp(snoopChannelId);
        throw error;
      }),
    ]);
    if (asked.status === 'rejected') throw refused(asked.reason, 'listening to a call');
    if (arrived.status === 'rejected') throw arrived.reason;
  }

  async #canRelease(channelId: ChannelId): Promise<boolean> {
    const variable = `DIALPLAN_EXISTS(${RELEASE_CONTEXT},${RELEASE_EXTENSION},1)`;
    try {
      const answer = await this.#options.run((client) => client.channels.getChannelVar({ channelId, variable }));
      return text(answer, 'value') === '1';
    } catch (error) {
      this.#options.log.debug({ err: error }, 'the PBX does not tell whether it can release calls');
      return false;
    }
  }

  async #stopMusic(channelId: ChannelId): Promise<void> {
    await this.#options.onChannel(channelId, 'ending music', (client) => client.channels.stopMoh({ channelId }));
  }
}

/**
 * A caller as a phone shows them, in Asterisk's own form. What callers send is untrusted: quotes, brackets and line ends would make
 * another caller of it, or another header.
 */
export function displayed({ name, number }: Caller): string {
  const plainName = name.replaceAll(/[^\p{L}\p{N} .,'&+()-]/gu, '').trim();
  const plainNumber = number.replaceAll(/[^0-9A-Za-z+*#._-]/g, '');
  return `"${plainName.slice(0, MAX_NAME_CHARACTERS)}" <${plainNumber.slice(0, MAX_NAME_CHARACTERS)}>`;
}
