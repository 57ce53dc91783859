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
  'BACKGROUND_JOB',
  'CHANNEL_OUTGOING',
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
  'variable_linecard_leg',
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
    for (const command of CHANNEL_COMMANDS.filter((each) => !/kill|transfer|park|bridge/.test(each))) {
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
  await play('a person is rung for a caller, the two are connected, and the person hangs up', async (stage) => {
    await stage.caller();
    await stage.dial('7010');
    await stage.untilPerson('CHANNEL_PARK');
    await stage.jobEnded();
    await stage.askAbout("uuid_setvar $ transfer_after_bridge \\'m:^:set:one=1^park\\':inline:default");
    await stage.askAbout('uuid_getvar $ transfer_after_bridge');
    await stage.askAbout('uuid_bridge $ &');
    await stage.until('CHANNEL_BRIDGE');
    await stage.askAbout('uuid_kill & NORMAL_CLEARING');
    await stage.untilPerson('CHANNEL_HANGUP_COMPLETE');
    await stage.until('CHANNEL_PARK', 2);
  });
  await play('a caller and a person end together', async (stage) => {
    await stage.caller();
    await stage.dial('7010');
    await stage.untilPerson('CHANNEL_PARK');
    await stage.askAbout('uuid_setvar_multi $ transfer_after_bridge=;hangup_after_bridge=true');
    await stage.askAbout('uuid_bridge $ &');
    await stage.until('CHANNEL_BRIDGE');
    await stage.askAbout('uuid_kill & NORMAL_CLEARING');
    await stage.untilPerson('CHANNEL_HANGUP_COMPLETE');
    await stage.until('CHANNEL_HANGUP_COMPLETE');
  });
  for (const person of ['busy', 'rejects', 'nobody', 'silent']) {
    await play(`a person does not come: ${person}`, async (stage) => {
      await stage.caller();
      await stage.dial(person);
      await stage.untilPerson('CHANNEL_HANGUP_COMPLETE');
      await stage.jobEnded();
    });
  }
  await play('a person who rings is let go', async (stage) => {
    await stage.caller();
    await stage.dial('rings');
    await stage.untilPerson('CHANNEL_OUTGOING');
    await stage.askAbout('uuid_kill & NORMAL_CLEARING');
    await stage.untilPerson('CHANNEL_HANGUP_COMPLETE');
    await stage.jobEnded();
  });
  await play('a supervisor listens to a caller', async (stage) => {
    await stage.caller();
    await stage.dial('7010');
    await stage.untilPerson('CHANNEL_PARK');
    await stage.askAbout("uuid_transfer & 'm:^:set:eavesdrop_whisper_aleg=false^eavesdrop:$' inline default");
    await stage.untilPerson('CHANNEL_UNPARK');
    await stage.askAbout('uuid_kill & NORMAL_CLEARING');
    await stage.untilPerson('CHANNEL_HANGUP_COMPLETE');
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
  'uuid_bridge $ $',
  'uuid_kill $ NORMAL_CLEARING',
];

class Stage {
  readonly lines: string[] = [];
  readonly #esl: EslClient;
  readonly #switch: Switch;
  readonly #lifeline: Lifeline;
  #channelId: ChannelId = newChannelId();
  #personId: ChannelId = newChannelId();
  readonly #told = new Map<ChannelId, number>();

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
    return this.ask(`api ${command.replaceAll('$', this.#channelId).replaceAll('&', this.#personId)}`);
  }

  /** Rings an extension, as the adapter does: through the dialplan, and parked when somebody answers. */
  async dial(extension: string): Promise<void> {
    this.#personId = newChannelId();
    const variables = [
      `origination_uuid=${this.#personId}`,
      'linecard_leg=linecard',
      "origination_caller_id_name='Alice'",
      'origination_caller_id_number=6001',
      'originate_timeout=30',
      'ignore_early_media=true',
      'loopback_bowout=false',
      'loopback_bowout_on_execute=false',
    ];
    await this.ask(
      `bgapi originate {${variables.join(',')}}loopback/${extension}/default 'm:^:park' inline\nJob-UUID: ${this.#personId}`,
    );
  }

  /** Writes down how the ringing ended. */
  async jobEnded(): Promise<void> {
    const job = await vi.waitFor(() => {
      const found = this.#esl.events.find((event) => event['Job-UUID'] === this.#personId);
      if (found === undefined) throw new Error('no BACKGROUND_JOB came');
      return found;
    }, WAIT);
    this.#write(`BACKGROUND_JOB ${job['_body']?.trim()}`);
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

  /** Writes down what came for the caller, up to an event, the `times`th of the scenario. */
  until(name: string, times = 1): Promise<void> {
    return this.#until(this.#channelId, name, times);
  }

  untilPerson(name: string): Promise<void> {
    return this.#until(this.#personId, name, 1);
  }

  async #until(channelId: ChannelId, name: string, times: number): Promise<void> {
    const ours = (): RawEvent[] => this.#esl.events.filter((event) => event['Unique-ID'] === channelId);
    await vi.waitFor(() => {
      if (ours().filter((event) => event['Event-Name'] === name).length < times) throw new Error(`no ${name} came`);
    }, WAIT);
    const told = this.#told.get(channelId) ?? 0;
    for (const event of ours().slice(told)) this.#write(describeEvent(event));
    this.#told.set(channelId, ours().length);
  }

  async close(): Promise<void> {
    await this.#esl.api(`uuid_kill ${this.#personId}`);
    await this.#esl.api(`uuid_kill ${this.#channelId}`);
    this.#esl.close();
  }

  #write(line: string): void {
    this.lines.push(line.replaceAll(this.#channelId, '$').replaceAll(this.#personId, '&'));
  }
}

function describeEvent(event: RawEvent): string {
  const values = VALUES.flatMap((name) => (event[name] === undefined ? [] : [`${name}=${event[name]}`]));
  const present = HEADERS.filter((name) => event[name] !== undefined && !VALUES.includes(name));
  return `${event['Event-Name']} ${values.join(' ')} | ${present.join(' ')}`;
}
