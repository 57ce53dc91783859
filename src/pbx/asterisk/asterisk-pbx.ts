import { assertNever } from '../../core/assert-never.js';
import type { Clock } from '../../core/clock.js';
import { wait } from '../../core/clock.js';
import { LinecardError } from '../../core/errors.js';
import type { ChannelId } from '../../core/ids.js';
import type { Logger } from '../../core/logger.js';
import type { ChannelInfo, HangUpCause, OpenMedia, Pbx, PbxCapabilities, PbxEvent, PbxSnapshot } from '../port.js';
import type { PbxIdentity } from './ari-connection.js';
import { readBridges, readChannels, reasonForHangUp, text, type AriBridge, type AriChannel } from './ari-events.js';
import { AriRefusal, type AriClient } from './ari-library.js';
import { AriLink, type ChannelEvent } from './ari-link.js';
import { AsteriskConsult, partiesName } from './asterisk-consult.js';
import { AsteriskUplink } from './asterisk-uplink.js';
import { ChannelBook, type Missed } from './channel-book.js';
import { MediaBuilder } from './media-builder.js';
import { mediaRatesOf } from './media-rates.js';
import { refused } from './refusals.js';
import { namedArguments, wishes } from '../wishes.js';

export type AsteriskOptions = {
  /** Name of the PBX in the configuration. */
  readonly name: string;
  readonly ari: { readonly url: string; readonly username: string; readonly password: string };
  /** Name of the Stasis application; each Linecard on a PBX has its own. */
  readonly app: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Between 0 and 1; for tests. */
  readonly random?: () => number;
};

/** The form of the ids that we choose (core/ids.ts). A prefix would not do: a PBX named `linecard-demo` begins its own ids so. */
const OURS = /^linecard-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** "Bridge not in Stasis application": it is being taken away already, or only being made; who makes it takes it away then. */
const BRIDGE_LEAVING = 409;
/** How often, and how long after, a channel that did not answer is looked for: it is listed for some milliseconds after its hang-up. */
const LEAVING_TRIES = 5;
const LEAVING_MS = 20;
/** As a person presses keys; shorter ones are missed by some voice menus. */
const DIGIT_MS = 100;

/** Asterisk over ARI: tells what happens to channels, and carries out commands. */
export class AsteriskPbx implements Pbx {
  readonly name: string;
  readonly kind = 'asterisk';
  onEvent: (event: PbxEvent) => void = () => undefined;
  readonly #app: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly consult: AsteriskConsult;
  readonly uplink: AsteriskUplink;
  readonly #book: ChannelBook;
  readonly #media: MediaBuilder;
  readonly #link: AriLink;
  /** Of the PBX that we were connected to last. */
  #startedAt = '';

  constructor(options: AsteriskOptions) {
    const { app, ari, clock } = options;
    this.name = options.name;
    this.#app = app;
    this.#clock = clock;
    this.#log = options.log;
    this.#book = new ChannelBook(clock);
    this.#link = new AriLink({
      ari: { ...ari, app, clock, log: this.#log },
      random: options.random ?? Math.random,
      listener: {
        onUp: (pbx) => this.#onUp(pbx),
        onEvent: (event) => this.#onAri(event),
        onDown: (reason, before) => this.#onDown(reason, before),
      },
    });
    this.#media = new MediaBuilder({
      app,
      book: this.#book,
      clock,
      log: this.#log,
      run: (operation) => this.#link.run(operation),
    });
    this.uplink = new AsteriskUplink({
      run: (operation) => this.#link.run(operation),
      onChannel: (channelId, what, operation) => this.#onChannel(channelId, what, operation),
    });
    this.consult = new AsteriskConsult({
      app,
      book: this.#book,
      log: this.#log,
      run: (operation) => this.#link.run(operation),
      onChannel: (channelId, what, operation) => this.#onChannel(channelId, what, operation),
      needExtension: (channelId, context, extension) => this.#needExtension(channelId, context, extension),
      onGone: (channelId, cause) => this.#tell({ kind: 'channelGone', channelId, cause }),
    });
  }

  get can(): PbxCapabilities {
    return { mediaRatesHz: this.#media.ratesHz, transport: 'audiosocket', mediaBeforeAnswer: 'yes' };
  }

  /** Channels that are known or awaited: zero when no call is here. For tests of leaks. */
  get trackedChannels(): number {
    return this.#book.size;
  }

  start(): void {
    this.#link.start();
  }

  unready(): string | null {
    return this.#link.unready;
  }

  async snapshot(): Promise<PbxSnapshot> {
    const askedAtMs = this.#clock.nowMs();
    const [channels, bridges] = await Promise.all([
      this.#command('listing channels', (client) => client.channels.list()),
      this.#command('listing bridges', (client) => client.bridges.list()),
    ]);
    // Whoever was taken into a bridge of the PBX's own (`consult.release`) is still said to be in Stasis.
    const elsewhere = new Set(readBridges(bridges).flatMap((bridge) => (this.#isOurs(bridge) ? [] : bridge.channels)));
    const here = readChannels(channels).filter((channel) => !elsewhere.has(channel.id));
    const [inApp, onTheWay] = [here.filter((channel) => this.#isInApp(channel)), readChannels(channels)];
    const missed = this.#book.correct(idsOf(inApp), idsOf(onTheWay), askedAtMs);
    this.#tellMissed(missed);
    // A person who is being rung is in no application yet: an earlier process of ours may have begun it.
    const ours = here.filter((channel) => this.#isInApp(channel) || OURS.test(channel.id));
    return {
      channels: ours.map(toChannelInfo),
      bridges: readBridges(bridges)
        .filter((bridge) => this.#isOurs(bridge))
        .map(({ id, name, channels: members }) => ({
          bridgeId: id,
          channels: members,
          ...(name === this.#app ? {} : { holds: 'parties' as const }),
        })),
    };
  }

  ring(channelId: ChannelId): Promise<void> {
    return this.#onChannel(channelId, 'ringing', (client) => client.channels.ring({ channelId }));
  }

  answer(channelId: ChannelId): Promise<void> {
    return this.#onChannel(channelId, 'answering', (client) => client.channels.answer({ channelId }));
  }

  /** Every AudioSocket frame tells its rate. */
  mediaFormat(): Promise<null> {
    return Promise.resolve(null);
  }

  async openMedia(request: OpenMedia): Promise<void> {
    const { unready } = this.#link;
    if (unready !== null) throw new LinecardError('PBX_UNREACHABLE', unready);
    try {
      await this.#media.open(request);
    } catch (error) {
      await this.closeMedia(request).catch((late: unknown) => {
        // The reconcile run finds it.
        this.#log.warn({ err: late, bridgeId: request.bridgeId }, 'half-built media could not be taken away');
      });
      if (await this.#isGone(request.callerChannelId)) throw channelGone(request.callerChannelId, error);
      throw refused(error, 'opening the audio connection');
    }
  }

  async closeMedia(
    request: Pick<OpenMedia, 'bridgeId'> & { readonly mediaChannelId: ChannelId | null },
  ): Promise<void> {
    const { mediaChannelId, bridgeId } = request;
    if (mediaChannelId !== null) this.#book.giveUp(mediaChannelId);
    const results = await Promise.allSettled([
      mediaChannelId === null ? null : this.hangUp(mediaChannelId),
      this.#command('taking the bridge away', (client) =>
        unlessMissing(client.bridges.destroy({ bridgeId }), [404, BRIDGE_LEAVING]),
      ),
    ]);
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  async handBack(channelId: ChannelId, to: { readonly context: string; readonly extension: string }): Promise<void> {
    const { context, extension } = to;
    await this.#needExtension(channelId, context, extension);
    const departure = this.#book.depart(channelId);
    try {
      // Takes the channel out of its bridge, too.
      await this.#onChannel(channelId, 'handing back', (client) =>
        client.channels.continueInDialplan({ channelId, context, extension, priority: 1 }),
      );
    } catch (error) {
      const goneCause = departure.cancel();
      if (goneCause !== null) this.#tell({ kind: 'channelGone', channelId, cause: goneCause });
      throw error;
    }
  }

  async hangUp(channelId: ChannelId, cause: HangUpCause = 'normal'): Promise<void> {
    const reason = reasonForHangUp(cause);
    await this.#command('hanging up', (client) => unlessMissing(client.channels.hangup({ channelId, reason })));
  }

  hold(channelId: ChannelId, held: 'held' | 'resumed'): Promise<void> {
    return held === 'held'
      ? this.#onChannel(channelId, 'starting music', (client) => client.channels.startMoh({ channelId }))
      : this.#onChannel(channelId, 'ending music', (client) => client.channels.stopMoh({ channelId }));
  }

  async sendDigits(channelId: ChannelId, digits: string): Promise<void> {
    if (!/^[0-9*#A-D]+$/i.test(digits)) throw new LinecardError('REQUEST_INVALID', 'digits are 0-9, *, # and A-D');
    await this.#onChannel(channelId, 'sending digits', (client) =>
      client.channels.sendDTMF({ channelId, dtmf: digits.toUpperCase(), between: DIGIT_MS, duration: DIGIT_MS }),
    );
  }

  /** Idempotent. Calls stay on the PBX as they are. */
  async stop(): Promise<void> {
    await this.#link.stop();
    this.#book.failArrivals('Linecard is shutting down');
  }

  #onUp({ version, startedAt }: PbxIdentity): void {
    this.#media.ratesHz = mediaRatesOf(version);
    this.#log.info({ version, startedAt, mediaRatesHz: this.#media.ratesHz }, 'connected to Asterisk');
    const before = this.#startedAt;
    this.#startedAt = startedAt;
    if (before === '' || startedAt === '') this.#tell({ kind: 'connected' });
    else this.#tell({ kind: 'connected', pbx: startedAt === before ? 'same' : 'restarted' });
  }

  /** Of the people whom we rang. Whether a caller whom no event took away has hung up is for who compares the list with the calls. */
  #tellMissed({ answered, gone }: Missed): void {
    for (const channelId of answered) this.#tell({ kind: 'legAnswered', channelId });
    for (const channelId of gone) {
      if (OURS.test(channelId)) this.#tell({ kind: 'channelGone', channelId, cause: 'failed' });
    }
  }

  #onDown(reason: string, before: 'up' | 'down'): void {
    this.#book.failArrivals(reason);
    if (before === 'up') this.#tell({ kind: 'disconnected', reason });
  }

  #onAri(event: ChannelEvent): void {
    switch (event.kind) {
      case 'entered':
        if (event.app !== this.#app) break;
        if (event.replacedChannelId !== null) this.#onReplaced(event.channel, event.replacedChannelId);
        else this.#onEntered(event.channel, event.args);
        break;
      case 'gone': {
        const { channelId } = event;
        const cause = this.#book.leave(channelId, event.cause);
        if (cause !== null) this.#tell({ kind: 'channelGone', channelId, cause });
        break;
      }
      case 'dialled':
        this.#book.dialStatus(event.channelId, event.status);
        if (event.status === 'ANSWER' && this.#book.has(event.channelId))
          this.#tell({ kind: 'legAnswered', channelId: event.channelId });
        break;
      case 'digit': {
        const { channelId, digit, stamp } = event;
        if (this.#book.press(channelId, stamp) === 'news') this.#tell({ kind: 'digitPressed', channelId, digit });
        break;
      }
      case 'hold':
        if (this.#book.has(event.channelId))
          this.#tell({ kind: 'holdChanged', channelId: event.channelId, held: event.held });
        break;
      default:
        assertNever(event);
    }
  }

  #onEntered(channel: AriChannel, args: readonly string[]): void {
    const news = this.#book.enter(channel.id);
    if (news === 'answered') this.#tell({ kind: 'legAnswered', channelId: channel.id });
    if (news !== 'new') return;
    if (OURS.test(channel.id)) {
      // Its call gave it up while the PBX was still making it.
      this.#log.info({ channelId: channel.id }, 'media channel that nobody wants any more hung up');
      this.hangUp(channel.id).catch((error: unknown) => {
        this.#log.warn({ err: error, channelId: channel.id }, 'channel could not be hung up');
      });
      return;
    }
    this.#tell({
      kind: 'callOffered',
      offer: {
        channelId: channel.id,
        caller: channel.caller,
        extension: nonEmpty(args[0]) ?? channel.extension,
        context: channel.context,
        answered: channel.state === 'Up' ? 'yes' : 'no',
        ...wishes(namedArguments(args.slice(1))),
      },
    });
  }

  /** Asterisk does a phone's transfer by itself (`bridge.c`, blind and attended): a Local channel takes the phone's place with us. */
  #onReplaced(channel: AriChannel, replacedChannelId: ChannelId): void {
    if (this.#book.enter(channel.id) !== 'new') return;
    this.#book.depart(replacedChannelId);
    const { id: channelId, caller } = channel;
    const answered = channel.state === 'Up' ? 'yes' : 'no';
    this.#tell({ kind: 'callerReplaced', replacedChannelId, by: { channelId, caller, answered } });
  }

  #tell(event: PbxEvent): void {
    try {
      this.onEvent(event);
    } catch (error) {
      this.#log.error({ err: error, kind: event.kind }, 'event of the PBX failed in control');
    }
  }

  /** A caller sent to an extension that does not exist is hung up by the PBX: refuse while they are still with us. */
  async #needExtension(channelId: ChannelId, context: string, extension: string): Promise<void> {
    // What has a meaning inside a dialplan expression is not asked for.
    if (!/^[\w.+*#-]+$/.test(`${context}${extension}`)) return;
    const variable = `DIALPLAN_EXISTS(${context},${extension},1)`;
    try {
      const answer = await this.#link.run((client) => client.channels.getChannelVar({ channelId, variable }));
      if (text(answer, 'value') !== '0') return;
    } catch (error) {
      // func_dialplan is not loaded, or the channel is gone: what follows finds out.
      this.#log.debug({ err: error }, 'the PBX does not tell whether an extension exists');
      return;
    }
    throw new LinecardError(
      'PBX_REFUSED',
      `the PBX has no extension ${extension} in context ${context}: correct the fallback or destination, or the context that the call comes from`,
    );
  }

  /** A command about a channel: a refusal because it is not there any more is CHANNEL_GONE. */
  async #onChannel(
    channelId: ChannelId,
    what: string,
    operation: (client: AriClient) => Promise<unknown>,
  ): Promise<void> {
    try {
      await this.#link.run(operation);
    } catch (error) {
      // 409: it is back in the dialplan.
      if (
        error instanceof AriRefusal &&
        (error.status === 404 || error.status === 409 || (await this.#isGone(channelId, error.status)))
      )
        throw channelGone(channelId, error);
      throw refused(error, what);
    }
  }

  async #command<T>(what: string, operation: (client: AriClient) => Promise<T>): Promise<T> {
    try {
      return await this.#link.run(operation);
    } catch (error) {
      throw refused(error, what);
    }
  }

  /** Whether the PBX says that it has no such channel; when it says nothing, no. */
  async #isGone(channelId: ChannelId, status = 0): Promise<boolean> {
    // `ast_raw_answer` fails for a channel that was hung up, and the channel is listed for a moment longer.
    const tries = status === 500 ? LEAVING_TRIES : 1;
    try {
      for (let i = 0; i < tries; i++) {
        if (i > 0) await wait(this.#clock, LEAVING_MS);
        await this.#link.run((client) => client.channels.get({ channelId }));
      }
      return false;
    } catch (error) {
      return error instanceof AriRefusal && error.status === 404;
    }
  }

  #isOurs(bridge: AriBridge): boolean {
    return OURS.test(bridge.id) && (bridge.name === this.#app || bridge.name === partiesName(this.#app));
  }

  #isInApp(channel: AriChannel): boolean {
    return channel.appName === 'Stasis' && channel.appData.split(',')[0] === this.#app;
  }
}

function idsOf(channels: readonly AriChannel[]): ChannelId[] {
  return channels.map(({ id }) => id);
}

function toChannelInfo(channel: AriChannel): ChannelInfo {
  const { id, caller, context, createdAtMs } = channel;
  const owner = OURS.test(id) ? 'linecard' : 'pbx';
  return {
    channelId: id,
    state: channel.state === 'Up' ? 'up' : channel.state === 'Down' ? 'down' : 'ringing',
    caller,
    extension: owner === 'linecard' ? null : (nonEmpty(channel.appData.split(',')[1]) ?? channel.extension),
    context,
    owner,
    createdAtMs,
  };
}

/** What is not there need not be taken away. */
async function unlessMissing(work: Promise<unknown>, missing: readonly number[] = [404]): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof AriRefusal && missing.includes(error.status))) throw error;
  }
}

function channelGone(channelId: ChannelId, cause: unknown): LinecardError {
  return new LinecardError('CHANNEL_GONE', `channel ${channelId} has hung up or left`, { cause });
}

function nonEmpty(value: string | undefined): string | null {
  return value === undefined || value === '' ? null : value;
}
