import type { LinecardError } from '../../src/core/errors.js';
import type { BridgeId, ChannelId } from '../../src/core/ids.js';
import type { MediaFormat } from '../../src/engine/port.js';
import type {
  CallOffer,
  ConsultPbx,
  OpenMedia,
  Pbx,
  PbxCapabilities,
  PbxEvent,
  PbxSnapshot,
  UplinkPbx,
} from '../../src/pbx/port.js';
import { FakeConsult } from './fake-consult.js';

export type FakePbxCommand =
  | Exclude<
      keyof Pbx,
      'name' | 'kind' | 'can' | 'start' | 'unready' | 'onEvent' | 'stop' | 'mediaFormat' | 'consult' | 'uplink'
    >
  | keyof ConsultPbx;

/** A PBX in memory: it does what it is told at once, remembers every command, and fails where the test says. */
export class FakePbx implements Pbx {
  readonly name = 'fake';
  readonly kind = 'asterisk';
  readonly can: PbxCapabilities;
  /** People who can be rung. */
  readonly people = new FakeConsult(this);
  readonly consult?: ConsultPbx;
  /** Where the test says so. */
  uplink?: UplinkPbx;
  /** In order, with the channel or bridge each was about. */
  readonly commands: string[] = [];
  /** Media channels and bridges that were opened and not closed. */
  readonly openMediaChannels = new Map<string, OpenMedia>();
  onEvent: (event: PbxEvent) => void = () => undefined;
  /** What `snapshot` answers. */
  present: PbxSnapshot = { channels: [], bridges: [] };
  away: string | null = null;
  /** Runs inside a command, before it takes effect: hang up here to test every step. */
  during: Partial<Record<FakePbxCommand, () => void | Promise<void>>> = {};
  readonly failures = new Map<FakePbxCommand, LinecardError>();

  /** @param people whether callers can be brought to people */
  constructor(can: Partial<PbxCapabilities> = {}, people: 'reachable' | 'out of reach' = 'out of reach') {
    if (people === 'reachable') this.consult = this.people;
    this.can = { mediaRatesHz: [16_000, 8000], transport: 'audiosocket', mediaBeforeAnswer: 'yes', ...can };
  }

  start(): void {
    this.commands.push('start');
  }

  unready(): string | null {
    return this.away;
  }

  offer(offer: Partial<CallOffer> = {}): ChannelId {
    const channelId = offer.channelId ?? (`caller-${this.commands.length}` as ChannelId);
    this.onEvent({
      kind: 'callOffered',
      offer: {
        channelId,
        caller: { number: '6001', name: 'Alice' },
        extension: '7000',
        context: 'phones',
        answered: 'no',
        ...offer,
      },
    });
    return channelId;
  }

  async snapshot(): Promise<PbxSnapshot> {
    await this.run('snapshot', '');
    return this.present;
  }

  ring(channelId: ChannelId): Promise<void> {
    return this.run('ring', channelId);
  }

  answer(channelId: ChannelId): Promise<void> {
    return this.run('answer', channelId);
  }

  mediaFormat(): Promise<MediaFormat | null> {
    return Promise.resolve(null);
  }

  async openMedia(request: OpenMedia): Promise<void> {
    await this.run('openMedia', request.callerChannelId);
    this.people.mediaOpened(request);
    this.openMediaChannels.set(request.bridgeId, request);
  }

  async closeMedia(request: { readonly mediaChannelId: ChannelId | null; readonly bridgeId: BridgeId }): Promise<void> {
    await this.run('closeMedia', request.bridgeId);
    this.people.bridgeClosed(request.bridgeId);
    this.openMediaChannels.delete(request.bridgeId);
  }

  handBack(channelId: ChannelId, to: { readonly context: string; readonly extension: string }): Promise<void> {
    return this.run('handBack', `${channelId} -> ${to.extension}@${to.context}`);
  }

  async hangUp(channelId: ChannelId): Promise<void> {
    await this.run('hangUp', channelId);
    this.people.hungUp(channelId);
  }

  async hold(channelId: ChannelId, held: 'held' | 'resumed'): Promise<void> {
    await this.run('hold', `${channelId} ${held}`);
    this.people.musicChanged(channelId, held);
  }

  sendDigits(channelId: ChannelId, digits: string): Promise<void> {
    return this.run('sendDigits', `${channelId} ${digits}`);
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }

  /** What every command does: it is written down, the test may act inside it, and it fails where the test says. */
  async run(command: FakePbxCommand, about: string): Promise<void> {
    this.commands.push(about === '' ? command : `${command} ${about}`);
    await this.during[command]?.();
    const failure = this.failures.get(command);
    if (failure !== undefined) throw failure;
  }
}
