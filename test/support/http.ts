import { connect } from 'node:net';
import type { Express } from 'express';
import type {
  BrowserAnswer,
  BrowserCall,
  BrowserDesk,
  CallActions,
  RecordingDesk,
  SocketCall,
  SocketDesk,
  SocketLine,
  StoredMessage,
} from '../../src/call/port.js';
import type { Clock } from '../../src/core/clock.js';
import type { CallRecord } from '../../src/core/calls.js';
import { silentLogger } from '../../src/core/logger.js';
import type { LegReport } from '../../src/engine/port.js';
import { createApi } from '../../src/api/app.js';
import type { ApiOptions, BrowserAccess } from '../../src/api/port.js';
import type { HttpAddress } from '../../src/api/server.js';
import { HttpServer } from '../../src/api/server.js';
import { CallHistory } from '../../src/observe/history.js';
import type { CallId } from '../../src/core/ids.js';
import { LinecardError } from '../../src/core/errors.js';
import { FakeSchedules } from './schedules.js';
import { FakeClock, settle } from './fake-clock.js';

export const TOKEN = 'token-of-the-tests';

/** A desk where each call is answered at once. */
export class FakeDesk implements BrowserDesk {
  readonly agents = ['receptionist', 'loop'];
  readonly calls: BrowserCall[] = [];
  readonly fragments: string[] = [];
  readonly tags = new Map<string, string>();
  /** What the next fragment is answered. */
  answer: string | null = null;
  failure: Error | null = null;

  call(request: BrowserCall): Promise<BrowserAnswer> {
    if (this.failure !== null) return Promise.reject(this.failure);
    this.calls.push(request);
    const callId = `call-${this.calls.length}` as CallId;
    this.tags.set(callId, 'abcd');
    return Promise.resolve({ callId, sdp: 'v=0\r\n', tag: 'abcd' });
  }

  tagOf(id: string): string {
    const tag = this.tags.get(id);
    if (tag === undefined) throw new LinecardError('CALL_UNKNOWN', 'this call is over');
    return tag;
  }

  fragment(id: string, sdp: string): Promise<string | null> {
    this.fragments.push(sdp);
    if (this.answer !== null) this.tags.set(id, 'efgh');
    return Promise.resolve(this.answer);
  }

  hangUp(id: string): Promise<void> {
    if (!this.tags.delete(id)) return Promise.reject(new LinecardError('CALL_UNKNOWN', 'this call is over'));
    return Promise.resolve();
  }
}

/** A desk for WebSocket clients; what they say is kept. */
export class FakeSocketDesk implements SocketDesk {
  readonly agents = ['receptionist', 'loop'];
  readonly calls: SocketCall[] = [];
  readonly heard: number[][] = [];
  readonly pressed: string[] = [];
  hangUps = 0;
  failure: Error | null = null;

  call(request: SocketCall): Promise<SocketLine> {
    if (this.failure !== null) return Promise.reject(this.failure);
    this.calls.push(request);
    return Promise.resolve({
      callId: 'call-1' as CallId,
      hear: (pcm) => this.heard.push([...pcm]),
      press: (digit) => this.pressed.push(digit),
      hangUp: () => {
        this.hangUps += 1;
        return Promise.resolve();
      },
    });
  }
}

const NO_RECORDINGS: RecordingDesk = {
  list: () => Promise.resolve([]),
  get: () => Promise.resolve(null),
  audioPath: () => Promise.resolve(null),
  delete: () => Promise.resolve('unknown'),
};

/** A server on a free port with calls, messages and states that a test puts there. */
export class TestApi {
  readonly live: CallRecord[] = [];
  readonly history = new CallHistory();
  readonly reasons: string[] = [];
  /** Lines of level error. */
  readonly complaints: string[] = [];
  readonly warnings: Readonly<Record<string, unknown>>[] = [];
  readonly messages: StoredMessage[] = [];
  readonly audioPaths = new Map<string, string>();
  /** What was done to calls, in words. */
  readonly done: string[] = [];
  /** What the next action fails with. */
  failure: Error | null = null;
  leg: LegReport | null = null;
  readonly clock = new FakeClock();
  readonly desk = new FakeDesk();
  readonly sockets = new FakeSocketDesk();
  readonly schedules = new FakeSchedules(['hours', 'support']);
  readonly app: Express;
  readonly #server: HttpServer;
  #address: HttpAddress | null = null;

  constructor(
    options: {
      readonly clock?: Clock;
      readonly port?: number;
      readonly browsers?: Partial<BrowserAccess> | null;
      readonly proxies?: readonly string[];
      readonly recordings?: RecordingDesk;
    } = {},
  ) {
    const act = (text: string): Promise<void> => {
      if (this.failure !== null) return Promise.reject(this.failure);
      this.done.push(text);
      return Promise.resolve();
    };
    const actions: CallActions = {
      transfer: (id, to, how) => act(`transfer ${id} to ${to}: ${how?.mode} ${how?.summary}`),
      supervise: (id, endpoint, mode, text) => act(`supervise ${id} from ${endpoint}: ${mode} ${text}`),
      hold: (id) => act(`hold ${id}`),
      resume: (id) => act(`resume ${id}`),
      hangUp: (id) => act(`hang up ${id}`),
      sendDigits: (id, digits) => act(`digits ${id} ${digits}`),
      say: (id, text) => act(`say ${id} ${text}`),
    };
    const api: ApiOptions = {
      calls: {
        list: () => this.live,
        get: (id) => this.live.find((call) => call.id === id) ?? null,
        legReport: () => this.leg,
      },
      actions,
      history: this.history,
      messages: {
        list: () => Promise.resolve(this.messages),
        audioPath: (id) => Promise.resolve(this.audioPaths.get(id) ?? null),
        calledBack: (id) => {
          const task = this.messages.find((message) => message.id === id && message.callBack !== undefined);
          return Promise.resolve(task ?? null);
        },
      },
      recordings: options.recordings ?? NO_RECORDINGS,
      metrics: { contentType: 'text/plain; version=0.0.4', text: () => Promise.resolve('linecard_ready 1\n') },
      sockets: this.sockets,
      schedules: this.schedules,
      browsers:
        options.browsers === null
          ? null
          : {
              desk: this.desk,
              iceServers: () => [{ urls: ['stun:192.0.2.1'] }],
              origins: ['https://www.example.com'],
              sessionTokens: 'optional',
              ...options.browsers,
            },
      proxies: options.proxies ?? [],
      readiness: () => this.reasons,
      limitations: () => ['no speech recognition: keys only'],
      token: TOKEN,
      clock: this.clock,
      log: {
        ...silentLogger,
        warn: (fields, message) => this.warnings.push({ ...fields, message }),
        error: (_fields, message) => this.complaints.push(message),
      },
    };
    const created = createApi(api);
    this.app = created.app;
    this.#server = new HttpServer({
      api: created,
      host: '127.0.0.1',
      port: options.port ?? 0,
      clock: options.clock ?? this.clock,
      log: silentLogger,
    });
  }

  get url(): string {
    return this.#address?.url ?? '';
  }

  get port(): number {
    return this.#address?.port ?? 0;
  }

  async start(): Promise<this> {
    this.#address = await this.#server.start();
    return this;
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  /** Ends a test: a connection that a client opened in advance and never used is not waited for. */
  async stopNow(): Promise<void> {
    const stopped = this.#server.stop();
    await settle();
    this.clock.advance(2000);
    await stopped;
  }

  /** With the token; a body is sent as JSON. */
  fetch(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.url}${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${TOKEN}`,
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  }

  async json(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
    return (await (await this.fetch(method, path, body)).json()) as Record<string, unknown>;
  }

  /** Sends bytes as they are and reads until the server closes. */
  raw(bytes: string): Promise<string> {
    return new Promise((resolve, reject) => {
      let answer = '';
      const socket = connect(this.port, '127.0.0.1', () => socket.write(bytes));
      socket.on('data', (chunk) => (answer += chunk.toString()));
      socket.on('error', reject);
      socket.on('close', () => resolve(answer));
    });
  }
}

/** The text of a stream as it comes; `until` waits for something in it. */
export class StreamReader {
  text = '';
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();

  constructor(response: Response) {
    if (response.body === null) throw new Error('the answer has no body');
    this.#reader = response.body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  }

  async until(part: string): Promise<string> {
    while (!this.text.includes(part)) {
      if (!(await this.#more())) throw new Error(`the stream ended before "${part}": ${this.text}`);
    }
    return this.text;
  }

  async toEnd(): Promise<string> {
    while (await this.#more());
    return this.text;
  }

  cancel(): Promise<void> {
    return this.#reader.cancel();
  }

  async #more(): Promise<boolean> {
    const { done, value } = await this.#reader.read();
    if (value !== undefined) this.text += this.#decoder.decode(value, { stream: true });
    return !done;
  }
}
