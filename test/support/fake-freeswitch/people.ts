import type { ChannelId } from '../../../src/core/ids.js';
import type { RawEvent } from '../esl-client.js';
import type { Action } from './channel.js';
import { FakeChannel } from './channel.js';

/** What the switch does for people who are rung. */
export type PeopleHost = {
  readonly channels: Map<ChannelId, FakeChannel>;
  readonly extension: (number: string) => readonly Action[];
  readonly tell: (event: RawEvent) => void;
  /** Begins anew with other actions. */
  readonly enter: (channel: FakeChannel, actions: readonly Action[]) => void;
  readonly hangUp: (id: ChannelId, cause: string) => void;
};

/** Sleeps of the dialplan take a tenth of what they say. */
const SLEEP_SCALE = 0.1;

/**
 * `bgapi originate {…}loopback/<extension>/<context> '<actions>' inline`: the near half of the loopback channel. The far one, which the
 * dialplan runs on, is not told of.
 */
export class FakePeople {
  readonly #host: PeopleHost;

  constructor(host: PeopleHost) {
    this.#host = host;
  }

  /** Answers as `bgapi` does. */
  originate(command: string): string {
    const [line = '', ...headers] = command.split('\n');
    const jobId = headers.find((header) => header.startsWith('Job-UUID: '))?.slice('Job-UUID: '.length) ?? 'none';
    const parts = /^bgapi originate \{(.*)\}loopback\/([^/ ]+)\/\S+ '(.*)' inline$/.exec(line);
    const end = (text: string): void => {
      this.#host.tell({ 'Event-Name': 'BACKGROUND_JOB', 'Job-UUID': jobId, _body: `${text}\n` });
    };
    setImmediate(() => {
      if (parts === null) end('-ERR CHAN_NOT_IMPLEMENTED');
      else this.#ring(parts[1] ?? '', parts[2] ?? '', readActions(parts[3] ?? ''), end);
    });
    return `+OK Job-UUID: ${jobId}`;
  }

  #ring(variables: string, number: string, then: readonly Action[], end: (text: string) => void): void {
    const values = new Map(
      variables.split(',').map((pair) => {
        const [name = '', ...value] = pair.split('=');
        return [name, value.join('=').replaceAll("'", '')] as const;
      }),
    );
    const channel = new FakeChannel(values.get('origination_uuid') as ChannelId, 'outbound', number);
    channel.rateHz = 8000;
    channel.variables.set('other_loopback_leg_uuid', crypto.randomUUID());
    channel.state = 'CS_NONE';
    this.#host.channels.set(channel.id, channel);
    this.#host.tell(channel.event('CHANNEL_OUTGOING'));
    for (const [name, value] of values) channel.variables.set(name, value);
    channel.state = 'CS_CONSUME_MEDIA';
    channel.onHangUp = (cause) => end(`-ERR ${cause}`);
    const actions = number.startsWith('m:^:') ? readActions(number) : this.#host.extension(number);
    this.#next(channel, [...actions], () => {
      channel.onHangUp = () => undefined;
      channel.state = 'CS_EXECUTE';
      this.#host.enter(channel, then);
      end(`+OK ${channel.id}`);
    });
  }

  /** The dialplan on the far half. */
  #next(channel: FakeChannel, actions: Action[], answered: () => void): void {
    const { tell, hangUp, channels } = this.#host;
    if (!channels.has(channel.id)) return;
    const [application, data] = actions.shift() ?? ['hangup', 'NORMAL_CLEARING'];
    const goOn = (): void => this.#next(channel, actions, answered);
    switch (application) {
      case 'answer':
        channel.answerState = 'answered';
        tell(channel.event('CHANNEL_ANSWER'));
        answered();
        goOn();
        break;
      case 'sleep':
        setTimeout(goOn, Number(data) * SLEEP_SCALE).unref();
        break;
      case 'send_dtmf':
        tell(channel.event('DTMF', { 'DTMF-Digit': data, 'DTMF-Source': 'APP' }));
        goOn();
        break;
      case 'hangup':
        hangUp(channel.id, data);
        break;
      case 'echo':
      case 'eavesdrop':
        break; // until one of the two ends
      default:
        goOn();
    }
  }
}

/** `m:^:` and applications between its marks, or one. */
export function readActions(text: string): Action[] {
  return (text.startsWith('m:^:') ? text.slice('m:^:'.length) : text).split('^').map((part) => {
    const colon = part.indexOf(':');
    return colon < 0 ? [part, ''] : [part.slice(0, colon), part.slice(colon + 1)];
  });
}
