import { createConnection } from 'node:net';
import type { ChannelId } from '../../../src/core/ids.js';
import type { Action } from './channel.js';
import { FakeChannel } from './channel.js';
import { EslServer } from './esl-server.js';
import { FakePeople, readActions } from './people.js';
import { FakeUnicast } from './unicast.js';

export const FAKE_PASSWORD = 'secret esl';

const NO_CHANNEL = '-ERR No such channel!\n';
const NO_SESSION = '-ERR Cannot locate session!\n';

/**
 * A FreeSWITCH for tests: the event socket, a dialplan with the drop-in extension (7000), one that names another (7001) and a human (7010), and
 * unicast over UDP. It says what test/fixtures/freeswitch/recording.json has, and a `unicast` that would end the real one ends it, too.
 */
export class FakeFreeSwitch {
  readonly esl: EslServer;
  readonly channels = new Map<ChannelId, FakeChannel>();
  /** Why it died; null while it lives. */
  died: string | null = null;
  /** Whether the drop-in file answers before `socket`. */
  readonly answers: 'first' | 'never';
  /** Where the drop-in file's `socket` connects. */
  socketPort = 0;
  /** Whether the next unicast brings anything. */
  audio: 'flows' | 'comes back' | 'never' = 'flows';
  readonly #people: FakePeople;
  readonly #dialplan: () => Readonly<Record<string, readonly Action[]>>;

  constructor(options: { readonly answers?: 'first' | 'never'; readonly fallback?: string } = {}) {
    const { answers = 'first', fallback = '7010' } = options;
    this.answers = answers;
    this.esl = new EslServer({ password: FAKE_PASSWORD, answer: (command) => this.#answer(command) });
    this.#people = new FakePeople({
      channels: this.channels,
      extension: (number) => this.#dialplan()[number] ?? [],
      tell: (event) => this.esl.tell(event),
      enter: (channel, actions) => this.#enter(channel, actions),
      hangUp: (id, cause) => this.hangUp(id, cause),
    });
    this.#dialplan = () => ({
      rings: [
        ['ring_ready', ''],
        ['sleep', '200000'],
      ],
      busy: [['hangup', 'USER_BUSY']],
      rejects: [['hangup', 'CALL_REJECTED']],
      nobody: [['hangup', 'SUBSCRIBER_ABSENT']],
      silent: [
        ['ring_ready', ''],
        ['sleep', '1000'],
        ['hangup', 'NO_ANSWER'],
      ],
      presses: [
        ['answer', ''],
        ['sleep', '300'],
        ['send_dtmf', '1'],
        ['sleep', '600000'],
      ],
      7000: [
        ['set', 'linecard_app=linecard'],
        ['set', `linecard_fallback=${fallback}`],
        ...(answers === 'first' ? [['answer', ''] as const] : []),
        ['socket', `127.0.0.1:${this.socketPort} async full`],
        ['set', 'linecard_app=none'],
        ['stop_displace_session', '${linecard_music}'],
        ['transfer', `${fallback} XML default`],
      ],
      7001: [
        ['set', 'linecard_extension=7009'],
        ['transfer', '7000 XML default'],
      ],
      7010: [
        ['answer', ''],
        ['sleep', '600000'],
      ],
    });
  }

  start(port = 0): Promise<void> {
    return this.esl.listen(port);
  }

  /** A caller dials. */
  call(number: string): ChannelId {
    const channel = new FakeChannel(crypto.randomUUID() as ChannelId, 'inbound', number);
    this.channels.set(channel.id, channel);
    this.#goTo(channel, number);
    return channel.id;
  }

  hangUp(id: ChannelId, cause = 'NORMAL_CLEARING'): void {
    const channel = this.channels.get(id);
    if (channel === undefined) return;
    channel.cause = cause;
    channel.answerState = 'hangup';
    this.esl.tell(channel.event('CHANNEL_HANGUP'));
    channel.actions = [];
    channel.interrupt();
    this.channels.delete(id);
    channel.state = 'CS_REPORTING';
    this.esl.tell(channel.event('CHANNEL_HANGUP_COMPLETE'));
    channel.onHangUp(cause);
    this.#unbridge(channel, cause);
  }

  press(id: ChannelId, digit: string): void {
    const channel = this.channels.get(id);
    if (channel !== undefined) this.esl.tell(channel.event('DTMF', { 'DTMF-Digit': digit, 'DTMF-Source': 'RTP' }));
  }

  /** The phone puts us on hold, or takes us back. */
  hold(id: ChannelId, held: 'held' | 'resumed'): void {
    const channel = this.channels.get(id);
    if (channel !== undefined) this.esl.tell(channel.event(held === 'held' ? 'CHANNEL_HOLD' : 'CHANNEL_UNHOLD'));
  }

  /** The network between `socket` and us fails. */
  breakLifeline(id: ChannelId): void {
    this.channels.get(id)?.lifeline?.destroy();
  }

  async stop(): Promise<void> {
    for (const id of [...this.channels.keys()]) this.hangUp(id, 'MANAGER_REQUEST');
    await this.esl.close();
  }

  #goTo(channel: FakeChannel, number: string): void {
    channel.destination = number;
    this.#enter(channel, this.#dialplan()[number] ?? []);
  }

  /** Begins anew with other actions, in a turn of its own: as on the channel's own thread. */
  #enter(channel: FakeChannel, actions: readonly Action[]): void {
    channel.actions = [];
    channel.interrupt();
    channel.actions = [...actions];
    setImmediate(() => this.#next(channel));
  }

  #next(channel: FakeChannel): void {
    if (!this.channels.has(channel.id)) return;
    const action = channel.actions.shift();
    if (action === undefined) {
      this.hangUp(channel.id);
      return;
    }
    const [application, data] = action;
    channel.variables.set('current_application', application);
    channel.variables.delete('current_application_data');
    if (data !== '') channel.variables.set('current_application_data', data);
    switch (application) {
      case 'set': {
        const [name = '', ...value] = data.split('=');
        channel.variables.set(name, value.join('='));
        this.#next(channel);
        break;
      }
      case 'answer':
        this.#pickUp(channel);
        this.#next(channel);
        break;
      case 'transfer':
        this.#goTo(channel, data.split(' ')[0] ?? '');
        break;
      case 'socket':
        this.#socket(channel, Number(/:(\d+) /.exec(data)?.[1]));
        break;
      case 'park':
        this.#parkUntil(channel);
        break;
      case 'stop_displace_session':
        channel.displaced.delete(channel.variables.get('linecard_music') ?? '');
        this.#next(channel);
        break;
      default:
        channel.interrupt = () => undefined; // it sleeps
    }
  }

  #pickUp(channel: FakeChannel): void {
    if (channel.answerState === 'answered') return;
    channel.answerState = 'answered';
    channel.rateHz = 8000;
    this.esl.tell(channel.event('CHANNEL_ANSWER'));
  }

  /** `socket … async full`: parks as soon as the other side says `connect`; its end is the end of the application. */
  #socket(channel: FakeChannel, port: number): void {
    const socket = createConnection(port, '127.0.0.1');
    let phase: 'connecting' | 'parked' | 'over' = 'connecting';
    const leave = (): void => {
      if (phase === 'parked') this.#unpark(channel);
      phase = 'over';
      socket.destroy();
    };
    channel.interrupt = leave;
    channel.lifeline = socket;
    socket.on('error', () => undefined);
    socket.once('data', () => {
      if (phase !== 'connecting') return;
      phase = 'parked';
      this.#park(channel);
    });
    socket.on('close', () => {
      if (phase === 'over') return;
      leave();
      this.#next(channel);
    });
  }

  #parkUntil(channel: FakeChannel): void {
    this.#park(channel);
    channel.interrupt = () => this.#unpark(channel);
  }

  #park(channel: FakeChannel): void {
    channel.park = channel.answerState === 'answered' ? 'with media' : 'without media';
    this.esl.tell(channel.event('CHANNEL_PARK'));
  }

  #unpark(channel: FakeChannel): void {
    channel.park = null;
    channel.unicast?.close();
    channel.unicast = null;
    channel.interrupt = () => undefined;
    this.esl.tell(channel.event('CHANNEL_UNPARK'));
  }

  #die(reason: string): void {
    this.died = reason;
    for (const channel of this.channels.values()) channel.unicast?.close();
    void this.esl.close();
  }

  #answer(command: string): { readonly kind: 'api' | 'reply'; readonly text: string } {
    if (command.startsWith('api ')) return { kind: 'api', text: this.#api(command.slice('api '.length)) };
    if (command.startsWith('bgapi ')) return { kind: 'reply', text: this.#people.originate(command) };
    if (command.startsWith('sendmsg ')) return { kind: 'reply', text: this.#sendMessage(command) };
    return { kind: 'reply', text: '-ERR command not found' };
  }

  #sendMessage(command: string): string {
    const [first = '', ...lines] = command.split('\n');
    const id = first.slice('sendmsg '.length);
    const headers = new Map(lines.map((line) => [line.split(': ')[0] ?? '', line.split(': ')[1] ?? '']));
    const channel = this.channels.get(id as ChannelId);
    if (channel === undefined) return `-ERR invalid session id [${id}]`;
    if (headers.get('call-command') !== 'unicast') return '-ERR not in this fake';
    if (channel.park !== 'with media') {
      this.#die(`unicast on a channel that is ${channel.park === null ? 'not parked' : 'parked without media'}`);
      return '+OK';
    }
    if (channel.unicast !== null) return '+OK';
    const address = (side: string): { host: string; port: number } => ({
      host: headers.get(`${side}-ip`) ?? '',
      port: Number(headers.get(`${side}-port`)),
    });
    channel.unicast = new FakeUnicast(address('local'), address('remote'), channel.rateHz ?? 8000, this.audio);
    return '+OK';
  }

  #api(line: string): string {
    const [verb = '', id = '', ...args] = line.split(' ');
    const channel = this.channels.get(id as ChannelId);
    switch (verb) {
      case 'status':
        return `UP 0 years\n${this.channels.size} session(s) - peak 1, last 5min 1\n`;
      case 'version':
        return 'FreeSWITCH Version 1.11.3-dev~64bit (fake 64bit)\n';
      case 'module_exists':
        return String(id === 'mod_dptools');
      case 'global_getvar':
        return '-ERR no reply\n';
      case 'show':
        return this.#showChannels();
      case 'xml_locate':
        return this.#contextXml();
      case 'uuid_exists':
        return String(channel !== undefined);
      default:
        return /^uuid_/.test(verb) ? this.#onChannel(verb, channel, args) : `-ERR ${verb} Command not found!\n`;
    }
  }

  #onChannel(verb: string, channel: FakeChannel | undefined, args: readonly string[]): string {
    if (channel === undefined) return missing(verb);
    const [first = ''] = args;
    switch (verb) {
      case 'uuid_dump':
        return JSON.stringify(channel.event('CHANNEL_DATA'));
      case 'uuid_getvar':
        return channel.variables.get(first) ?? '_undef_';
      case 'uuid_setvar':
        setVariable(channel, first, args.slice(1).join(' ').replaceAll("\\'", "'"));
        return '+OK\n';
      case 'uuid_bridge':
        return this.#bridge(channel, this.channels.get(first as ChannelId));
      case 'uuid_setvar_multi':
        for (const pair of args.join(' ').split(';')) {
          const [name = '', ...value] = pair.split('=');
          setVariable(channel, name, value.join('='));
        }
        return '+OK\n';
      case 'uuid_answer':
        this.#pickUp(channel);
        return '+OK\n';
      case 'uuid_ring_ready':
        return '+OK\n';
      case 'uuid_audio':
        channel.isMuted = first === 'start';
        return '+OK\n';
      case 'uuid_kill':
        setImmediate(() => this.hangUp(channel.id, first));
        return '+OK\n';
      case 'uuid_send_dtmf':
        return `+OK ${channel.id} sent DTMF ${first}.\n`;
      case 'uuid_displace': {
        const [, source = ''] = args;
        if (source.startsWith('/no/')) return '-ERR Cannot displace session!\n';
        if (first === 'start') channel.displaced.add(source);
        else channel.displaced.delete(source);
        return '+OK Success\n';
      }
      case 'uuid_transfer':
        this.#transfer(channel, args);
        return '+OK\n';
      default:
        return `-ERR ${verb} is not in this fake\n`;
    }
  }

  /** To an extension, or `inline`: to the actions themselves, in one argument. */
  #transfer(channel: FakeChannel, args: readonly string[]): void {
    const inline = /^(?:'(.*)'|(\S+)) inline \S+$/.exec(args.join(' '));
    setImmediate(() => {
      if (!this.channels.has(channel.id)) return;
      const other = channel.bridge?.other;
      channel.bridge = null;
      if (other !== undefined) {
        other.bridge = null;
        this.hangUp(other.id, 'BLIND_TRANSFER');
      }
      channel.state = 'CS_EXECUTE';
      if (inline === null) this.#goTo(channel, args[0] ?? '');
      else this.#enter(channel, readActions(inline[1] ?? inline[2] ?? ''));
    });
  }

  #bridge(caller: FakeChannel, person: FakeChannel | undefined): string {
    if (person === undefined) return '-ERR Invalid uuid\n';
    setImmediate(() => {
      if (!this.channels.has(caller.id) || !this.channels.has(person.id)) return;
      caller.actions = [];
      caller.interrupt();
      caller.state = 'CS_SOFT_EXECUTE';
      caller.bridge = { other: person, role: 'originator' };
      person.bridge = { other: caller, role: 'originatee' };
      this.esl.tell(caller.event('CHANNEL_BRIDGE'));
      person.actions = [];
      person.interrupt();
      person.state = 'CS_EXCHANGE_MEDIA';
    });
    return `+OK ${person.id}\n`;
  }

  /** One of two has gone: a caller whom somebody wants back comes back, anybody else ends, too. */
  #unbridge(channel: FakeChannel, cause: string): void {
    const { bridge } = channel;
    if (bridge === null || !this.channels.has(bridge.other.id)) return;
    const { other } = bridge;
    other.bridge = null;
    const way = /^'(.*)':inline:\S+$/.exec(other.variables.get('transfer_after_bridge') ?? '')?.[1];
    setImmediate(() => {
      if (bridge.role === 'originator' || way === undefined) {
        this.hangUp(other.id, cause);
        return;
      }
      other.variables.delete('transfer_after_bridge');
      other.state = 'CS_EXECUTE';
      this.#enter(other, readActions(way));
    });
  }

  #showChannels(): string {
    const rows = [...this.channels.values()].map((channel) => ({
      uuid: channel.id,
      direction: channel.direction,
      created_epoch: String(channel.createdAtSeconds),
      state: channel.state,
      application: channel.bridge === null ? (channel.variables.get('current_application') ?? '') : 'uuid_bridge',
    }));
    return JSON.stringify(rows.length === 0 ? { row_count: 0 } : { row_count: rows.length, rows });
  }

  #contextXml(): string {
    const extensions = Object.keys(this.#dialplan()).map(
      (number) => `<extension><condition field="destination_number" expression="^${number}$"></condition></extension>`,
    );
    return `<context name="default">\n${extensions.join('\n')}\n</context>\n`;
  }
}

/** Nothing takes it away. */
function setVariable(channel: FakeChannel, name: string, value: string): void {
  if (value === '') channel.variables.delete(name);
  else channel.variables.set(name, value);
}

/** Each command has its own way of saying it. */
function missing(verb: string): string {
  switch (verb) {
    case 'uuid_answer':
    case 'uuid_ring_ready':
      return '-ERROR\n';
    case 'uuid_bridge':
      return '-ERR Invalid uuid\n';
    case 'uuid_displace':
    case 'uuid_send_dtmf':
      return NO_SESSION;
    case 'uuid_setvar_multi':
      return `${NO_CHANNEL}-USAGE: <uuid> <var>=<value>;<var>=<value>...\n`;
    default:
      return NO_CHANNEL;
  }
}
