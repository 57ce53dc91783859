import type { Clock } from '../../core/clock.js';
import { LinecardError } from '../../core/errors.js';
import type { BridgeId, ChannelId } from '../../core/ids.js';
import { isOwnId } from '../../core/ids.js';
import type { Logger } from '../../core/logger.js';
import type { MediaFormat } from '../../engine/port.js';
import type { ChannelInfo, HangUpCause, OpenMedia, Pbx, PbxCapabilities, PbxEvent, PbxSnapshot } from '../port.js';
import { causeOf, nameOf } from './causes.js';
import { ChannelBook, gone } from './channel-book.js';
import type { ChannelFacts } from './channel-facts.js';
import { afterDeafness, unicastRefusal } from './channel-facts.js';
import type { EslEvent } from './esl-connection.js';
import { FreeSwitchConsult } from './freeswitch-consult.js';
import { FreeSwitchLink } from './freeswitch-link.js';
import { HandBack } from './hand-back.js';
import { HoldMusic } from './hold-music.js';
import { Parking } from './parking.js';
import { Replacements } from './replacements.js';
import type { ChannelRow } from './snapshot.js';
import { readRows, toChannelInfo } from './snapshot.js';
import { SocketDoor } from './socket-door.js';
import { wishes } from '../wishes.js';

export type FreeSwitchOptions = {
  /** Name of the PBX in the configuration. */
  readonly name: string;
  readonly esl: { readonly host: string; readonly port: number; readonly password: string };
  /** Where the dialplan's `socket` action connects. */
  readonly socket: { readonly host: string; readonly port: number };
  /** Value of the dialplan's `linecard_app`; each Linecard on a PBX has its own. */
  readonly app: string;
  readonly clock: Clock;
  readonly log: Logger;
};

/** A stock FreeSWITCH: control by one inbound event socket, audio by core `unicast`, callers by `socket` or `park` in the dialplan. */
export class FreeSwitchPbx implements Pbx {
  readonly name: string;
  readonly kind = 'freeswitch';
  /** The rates are the callers' codecs', whatever we ask for. */
  readonly can: PbxCapabilities = { mediaRatesHz: [16_000, 8000], transport: 'unicast', mediaBeforeAnswer: 'no' };
  readonly consult: FreeSwitchConsult;
  onEvent: (event: PbxEvent) => void = () => undefined;
  readonly #app: string;
  readonly #log: Logger;
  readonly #link: FreeSwitchLink;
  readonly #door: SocketDoor;
  readonly #parking: Parking;
  readonly #music: HoldMusic;
  readonly #handBack: HandBack;
  readonly #replacements: Replacements;
  readonly #channels: ChannelBook;
  /** Callers that were offered and have not ended or been handed back: their end is told once. */
  readonly #callers = new Set<ChannelId>();
  #doorProblem: string | null = null;

  constructor(options: FreeSwitchOptions) {
    const { name, app, esl, socket, clock, log } = options;
    this.name = name;
    this.#app = app;
    this.#log = log;
    this.#link = new FreeSwitchLink({
      ...esl,
      clock,
      log,
      onEvent: (event) => this.#onEsl(event),
      onConnected: () => void this.#onConnected(),
      onDisconnected: (reason) => this.#onDisconnected(reason),
    });
    this.#door = new SocketDoor({ ...socket, log, mayEnter: (address) => address === this.#link.peerAddress });
    const channels = new ChannelBook((line) => this.#api(line));
    this.#channels = channels;
    const run = (channelId: ChannelId, line: string): Promise<string> => channels.run(channelId, line);
    this.#parking = new Parking({ run, clock });
    this.#music = new HoldMusic({ run, log });
    this.#handBack = new HandBack({
      app,
      log,
      run,
      api: (line) => this.#api(line),
      callers: this.#callers,
      isThere: (channelId) => channels.has(channelId),
    });
    this.#replacements = new Replacements({
      clock,
      askRefer: (channelId) => this.#referOf(channelId),
      onGone: (channelId) => this.#tell({ kind: 'channelGone', channelId, cause: 'normal' }),
    });
    this.consult = new FreeSwitchConsult({
      app,
      clock,
      log,
      run,
      runInBackground: async (line, jobId) => {
        await this.#link.connection.command(`bgapi ${line}`, { 'Job-UUID': jobId });
      },
      factsOf: (channelId) => channels.get(channelId),
      callers: this.#callers,
      needExtension: (context, extension) => this.#handBack.needExtension(context, extension),
      openMedia: (request) => this.openMedia(request),
      parking: this.#parking,
      music: this.#music,
      tell: (event) => this.#tell(event),
    });
  }

  /** Where `socket` connects; for tests that bind port 0. */
  get socketPort(): number {
    return this.#door.port;
  }

  /** Channels that are known and callers that are served: zero when no call is here. For tests of leaks. */
  get trackedChannels(): number {
    return this.#channels.size + this.#callers.size + this.consult.size + this.#replacements.size;
  }

  start(): void {
    this.#link.start();
    this.#door.listen().catch((error: unknown) => {
      this.#doorProblem = error instanceof Error ? error.message : String(error);
      this.#log.error({ err: error }, 'callers cannot come from FreeSWITCH');
    });
  }

  unready(): string | null {
    return this.#doorProblem ?? this.#link.unready();
  }

  /** A bridge and a media channel are Asterisk's way; here there are callers, and people who were rung for them. */
  async snapshot(): Promise<PbxSnapshot> {
    const rows = readRows(await this.#api('show channels as json'));
    const present = new Set(rows.map((row) => row.channelId));
    // The table of channels is written behind the events: what it lacks may be too young for it.
    for (const id of new Set([...this.#channels.ids, ...this.#callers, ...this.consult.legIds])) {
      if (!present.has(id) && !(await this.#channels.exists(id))) this.#forget(id, 'failed');
    }
    const channels: ChannelInfo[] = [];
    const adopted: ChannelId[] = [];
    // Callers first: whom they talk with is not ours to end.
    for (const row of rows.filter((each) => !mayBeLeg(each))) channels.push(...(await this.#callerInfo(row, adopted)));
    for (const row of rows.filter(mayBeLeg)) channels.push(...(await this.#legInfo(row)));
    await Promise.all(adopted.map((channelId) => this.#silence(channelId)));
    for (const id of [...this.#callers, ...this.consult.legIds]) {
      const facts = this.#channels.get(id);
      if (!present.has(id) && facts !== undefined) channels.push(toChannelInfo(facts, Infinity));
    }
    return { channels, bridges: [] };
  }

  async ring(channelId: ChannelId): Promise<void> {
    await this.#channels.run(channelId, `uuid_ring_ready ${channelId}`);
  }

  async answer(channelId: ChannelId): Promise<void> {
    await this.#channels.run(channelId, `uuid_answer ${channelId}`);
  }

  /** Parks the caller (again) where a unicast could not begin as they are; what FreeSWITCH says of the park is the format. */
  async mediaFormat(channelId: ChannelId): Promise<MediaFormat> {
    await this.#parkForMedia(channelId);
    const facts = this.#channels.get(channelId);
    if (facts === undefined) throw gone(channelId);
    if (facts.readRateHz === null) {
      throw new LinecardError('PBX_REFUSED', 'FreeSWITCH has not negotiated a codec with the caller');
    }
    const { readRateHz, ptimeMs, codec } = facts;
    return { pbx: this.name, peerHost: this.#peerHost(), rateHz: readRateHz, ptimeMs, codec: codec ?? 'L16' };
  }

  /** Resolves when FreeSWITCH has taken the command, which says nothing: the first datagram is the sign that it worked. */
  async openMedia(request: OpenMedia): Promise<void> {
    const { callerChannelId, address } = request;
    await this.#parkForMedia(callerChannelId);
    const facts = this.#channels.get(callerChannelId);
    const refusal = unicastRefusal(facts);
    if (facts === undefined) throw gone(callerChannelId);
    if (refusal !== null) throw new LinecardError('PBX_REFUSED', `audio cannot be connected safely: ${refusal}`);
    this.#channels.set({ ...facts, unicast: 'active' });
    await this.#link.connection.command(`sendmsg ${callerChannelId}`, {
      'call-command': 'unicast',
      'local-ip': this.#peerHost(),
      // Ports come in pairs: ours is even, FreeSWITCH's the odd one above it.
      'local-port': address.port + 1,
      'remote-ip': address.host,
      'remote-port': address.port,
      transport: 'udp',
    });
    this.consult.mediaOpened(request);
  }

  /** The park stays; the next one, a transfer or a hang-up ends the unicast. Datagrams until then meet a closed port. */
  closeMedia({ bridgeId }: { readonly bridgeId: BridgeId }): Promise<void> {
    this.consult.mediaClosed(bridgeId);
    return Promise.resolve();
  }

  async handBack(channelId: ChannelId, to: { readonly context: string; readonly extension: string }): Promise<void> {
    await this.#music.stop(channelId);
    await this.#handBack.handBack(channelId, to);
  }

  async hangUp(channelId: ChannelId, cause: HangUpCause = 'normal'): Promise<void> {
    try {
      await this.#channels.run(channelId, `uuid_kill ${channelId} ${nameOf(cause)}`);
    } catch (error) {
      if (!(error instanceof LinecardError) || error.code !== 'CHANNEL_GONE') throw error;
    }
  }

  hold(channelId: ChannelId, held: 'held' | 'resumed'): Promise<void> {
    return held === 'held' ? this.#music.start(channelId) : this.#music.stop(channelId);
  }

  async sendDigits(channelId: ChannelId, digits: string): Promise<void> {
    if (!/^[0-9*#A-D]+$/i.test(digits)) throw new LinecardError('REQUEST_INVALID', 'digits are 0-9, *, # and A-D');
    await this.#channels.run(channelId, `uuid_send_dtmf ${channelId} ${digits.toUpperCase()}`);
  }

  /** Idempotent. Callers behind the door go on in the dialplan, parked ones stay as they are. */
  async stop(): Promise<void> {
    this.#link.stop();
    this.#failAll(new LinecardError('PBX_UNREACHABLE', 'Linecard is shutting down'));
    await this.#door.close();
  }

  /** Nobody when it is no caller of ours. A caller of an earlier process is added to `adopted`. */
  async #callerInfo(row: ChannelRow, adopted: ChannelId[]): Promise<ChannelInfo[]> {
    const { channelId, state, createdAtMs } = row;
    const isCaller = this.#callers.has(channelId);
    if (!isCaller && state === 'elsewhere') return [];
    // Both the table and what we know lag behind: whether one who is not our caller should be is asked of the channel itself.
    const known = isCaller ? this.#channels.get(channelId) : undefined;
    const facts = known ?? (await this.#channels.ask(channelId));
    if (facts === undefined || (!isCaller && facts.app !== this.#app)) return [];
    if (!isCaller && state === 'connected') {
      if (facts.person !== null) await this.consult.leaveToPbx(channelId, facts.person);
      return [];
    }
    if (!isCaller && !this.#callers.has(channelId)) adopted.push(channelId);
    this.#callers.add(channelId);
    return [toChannelInfo(facts, createdAtMs)];
  }

  /** Nobody when it is not one whom we rang. */
  async #legInfo({ channelId, state, createdAtMs }: ChannelRow): Promise<ChannelInfo[]> {
    const facts = await this.#channels.ask(channelId);
    if (facts === undefined || (!this.consult.has(channelId) && facts.leg !== this.#app)) return [];
    // Whoever picked up while we did not listen.
    if (state === 'waiting') this.consult.parked(facts);
    return [toChannelInfo(facts, createdAtMs)];
  }

  async #parkForMedia(channelId: ChannelId): Promise<void> {
    await this.consult.untilBack(channelId);
    const facts = this.#channels.get(channelId) ?? (await this.#channels.ask(channelId));
    if (facts === undefined) throw gone(channelId);
    if (unicastRefusal(facts) === null) return;
    // Until FreeSWITCH tells of the new park nothing is known of the old one.
    this.#channels.set(afterDeafness(facts));
    await this.#parking.park(facts);
  }

  #onEsl(event: EslEvent): void {
    const channelId = event['Unique-ID'] as ChannelId | undefined;
    if (event['Event-Name'] === 'BACKGROUND_JOB') this.consult.jobEnded(event);
    if (channelId === undefined) return;
    const named = event['variable_refer_uuid'] as ChannelId | undefined;
    if (named !== undefined && (this.#callers.has(named) || this.#replacements.isLeaving(named))) {
      this.#replacements.named(channelId, named);
    }
    const facts = this.#channels.apply(channelId, event);
    if (facts === undefined) {
      this.#forget(channelId, causeIn(event));
      return;
    }
    switch (event['Event-Name']) {
      case 'CHANNEL_OUTGOING':
        this.consult.created(channelId);
        break;
      case 'CHANNEL_PARK':
        this.#parking.parked(facts);
        this.consult.parked(facts);
        void this.#arrived(facts, event['variable_last_bridge_to'] as ChannelId | undefined);
        break;
      case 'CHANNEL_UNPARK':
        if (this.#callers.has(channelId) && !this.#mayUnpark(channelId)) this.#left(channelId);
        break;
      case 'CHANNEL_BRIDGE':
        this.consult.bridged(channelId);
        break;
      case 'CHANNEL_HANGUP':
        this.#parking.fail(channelId, gone(channelId));
        // The rest of its events comes later; for us it is over.
        this.consult.gone(channelId, causeIn(event));
        if (
          this.#callers.delete(channelId) &&
          this.#replacements.leaves(channelId, event['Hangup-Cause'], named) === 'no'
        ) {
          this.#tell({ kind: 'channelGone', channelId, cause: causeIn(event) });
        }
        break;
      case 'DTMF':
        if (this.#isOurs(channelId) && event['DTMF-Digit'] !== undefined) {
          this.#tell({ kind: 'digitPressed', channelId, digit: event['DTMF-Digit'] });
        }
        break;
      case 'CHANNEL_HOLD':
        if (this.#isOurs(channelId)) this.#tell({ kind: 'holdChanged', channelId, held: 'held' });
        break;
      case 'CHANNEL_UNHOLD':
        if (this.#isOurs(channelId)) this.#tell({ kind: 'holdChanged', channelId, held: 'resumed' });
        break;
      default:
        break; // it has changed the facts, and nobody asks for more
    }
  }

  #isOurs(channelId: ChannelId): boolean {
    return this.#callers.has(channelId) || this.consult.has(channelId);
  }

  /** It is we who take the caller out of the park. */
  #mayUnpark(channelId: ChannelId): boolean {
    return this.#parking.isAwaited(channelId) || this.consult.isConnected(channelId);
  }

  /** Parked, perhaps for us. Never rejects. */
  async #arrived(facts: ChannelFacts, talkedWith: ChannelId | undefined): Promise<void> {
    const { channelId, caller, extension, context, answerState, direction, leg } = facts;
    if (facts.app !== this.#app || this.#callers.has(channelId)) return;
    // Whoever was called and then given to our extension is a caller, too; the people we rang are not.
    if (direction === 'outbound' && leg !== null) return;
    this.#callers.add(channelId);
    const answered = answerState === 'answered' ? 'yes' : 'no';
    if (talkedWith !== undefined && this.#replacements.size > 0) {
      const replacedChannelId = await this.#replacements.replacedBy(talkedWith);
      if (!this.#callers.has(channelId)) return;
      if (replacedChannelId !== null) {
        this.#tell({ kind: 'callerReplaced', replacedChannelId, by: { channelId, caller, answered } });
        return;
      }
    }
    this.#tell({
      kind: 'callOffered',
      offer: { channelId, caller, extension, context, answered, ...wishes(facts.variables) },
    });
  }

  async #referOf(channelId: ChannelId): Promise<ChannelId | null> {
    try {
      return (await this.#api(`uuid_getvar ${channelId} refer_uuid`)) as ChannelId;
    } catch {
      return null; // it has ended, or the event socket has: then it comes in nobody's place
    }
  }

  /** Not by us: the connection of `socket` broke and the dialplan goes on, or an operator of the PBX took the caller. */
  #left(channelId: ChannelId): void {
    this.#log.warn({ channelId }, 'caller was taken out of the park by the PBX');
    this.#callers.delete(channelId);
    this.#music.forget(channelId);
    this.#tell({ kind: 'channelGone', channelId, cause: 'normal' });
  }

  #forget(channelId: ChannelId, cause: HangUpCause): void {
    this.#channels.delete(channelId);
    this.#handBack.forget(channelId);
    this.#replacements.ended(channelId);
    this.#music.forget(channelId);
    this.#parking.fail(channelId, gone(channelId));
    this.consult.gone(channelId, cause);
    if (this.#callers.delete(channelId)) this.#tell({ kind: 'channelGone', channelId, cause });
  }

  #failAll(error: LinecardError): void {
    this.#parking.failAll(error);
    this.consult.failAll(error);
  }

  #onDisconnected(reason: string): void {
    this.#channels.deafened();
    this.#failAll(new LinecardError('PBX_UNREACHABLE', reason));
    this.#tell({ kind: 'disconnected', reason });
  }

  async #onConnected(): Promise<void> {
    await this.#handBack.markAgain();
    this.#tell({ kind: 'connected' });
  }

  /** A caller whom an earlier process of ours served: parked anew, they no longer speak to its ports, which the next call may be given. */
  async #silence(channelId: ChannelId): Promise<void> {
    try {
      await this.#music.stopLeftOver(channelId);
      await this.#parkForMedia(channelId);
    } catch (error) {
      this.#log.warn({ err: error, channelId }, 'caller of an earlier process could not be parked');
    }
  }

  /** The address that commands go to is the one that audio comes from. */
  #peerHost(): string {
    const address = this.#link.peerAddress;
    if (address === null) throw new LinecardError('PBX_UNREACHABLE', this.#link.unready() ?? 'not connected');
    return address;
  }

  async #api(line: string): Promise<string> {
    return this.#link.connection.api(line);
  }

  #tell(event: PbxEvent): void {
    try {
      this.onEvent(event);
    } catch (error) {
      this.#log.error({ err: error, kind: event.kind }, 'event of the PBX failed in control');
    }
  }
}

/** Those whom we ring have an id of ours. */
function mayBeLeg({ direction, channelId }: ChannelRow): boolean {
  return direction === 'outbound' && isOwnId(channelId);
}

function causeIn(event: EslEvent): HangUpCause {
  return causeOf(event['Hangup-Cause'], event['variable_sip_hangup_disposition']);
}
