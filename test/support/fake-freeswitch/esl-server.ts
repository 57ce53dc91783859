import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import type { RawEvent } from '../esl-client.js';

/** How the socket behaves; may be changed at any moment. */
export type EslFaults = {
  /** The address is not on the list of `apply-inbound-acl`. */
  acl: 'lets in' | 'refuses';
  /** Commands that are never answered. */
  deaf: RegExp | null;
  /** The connection ends when one of these comes, before it is carried out. */
  cutAt: RegExp | null;
  /** A whole message a write, or byte by byte, or many messages in one write. */
  writes: 'whole' | 'bytes' | 'merged';
};

/** `api` gives the body, everything else the Reply-Text; null: no answer at all. */
export type Answerer = (command: string) => { readonly kind: 'api' | 'reply'; readonly text: string };

/** The wire of mod_event_socket. */
export class EslServer {
  readonly faults: EslFaults = { acl: 'lets in', deaf: null, cutAt: null, writes: 'whole' };
  /** Every command of every connection, in order, without `auth`. */
  readonly commands: string[] = [];
  readonly #server: Server;
  readonly #password: string;
  readonly #answer: Answerer;
  readonly #connections = new Set<Connection>();

  constructor(options: { readonly password: string; readonly answer: Answerer }) {
    this.#password = options.password;
    this.#answer = options.answer;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Logged in. */
  get connections(): number {
    return [...this.#connections].filter((connection) => connection.isIn).length;
  }

  async listen(port = 0): Promise<void> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** To whom it subscribed. */
  tell(event: RawEvent): void {
    for (const connection of this.#connections) connection.tell(event);
  }

  /** As it is, to everyone. */
  write(raw: string | Buffer): void {
    for (const connection of this.#connections) connection.write(raw);
  }

  /** Connections end without a word. */
  cut(): void {
    for (const connection of this.#connections) connection.end();
  }

  async close(): Promise<void> {
    this.cut();
    if (!this.#server.listening) return;
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(socket: Socket): void {
    const connection = new Connection(socket, this.faults, {
      password: this.#password,
      answer: (command) => {
        this.commands.push(command);
        return this.#answer(command);
      },
      onEnd: () => this.#connections.delete(connection),
    });
    this.#connections.add(connection);
    connection.start();
  }
}

class Connection {
  isIn = false;
  readonly #socket: Socket;
  readonly #faults: EslFaults;
  readonly #options: { readonly password: string; readonly answer: Answerer; readonly onEnd: () => void };
  readonly #subscribed = new Set<string>();
  #read = '';
  /** What waits for the end of the turn when messages are merged. */
  #merged = '';

  constructor(
    socket: Socket,
    faults: EslFaults,
    options: { readonly password: string; readonly answer: Answerer; readonly onEnd: () => void },
  ) {
    this.#socket = socket;
    this.#faults = faults;
    this.#options = options;
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    socket.on('close', options.onEnd);
    socket.on('data', (chunk) => this.#received(String(chunk)));
  }

  start(): void {
    if (this.#faults.acl === 'refuses') {
      this.#socket.end('Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n');
      return;
    }
    this.#send('Content-Type: auth/request\n\n');
  }

  tell(event: RawEvent): void {
    if (!this.#subscribed.has(event['Event-Name'] ?? '')) return;
    const body = JSON.stringify(event);
    this.#send(`Content-Length: ${Buffer.byteLength(body)}\nContent-Type: text/event-json\n\n${body}`);
  }

  write(raw: string | Buffer): void {
    this.#socket.write(raw);
  }

  end(): void {
    this.#socket.destroy();
  }

  #received(text: string): void {
    this.#read += text;
    for (let end = this.#read.indexOf('\n\n'); end >= 0; end = this.#read.indexOf('\n\n')) {
      const command = this.#read.slice(0, end);
      this.#read = this.#read.slice(end + 2);
      this.#carryOut(command);
    }
  }

  #carryOut(command: string): void {
    const { cutAt, deaf } = this.#faults;
    if (cutAt?.test(command) === true) {
      this.end();
      return;
    }
    const deafToThis = deaf?.test(command) === true;
    if (command.startsWith('auth ')) {
      this.#logIn(command.slice('auth '.length));
      return;
    }
    if (!this.isIn || deafToThis) return;
    const [verb = '', ...words] = command.split(' ');
    if (verb === 'event' || verb === 'nixevent') {
      for (const name of words.filter((word) => word !== 'json')) {
        if (verb === 'event') this.#subscribed.add(name);
        else this.#subscribed.delete(name);
      }
      this.#reply(verb === 'event' ? '+OK event listener enabled json' : '+OK events nixed');
      return;
    }
    const { kind, text } = this.#options.answer(command);
    if (kind === 'reply') this.#reply(text);
    else this.#send(`Content-Type: api/response\nContent-Length: ${Buffer.byteLength(text)}\n\n${text}`);
  }

  #logIn(password: string): void {
    if (password === this.#options.password) {
      this.isIn = true;
      this.#reply('+OK accepted');
      return;
    }
    this.#reply('-ERR invalid');
    const goodbye = 'Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n';
    this.#socket.end(`Content-Type: text/disconnect-notice\nContent-Length: ${goodbye.length}\n\n${goodbye}`);
  }

  #reply(text: string): void {
    this.#send(`Content-Type: command/reply\nReply-Text: ${text}\n\n`);
  }

  #send(message: string): void {
    const { writes } = this.#faults;
    if (this.#socket.destroyed || !this.#socket.writable) return;
    if (writes === 'merged') {
      if (this.#merged === '') {
        setImmediate(() => {
          this.#socket.write(this.#merged);
          this.#merged = '';
        });
      }
      this.#merged += message;
    } else if (writes === 'bytes') {
      for (const byte of Buffer.from(message)) this.#socket.write(Buffer.of(byte));
    } else {
      this.#socket.write(message);
    }
  }
}
