import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { once } from 'node:events';
import { vi } from 'vitest';
import type { ChannelId } from '../../src/core/ids.js';
import { newChannelId } from '../../src/core/ids.js';
import { EslClient, type RawEvent } from './esl-client.js';

/** A switch, fake or real, with a hand on its other side. */
export type Switch = {
  readonly eslPort: number;
  readonly password: string;
  /** A caller dials the extension of the drop-in file. */
  readonly call: () => Promise<ChannelId>;
  readonly hangUpCaller: (channelId: ChannelId) => Promise<void>;
  readonly pressKey: (channelId: ChannelId, digit: string) => Promise<void>;
};

/** What was said in each scenario, without what differs from run to run. */
export type Transcript = Readonly<Record<string, readonly string[]>>;

const EVENTS = [
  'CHANNEL_ANSWER',
  'CHANNEL_PARK',
  'CHANNEL_UNPARK',
  'CHANNEL_HANGUP',
  'CHANNEL_HANGUP_COMPLETE',
  'CHANNEL_BRIDGE',
  'DTMF',
];
/** Headers whose presence in an event is written down. */
const HEADERS = [
  'Answer-State',
  'Call-Direction',
  'Caller-Caller-ID-Name',
  'Caller-Caller-ID-Number',
  'Caller-Context',
  'Caller-Destination-Number',
  'Channel-Read-Codec-Name',
  'Channel-Read-Codec-Rate',
  'Channel-State',
  'DTMF-Digit',
  'Hangup-Cause',
  'Unique-ID',
  'variable_current_application',
  'variable_current_application_data',
  'variable_linecard_app',
  'variable_linecard_fallback',
];
/** Headers whose value is, too. */
const VALUES = [
  'Call-Direction',
  'Answer-State',
  'Channel-State',
  'Channel-Read-Codec-Rate',
  'Caller-Context',
  'Hangup-Cause',
  'DTMF-Digit',
  'variable_current_application',
  'variable_linecard_app',
];
const WAIT = { timeout: 5000, interval: 10 };

/** Listens where the drop-in file's `socket` connects, says `connect`, and holds the line. */
export class Lifeline {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(port: number): Promise<Lifeline> {
    const server = createServer();
    const self = new Lifeline(server);
    server.on('connection', (socket) => {
      self.#sockets.add(socket);
      socket.on('close', () => self.#sockets.delete(socket));
      socket.on('error', () => undefined);
      socket.resume();
      socket.write('connect\n\n');
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return self;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** As a process that dies. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Plays each scenario on a switch. A `Lifeline` has to be open where its drop-in file connects. */
export async function playScenarios(sw: Switch, lifeline: Lifeline): Promise<Transcript> {
  const transcript: Record<string, string[]> = {};
  const play = async (name: string, scene: (stage: Stage) => Promise<void>): Promise<void> => {
    const stage = await Stage.open(sw, lifeline);
    try {
      await scene(stage);
      transcript[name] = stage.lines;
    } finally {
      await stage.close();
    }
  };
  await play('login', async (stage) => {
    await stage.ask('event json CHANNEL_ANSWER');
    await stage.ask('nixevent CHANNEL_ANSWER');
    await stage.ask('no-such-command');
    await stage.ask('api no_such_command');
    await stage.ask('api module_exists mod_dptools');
    await stage.ask('api module_exists mod_no_such');
    await stage.ask('api global_getvar no_such_variable');
  });
  await play('commands about a channel that is not there', async (stage) => {
    for (const command of CHANNEL_COMMANDS) await stage.ask(`api ${command.replaceAll('$', 'nobody')}`);
    await stage.ask('sendmsg nobody\ncall-command: unicast');
  });
  await play('a caller comes and hangs up', async (stage) => {
    await stage.caller();
    await stage.hangUp();
  });
  await play('a caller is asked about, hears music, and is hung up', async (stage) => {
    await stage.caller();
    for (const command of CHANNEL_COMMANDS.filter((each) => !/kill|transfer|park/.test(each))) {
      await stage.askAbout(command);
    }
    await stage.askAbout('uuid_kill $ NORMAL_CLEARING');
    await stage.until('CHANNEL_HANGUP_COMPLETE');
  });
  await play('a caller presses a key', async (stage) => {
    await stage.caller();
    await stage.press('5');
    await stage.until('DTMF');
    await stage.hangUp();
  });
  await play('a caller is transferred', async (stage) => {
    await stage.caller();
    await stage.askAbout('uuid_setvar $ linecard_app none');
    await stage.askAbout('uuid_transfer $ 7010 XML default');
    await stage.until('CHANNEL_UNPARK');
    await stage.withHuman();
    await stage.hangUp();
  });
  await play('a caller is parked anew', async (stage) => {
    await stage.caller();
    await stage.askAbout('uuid_transfer $ park inline default');
    await stage.until('CHANNEL_PARK', 2);
    await stage.hangUp();
  });
  await play('the process behind socket dies', async (stage) => {
    await stage.caller();
    stage.cut();
    await stage.until('CHANNEL_UNPARK');
    await stage.withHuman();
    await stage.hangUp();
  });
  return transcript;
}

const CHANNEL_COMMANDS = [
  'uuid_exists $',
  'uuid_getvar $ no_such_variable',
  'uuid_getvar $ linecard_app',
  'uuid_setvar $ linecard_extension 7000',
  'uuid_setvar_multi $ one=1;two=2',
  'uuid_answer $',
  'uuid_ring_ready $',
  'uuid_displace $ start tone_stream://%(200,4800,440);loops=-1 0',
  'uuid_displace $ stop tone_stream://%(200,4800,440);loops=-1',
  'uuid_displace $ start /no/such/file.wav 0',
  'uuid_send_dtmf $ 12#',
  'uuid_transfer $ 7010 XML default',
  'uuid_park $',
  'uuid_kill $ NORMAL_CLEARING',
];

class Stage {
  readonly lines: string[] = [];
  readonly #esl: EslClient;
  readonly #switch: Switch;
  readonly #lifeline: Lifeline;
  #channelId: ChannelId = newChannelId();
  #told = 0;

  private constructor(esl: EslClient, sw: Switch, lifeline: Lifeline) {
    this.#esl = esl;
    this.#switch = sw;
    this.#lifeline = lifeline;
  }

  static async open(sw: Switch, lifeline: Lifeline): Promise<Stage> {
    const esl = await EslClient.connect(sw.eslPort, sw.password);
    await esl.subscribe(...EVENTS);
    return new Stage(esl, sw, lifeline);
  }

  async ask(command: string): Promise<void> {
    const answer = await this.#esl.ask(command);
    this.#write(`> ${command}`);
    this.#write(`< ${answer}`);
  }

  askAbout(command: string): Promise<void> {
    return this.ask(`api ${command.replaceAll('$', this.#channelId)}`);
  }

  async caller(): Promise<void> {
    this.#channelId = await this.#switch.call();
    await this.until('CHANNEL_PARK');
  }

  async hangUp(): Promise<void> {
    await this.#switch.hangUpCaller(this.#channelId);
    await this.until('CHANNEL_HANGUP_COMPLETE');
  }

  /** The human of the tests sleeps. */
  async withHuman(): Promise<void> {
    await vi.waitFor(async () => {
      const application = await this.#esl.api(`uuid_getvar ${this.#channelId} current_application`);
      if (application !== 'sleep') throw new Error(`the caller is in ${application}`);
    }, WAIT);
  }

  press(digit: string): Promise<void> {
    return this.#switch.pressKey(this.#channelId, digit);
  }

  cut(): void {
    this.#lifeline.cut();
  }

  /** Writes down what came, up to an event, the `times`th of the scenario. */
  async until(name: string, times = 1): Promise<void> {
    const ours = (): RawEvent[] => this.#esl.events.filter((event) => event['Unique-ID'] === this.#channelId);
    await vi.waitFor(() => {
      if (ours().filter((event) => event['Event-Name'] === name).length < times) throw new Error(`no ${name} came`);
    }, WAIT);
    for (const event of ours().slice(this.#told)) this.#write(describeEvent(event));
    this.#told = ours().length;
  }

  async close(): Promise<void> {
    await this.#esl.api(`uuid_kill ${this.#channelId}`);
    this.#esl.close();
  }

  #write(line: string): void {
    this.lines.push(line.replaceAll(this.#channelId, '$'));
  }
}

function describeEvent(event: RawEvent): string {
  const values = VALUES.flatMap((name) => (event[name] === undefined ? [] : [`${name}=${event[name]}`]));
  const present = HEADERS.filter((name) => event[name] !== undefined && !VALUES.includes(name));
  return `${event['Event-Name']} ${values.join(' ')} | ${present.join(' ')}`;
}
