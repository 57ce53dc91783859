import type { BridgeId, ChannelId } from '../../src/core/ids.js';
import type { ConsultPbx, DialLeg, HangUpCause, Listen, OpenMedia, Parties } from '../../src/pbx/port.js';
import type { FakePbx } from './fake-pbx.js';

/**
 * People behind a fake PBX: they ring until the test lets them answer or refuse. Keeps where each channel is, so that a test can
 * ask who hears whom.
 */
export class FakeConsult implements ConsultPbx {
  /** In the order of ringing. */
  readonly dialled: DialLeg[] = [];
  readonly live = new Set<ChannelId>();
  readonly released: Parties[] = [];
  releases: 'released' | 'kept' = 'released';
  /** Who listens, by the bridge that was made for it. */
  readonly listening = new Map<BridgeId, ChannelId>();
  /** Channels that hear a person alone. */
  readonly overheard = new Set<ChannelId>();
  readonly #pbx: FakePbx;
  readonly #bridgeOf = new Map<ChannelId, BridgeId>();
  readonly #partyBridges = new Set<BridgeId>();
  readonly #music = new Set<ChannelId>();

  constructor(pbx: FakePbx) {
    this.#pbx = pbx;
  }

  /** The person who was rung last. */
  get last(): ChannelId {
    const leg = this.dialled.at(-1);
    if (leg === undefined) throw new Error('nobody was rung');
    return leg.channelId;
  }

  /** Where a channel is. */
  bridgeOf(channelId: ChannelId): BridgeId | undefined {
    return this.#bridgeOf.get(channelId);
  }

  get openBridges(): number {
    return this.#partyBridges.size;
  }

  get partyBridges(): readonly BridgeId[] {
    return [...this.#partyBridges];
  }

  answer(channelId = this.last): void {
    this.#pbx.onEvent({ kind: 'legAnswered', channelId });
  }

  press(digit: string, channelId = this.last): void {
    this.#pbx.onEvent({ kind: 'digitPressed', channelId, digit });
  }

  leave(cause: HangUpCause = 'normal', channelId = this.last): void {
    if (!this.live.delete(channelId)) return;
    this.#bridgeOf.delete(channelId);
    this.#pbx.onEvent({ kind: 'channelGone', channelId, cause });
  }

  /** What a channel hears. `media` is a session of ours: an agent, or silence. */
  hears(channelId: ChannelId): 'music' | 'media' | 'a person' | 'nothing' {
    if (this.#music.has(channelId)) return 'music';
    if (this.released.some((pair) => [pair.callerChannelId, pair.personChannelId].includes(channelId)))
      return 'a person';
    const bridgeId = this.#bridgeOf.get(channelId);
    if (bridgeId === undefined) return 'nothing';
    if (!this.#partyBridges.has(bridgeId)) return 'media';
    const others = [...this.#bridgeOf].filter(([other, of]) => of === bridgeId && other !== channelId);
    return others.length > 0 ? 'a person' : 'nothing';
  }

  async dial(leg: DialLeg): Promise<void> {
    this.dialled.push(leg);
    await this.#pbx.run('dial', leg.extension);
    this.live.add(leg.channelId);
  }

  async connect({ bridgeId, callerChannelId, personChannelId }: Parties): Promise<void> {
    this.#partyBridges.add(bridgeId);
    await this.#pbx.run('connect', callerChannelId);
    this.#bridgeOf.set(personChannelId, bridgeId);
    this.#music.delete(callerChannelId);
    this.#bridgeOf.set(callerChannelId, bridgeId);
  }

  async takeBack(callerChannelId: ChannelId, mediaBridgeId: BridgeId): Promise<void> {
    await this.#pbx.run('takeBack', callerChannelId);
    this.#bridgeOf.set(callerChannelId, mediaBridgeId);
  }

  async release(parties: Parties): Promise<'released' | 'kept'> {
    await this.#pbx.run('release', parties.callerChannelId);
    if (this.releases === 'released') {
      this.released.push(parties);
      this.live.delete(parties.personChannelId);
    }
    return this.releases;
  }

  async listen({ callerChannelId, personChannelId, bridgeId }: Listen): Promise<void> {
    await this.#pbx.run('listen', callerChannelId);
    this.listening.set(bridgeId, personChannelId);
    this.#bridgeOf.set(personChannelId, bridgeId);
  }

  async overhear({
    personChannelId,
    snoopChannelId,
  }: {
    personChannelId: ChannelId;
    snoopChannelId: ChannelId;
  }): Promise<void> {
    await this.#pbx.run('overhear', personChannelId);
    this.overheard.add(snoopChannelId);
  }

  async join(personChannelId: ChannelId, bridgeId: BridgeId): Promise<void> {
    await this.#pbx.run('join', personChannelId);
    this.#bridgeOf.set(personChannelId, bridgeId);
  }

  mediaOpened({ callerChannelId, bridgeId }: OpenMedia): void {
    this.#bridgeOf.set(callerChannelId, bridgeId);
  }

  bridgeClosed(bridgeId: BridgeId): void {
    this.#partyBridges.delete(bridgeId);
    this.listening.delete(bridgeId);
    for (const [channelId, of] of this.#bridgeOf) if (of === bridgeId) this.#bridgeOf.delete(channelId);
  }

  /** A caller has left for good. */
  gone(channelId: ChannelId): void {
    this.#bridgeOf.delete(channelId);
    this.#music.delete(channelId);
  }

  musicChanged(channelId: ChannelId, held: 'held' | 'resumed'): void {
    if (held === 'held') this.#music.add(channelId);
    else this.#music.delete(channelId);
  }

  /** As a PBX does it: the end of a channel is told to whoever hung it up, too. */
  hungUp(channelId: ChannelId): void {
    this.overheard.delete(channelId);
    if (this.live.has(channelId)) setImmediate(() => this.leave('normal', channelId));
  }
}
