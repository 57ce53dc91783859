import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import { describeAri } from './ari-description.js';
import type { WhatTheyDo } from './people.js';
import { PEOPLE } from './people.js';

export type FakeChannel = {
  readonly id: string;
  readonly name: string;
  state: string;
  readonly caller: { readonly name: string; readonly number: string };
  dialplan: { context: string; exten: string; priority: number; app_name: string; app_data: string };
  readonly creationtime: string;
  hearsMusic: boolean;
};

export type FakeBridge = { readonly id: string; readonly name: string; readonly channels: Set<string> };

/** What happens instead of the answer: nothing ever, the connection is cut, or this. */
export type Instead = 'silence' | 'cut' | { readonly status: number; readonly body: string };

type Rule = { readonly pattern: RegExp; readonly instead: Instead | null; readonly first: () => void; times: number };

/** Where a caller and a person are left to Asterisk, and who that person is. */
const RELEASE = 'linecard-release/caller';
const PERSON_VARIABLE = 'LINECARD_PERSON';

const NEW_CHANNEL = { creationtime: '2026-01-05T09:00:00.000+0000', hearsMusic: false };
const JSON_TYPE = { 'content-type': 'application/json' };

/**
 * An Asterisk as ARI shows it, in memory, on a port of its own: enough for calls, and it misbehaves as it is told. Externals: its media
 * channels connect to nobody; an address with port 1 is one where nobody listens.
 */
export class FakeAri {
  readonly channels = new Map<string, FakeChannel>();
  readonly bridges = new Map<string, FakeBridge>();
  /** `POST /channels/x/ring`, in order. */
  readonly requests: string[] = [];
  readonly extensions = new Set([...Object.keys(PEOPLE).map((name) => `callers/${name}`), RELEASE]);
  /** What `rtp_statistics` answers; null: the channels have no RTP. */
  rtp: object | null = null;
  version = '22.10.1';
  /** When it was started, as it says; another one after each `start`. */
  startedAt = '';
  #starts = 0;
  password = 'secret';
  rights: 'all' | 'read' = 'all';
  /** Formats that media channels take. */
  formats = ['slin16', 'slin'];
  /** An event of the media channel comes before the reply to its request, or after it. */
  mediaEvent: 'before reply' | 'after reply' | 'never' = 'after reply';
  /** Frozen: pings are not answered, as behind a half-open connection. */
  pings: 'answered' | 'ignored' = 'answered';
  /** Each event is told so many times. */
  copies = 1;
  modules = ['app_stasis', 'bridge_simple', 'chan_audiosocket', 'codec_resample', 'res_ari_applications'].concat(
    ['res_ari_bridges', 'res_ari_channels', 'res_ari_events', 'res_audiosocket', 'res_http_websocket'],
    ['app_audiosocket', 'bridge_softmix', 'func_dialplan', 'res_musiconhold'],
  );
  readonly #apps = new Map<string, WebSocket>();
  /** Whom a caller's channel names, and two whom Asterisk has: the other one of each. */
  readonly #named = new Map<string, string>();
  readonly #released = new Map<string, string>();
  readonly #sockets = new WebSocketServer({ noServer: true, autoPong: false });
  #server: Server = createServer();
  #rules: Rule[] = [];
  #port = 0;
  #made = 0;

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get registered(): readonly string[] {
    return [...this.#apps.keys()];
  }

  /** A second `start` comes back on the same port, as a restarted PBX does. */
  async start(): Promise<void> {
    this.#starts += 1;
    this.startedAt = `2026-01-05T09:00:0${this.#starts}.000+0000`;
    this.#server = createServer((request, response) => void this.#answer(request, response));
    this.#server.on('upgrade', (request, socket, head) => {
      const url = new URL(request.url ?? '/', this.url);
      this.requests.push(`WS ${url.searchParams.get('app') ?? ''}`);
      const key = url.searchParams.get('api_key') ?? basic(request);
      if (key !== `linecard:${this.password}`) {
        socket.end('HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n');
        return;
      }
      const rule = this.#take(`WS ${url.pathname}`);
      if (rule?.instead === 'cut') {
        socket.destroy();
        return;
      }
      if (rule?.instead !== undefined && rule.instead !== null && rule.instead !== 'silence') {
        socket.end(`HTTP/1.1 ${rule.instead.status} No\r\ncontent-length: 0\r\n\r\n`);
        return;
      }
      if (rule?.instead === 'silence') return;
      this.#sockets.handleUpgrade(request, socket, head, (client) => {
        this.#register(url.searchParams.get('app') ?? '', client);
      });
    });
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const client of this.#sockets.clients) client.terminate();
    this.#apps.clear();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** From now on, for `times` requests like this (`POST /channels/[^/]+/ring`). */
  script(pattern: RegExp, instead: Instead, times = 1): void {
    this.#rules.push({ pattern, instead, first: () => undefined, times });
  }

  /** Runs before such a request is looked at, once: hang up here to test every step. */
  before(pattern: RegExp, first: () => void): void {
    this.#rules.push({ pattern, instead: null, first, times: 1 });
  }

  /** A caller comes into the application. */
  call(options: Partial<{ app: string; args: string[]; extension: string; id: string; state: string }> = {}): string {
    const { app = 'linecard', args = [], extension = '7000', state = 'Ring' } = options;
    const id = options.id ?? `caller-${(this.#made += 1)}`;
    const app_data = [app, ...args].join(',');
    const channel: FakeChannel = {
      ...NEW_CHANNEL,
      id,
      name: `Local/${id}`,
      state,
      caller: { name: 'Alice', number: '6001' },
      dialplan: { context: 'callers', exten: extension, priority: 1, app_name: 'Stasis', app_data },
    };
    this.channels.set(id, channel);
    this.emit({ type: 'StasisStart', application: app, args, channel });
    return id;
  }

  /** The channel ends, by the party or by us. */
  hangUp(id: string, cause = 16): void {
    const channel = this.channels.get(id);
    if (channel === undefined) return;
    this.channels.delete(id);
    this.#leaveBridge(id);
    const other = this.#released.get(id);
    if (other !== undefined) {
      // They end together, and no application hears of it.
      this.#released.delete(id);
      this.bridges.delete(ownBridge(id));
      this.hangUp(other);
      return;
    }
    this.emit({ type: 'ChannelHangupRequest', cause, channel });
    if (channel.dialplan.app_name === 'Stasis') this.emit({ type: 'StasisEnd', channel });
    this.emit({ type: 'ChannelDestroyed', cause, cause_txt: '', channel });
  }

  /** Somebody who is rung picks up: their channel comes into the application, if that is there. */
  pickUp(id: string): void {
    const channel = this.channels.get(id);
    if (channel === undefined) throw new Error('nobody is rung');
    if (this.#apps.size === 0) {
      this.hangUp(id);
      return;
    }
    channel.state = 'Up';
    channel.dialplan = { ...channel.dialplan, app_name: 'Stasis', app_data: 'linecard' };
    this.emit({ type: 'StasisStart', args: [], channel });
  }

  press(id: string, digit: string, timestamp = `t${(this.#made += 1)}`): void {
    this.emit({ type: 'ChannelDtmfReceived', digit, timestamp, channel: this.channels.get(id) });
  }

  /** Sends an event to every application; text as it is. */
  emit(event: object | string): void {
    const frame = typeof event === 'string' ? event : JSON.stringify({ application: 'linecard', ...event });
    for (let copy = 0; copy < this.copies; copy += 1) for (const client of this.#apps.values()) client.send(frame);
  }

  /** Cuts the event connections; HTTP goes on. */
  dropEvents(): void {
    for (const client of this.#sockets.clients) client.terminate();
  }

  #register(app: string, client: WebSocket): void {
    this.#apps.get(app)?.send(JSON.stringify({ type: 'ApplicationReplaced', application: app }));
    this.#apps.set(app, client);
    client.on('ping', (data) => {
      if (this.pings === 'answered') client.pong(data);
    });
    client.on('close', () => {
      if (this.#apps.get(app) === client) this.#apps.delete(app);
    });
  }

  #take(about: string): Rule | null {
    const rule = this.#rules.find(({ pattern }) => pattern.test(about)) ?? null;
    if (rule !== null) {
      rule.times -= 1;
      if (rule.times <= 0) this.#rules = this.#rules.filter((other) => other !== rule);
    }
    return rule;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume();
    await once(request, 'end');
    const url = new URL(request.url ?? '/', this.url);
    const path = url.pathname.replace(/^\/ari/, '');
    const about = `${request.method ?? ''} ${path}`;
    this.requests.push(about);
    const rule = this.#take(about);
    rule?.first();
    if (rule?.instead === 'silence') return;
    if (rule?.instead === 'cut') {
      request.socket.destroy();
      return;
    }
    const reply = rule?.instead ?? this.#reply(request, about, path, url.searchParams);
    response.writeHead(reply.status, JSON_TYPE).end(reply.body);
  }

  #reply(request: IncomingMessage, about: string, path: string, query: URLSearchParams): Exclude<Instead, string> {
    // ari-client looks without a password whether somebody is there.
    if (basic(request) !== `linecard:${this.password}`) return refuse(401, 'Unauthorized');
    if (path.startsWith('/api-docs/')) {
      const description = describeAri(path.slice('/api-docs/'.length, -'.json'.length), `${this.url}/ari`);
      return description === null ? refuse(404, 'Resource not found') : succeed(description);
    }
    if (this.rights === 'read' && request.method !== 'GET') return refuse(403, 'Write access denied');
    switch (path.split('/')[1]) {
      case 'asterisk':
        return path === '/asterisk/info'
          ? succeed({ system: { version: this.version }, status: { startup_time: this.startedAt } })
          : succeed(this.modules.map((name) => ({ name: `${name}.so`, status: 'Running' })));
      case 'applications':
        return this.#apps.has(path.split('/')[2] ?? '') ? succeed({}) : refuse(404, 'Application not found');
      case 'bridges':
        return this.#bridgeReply(about, path.split('/')[2] ?? '', query);
      case 'channels':
        return this.#channelReply(about, path.split('/')[2] ?? '', query);
      default:
        return refuse(404, 'Resource not found');
    }
  }

  #bridgeReply(about: string, id: string, query: URLSearchParams): Exclude<Instead, string> {
    if (id === '') return succeed([...this.bridges.values()].map(showBridge));
    if (about === `POST /bridges/${id}`) {
      const bridge = this.bridges.get(id) ?? { id, name: query.get('name') ?? '', channels: new Set<string>() };
      this.bridges.set(id, bridge);
      return succeed(showBridge(bridge));
    }
    const bridge = this.bridges.get(id);
    if (bridge === undefined) return refuse(404, 'Bridge not found');
    if (about.startsWith('DELETE')) {
      this.bridges.delete(id);
      return { status: 204, body: '' };
    }
    for (const channelId of (query.get('channel') ?? '').split(',')) {
      const channel = this.channels.get(channelId);
      if (channel === undefined) return refuse(400, 'Channel not found');
      if (channel.dialplan.app_name !== 'Stasis') return refuse(422, 'Channel not in Stasis application');
      this.#leaveBridge(channelId);
      bridge.channels.add(channelId);
    }
    return { status: 204, body: '' };
  }

  #leaveBridge(channelId: string): void {
    for (const bridge of this.bridges.values()) bridge.channels.delete(channelId);
  }

  #channelReply(about: string, id: string, query: URLSearchParams): Exclude<Instead, string> {
    if (id === '') return succeed([...this.channels.values()]);
    if (about === 'POST /channels/externalMedia') return this.#externalMedia(query);
    if (about === `POST /channels/${id}`) return this.#ring(id, query);
    const channel = this.channels.get(id);
    if (channel === undefined) return refuse(404, 'Channel not found');
    const verb = about.split(`/channels/${id}`).join('').trim();
    if (verb === 'GET') return succeed(channel);
    if (verb === 'GET/variable' || verb === 'GET /variable') {
      const [context = '', extension = ''] = (query.get('variable') ?? '').slice('DIALPLAN_EXISTS('.length).split(',');
      return succeed({ value: this.extensions.has(`${context}/${extension}`) ? '1' : '0' });
    }
    if (verb.endsWith('/rtp_statistics'))
      return this.rtp === null ? refuse(403, 'Unsupported channel type') : succeed(this.rtp);
    if (verb === 'DELETE') {
      this.hangUp(id);
      return { status: 204, body: '' };
    }
    if (channel.dialplan.app_name !== 'Stasis') return refuse(409, 'Channel not in Stasis application');
    const [, snoopId] = /\/snoop\/(.+)$/.exec(verb) ?? [];
    if (snoopId !== undefined) {
      setImmediate(() => this.call({ app: query.get('app') ?? '', id: snoopId, extension: 's', state: 'Up' }));
      return succeed({ id: snoopId });
    }
    if (verb.endsWith('/variable') && query.get('variable') === PERSON_VARIABLE) {
      this.#named.set(id, query.get('value') ?? '');
    }
    if (verb.endsWith('/answer')) channel.state = 'Up';
    if (verb.endsWith('/moh')) channel.hearsMusic = verb.startsWith('POST');
    if (verb.endsWith('/continue')) {
      const [context, exten] = [query.get('context') ?? '', query.get('extension') ?? ''];
      this.#leave(channel, { context, exten, app_name: 'Wait' });
      if (`${context}/${exten}` === RELEASE) this.#release(channel);
    }
    return { status: 204, body: '' };
  }

  /** A channel goes on in the dialplan. */
  #leave(channel: FakeChannel, to: { context: string; exten: string; app_name: string }): void {
    this.#leaveBridge(channel.id);
    channel.dialplan = { ...to, priority: 1, app_data: '' };
    this.emit({ type: 'StasisEnd', channel });
  }

  /** The application `Bridge` takes the person out of ours, into a bridge of Asterisk's own. */
  #release({ id }: FakeChannel): void {
    const person = [...this.channels.values()].find(({ name }) => name === this.#named.get(id));
    if (person === undefined) return;
    this.#released.set(id, person.id).set(person.id, id);
    this.#leave(person, { context: 'callers', exten: 'human', app_name: 'Bridge' });
    this.bridges.set(ownBridge(id), { id: ownBridge(id), name: '', channels: new Set([id, person.id]) });
  }

  /** A person at an extension of `callers`. */
  #ring(id: string, query: URLSearchParams): Exclude<Instead, string> {
    const [, extension = '', context] = /^Local\/([^@]+)@([^/]+)\/n$/.exec(query.get('endpoint') ?? '') ?? [];
    const does = PEOPLE[extension];
    if (context !== 'callers' || does === undefined || this.channels.has(id)) return refuse(500, 'Allocation failed');
    const dialplan = { context, exten: extension, priority: 1, app_name: 'AppDial2', app_data: '(Outgoing Line)' };
    const name = `Local/${extension}@${context}-${id};1`;
    const channel: FakeChannel = {
      ...NEW_CHANNEL,
      id,
      name,
      state: 'Ring',
      caller: { name: '', number: '' },
      dialplan,
    };
    this.channels.set(id, channel);
    setImmediate(() => this.#behave(channel, does));
    return succeed(channel);
  }

  #behave({ id }: FakeChannel, does: WhatTheyDo): void {
    if (!this.channels.has(id) || does === 'lets it ring') return;
    if (typeof does === 'number') {
      this.hangUp(id, does);
      return;
    }
    this.pickUp(id);
    if (does === 'answers and presses 1') this.press(id, '1');
  }

  #externalMedia(query: URLSearchParams): Exclude<Instead, string> {
    const id = query.get('channelId') ?? '';
    const isTaken = this.channels.has(id);
    const nobodyThere = (query.get('external_host') ?? '').endsWith(':1');
    if (isTaken || nobodyThere || !this.formats.includes(query.get('format') ?? ''))
      return refuse(500, 'An internal error prevented this request from being handled');
    const app = query.get('app') ?? '';
    const enter = (): string => this.call({ app, id, args: [query.get('data') ?? ''], extension: 's', state: 'Up' });
    if (this.mediaEvent === 'before reply') enter();
    else if (this.mediaEvent === 'after reply') setImmediate(enter);
    return succeed({ id, state: 'Down', dialplan: { app_name: 'AppDial2', app_data: '' } });
  }
}

function ownBridge(callerId: string): string {
  return `of-asterisk-${callerId}`;
}

function showBridge(bridge: FakeBridge): object {
  return { id: bridge.id, name: bridge.name, channels: [...bridge.channels] };
}

function succeed(value: object): Exclude<Instead, string> {
  return { status: 200, body: JSON.stringify(value) };
}

function refuse(status: number, message: string): Exclude<Instead, string> {
  return { status, body: JSON.stringify({ message }) };
}

function basic(request: IncomingMessage): string {
  return Buffer.from((request.headers.authorization ?? '').replace('Basic ', ''), 'base64').toString('utf8');
}
