import { createConnection } from 'node:net';
import type { Socket } from 'node:net';
import { once } from 'node:events';

/** An event as JSON gives it. */
export type RawEvent = Readonly<Record<string, string>>;

/** A plain event socket for tests: the far side of what the adapter does, and nothing of the adapter's code. */
export class EslClient {
  /** Those of `subscribe`, in order. */
  readonly events: RawEvent[] = [];
  readonly #socket: Socket;
  readonly #replies: ((text: string) => void)[] = [];
  #buffer = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#received(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      for (const reply of this.#replies.splice(0)) reply('-ERR closed');
    });
  }

  static async connect(port: number, password: string): Promise<EslClient> {
    const socket = createConnection(port, '127.0.0.1');
    await once(socket, 'connect');
    const client = new EslClient(socket);
    const answer = await client.ask(`auth ${password}`);
    if (!answer.startsWith('+OK')) throw new Error(`event socket: ${answer}`);
    return client;
  }

  subscribe(...names: readonly string[]): Promise<string> {
    return this.ask(`event json ${names.join(' ')}`);
  }

  /** The body of an `api` command's answer. */
  api(command: string): Promise<string> {
    return this.ask(`api ${command}`);
  }

  /** A command as it is; its Reply-Text or body. */
  ask(text: string): Promise<string> {
    return new Promise((resolve) => {
      this.#replies.push(resolve);
      this.#socket.write(`${text}\n\n`);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #received(chunk: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer, chunk]);
    for (;;) {
      const headerEnd = this.#buffer.indexOf('\n\n');
      if (headerEnd < 0) return;
      const headers = this.#buffer.toString('utf8', 0, headerEnd);
      const bodyBytes = Number(/^Content-Length: *(\d+)/m.exec(headers)?.[1] ?? 0);
      const end = headerEnd + 2 + bodyBytes;
      if (this.#buffer.length < end) return;
      const body = this.#buffer.toString('utf8', headerEnd + 2, end);
      this.#buffer = this.#buffer.subarray(end);
      if (headers.includes('text/event-json')) this.events.push(JSON.parse(body) as RawEvent);
      else if (!headers.includes('auth/request'))
        this.#replies.shift()?.(body === '' ? (/^Reply-Text: *(.*)$/m.exec(headers)?.[1] ?? '') : body.trim());
    }
  }
}
