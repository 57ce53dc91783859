import type { Socket } from 'node:dgram';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { SipMessage, SipRequest, SipResponse } from './sip-message.js';
import { branchOf, cseqOf, formatSip, headerOf, newToken, parseSip } from './sip-message.js';
import { EVENT_LIMIT_MS } from './until.js';

export type SipAddress = { readonly host: string; readonly port: number };

/** Timer T1 of RFC 3261. */
const RETRANSMIT_MS = 500;

type ClientTransaction = {
  readonly onResponse: (response: SipResponse) => void;
  readonly onClosed: () => void;
  readonly repeat: NodeJS.Timeout;
  readonly limit: NodeJS.Timeout;
};

/** SIP over UDP with one server: transactions, so that what is above sees each request and each answer once. */
export class SipSocket {
  /** One listener; set before the first request goes out. ACKs come here too. */
  onRequest: (request: SipRequest) => void = () => undefined;
  readonly #socket: Socket;
  readonly #server: SipAddress;
  readonly #running = new Map<string, ClientTransaction>();
  /** What answered an INVITE's final response, by its branch: sent again whenever that response comes again. */
  readonly #acks = new Map<string, string>();
  /** Our last answer to a request, by branch and method; null before there is one. */
  readonly #answered = new Map<string, string | null>();
  /** Final answers to INVITEs that wait for their ACK, by Call-ID and CSeq. */
  readonly #unacknowledged = new Map<string, NodeJS.Timeout>();

  private constructor(socket: Socket, server: SipAddress) {
    this.#socket = socket;
    this.#server = server;
    socket.on('message', (datagram) => this.#receive(datagram.toString('utf8')));
  }

  static async open(server: SipAddress): Promise<SipSocket> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new SipSocket(socket, server);
  }

  get address(): SipAddress {
    const { address, port } = this.#socket.address();
    return { host: address, port };
  }

  /** Sends a request in a transaction; resolves with the final answer. An INVITE may ring as long as it likes. */
  request(
    request: SipRequest,
    options: { readonly branch?: string; readonly onProvisional?: (response: SipResponse) => void } = {},
  ): Promise<SipResponse> {
    const branch = options.branch ?? newBranch();
    const text = this.#format(request, branch);
    const key = `${branch} ${request.method}`;
    return new Promise((resolve, reject) => {
      const repeat = setInterval(() => this.#send(text), RETRANSMIT_MS);
      const limit = setTimeout(() => {
        this.#end(key);
        reject(new Error(`no answer to ${request.method} ${request.uri} within ${EVENT_LIMIT_MS} ms`));
      }, EVENT_LIMIT_MS);
      this.#running.set(key, {
        repeat,
        limit,
        onClosed: () => reject(new Error(`the phone was closed before an answer to ${request.method} ${request.uri}`)),
        onResponse: (response) => {
          clearInterval(repeat);
          if (response.status >= 200 || request.method === 'INVITE') clearTimeout(limit);
          if (response.status < 200) {
            options.onProvisional?.(response);
            return;
          }
          this.#end(key);
          if (request.method === 'INVITE' && response.status >= 300) this.#ackFailure(request, branch, response);
          resolve(response);
        },
      });
      this.#send(text);
    });
  }

  /** The ACK of a 2xx, kept for when that comes again. */
  ack(ack: SipRequest, inviteBranch: string): void {
    const text = this.#format(ack, newBranch());
    this.#acks.set(inviteBranch, text);
    this.#send(text);
  }

  /** Answers a request; a final answer to an INVITE is repeated until its ACK. */
  respond(request: SipRequest, response: SipResponse): void {
    const text = formatSip(response);
    this.#answered.set(serverKey(request), text);
    this.#send(text);
    if (request.method !== 'INVITE' || response.status < 200) return;
    const key = callKey(request);
    clearInterval(this.#unacknowledged.get(key));
    this.#unacknowledged.set(
      key,
      setInterval(() => this.#send(text), RETRANSMIT_MS),
    );
  }

  close(): void {
    for (const [key, transaction] of [...this.#running]) {
      this.#end(key);
      transaction.onClosed();
    }
    for (const timer of this.#unacknowledged.values()) clearInterval(timer);
    this.#socket.close();
  }

  #receive(text: string): void {
    const message = parseSip(text);
    if (message === null) return;
    if (message.kind === 'request') this.#receiveRequest(message);
    else this.#receiveResponse(message);
  }

  #receiveRequest(request: SipRequest): void {
    if (request.method === 'ACK') {
      const key = callKey(request);
      clearInterval(this.#unacknowledged.get(key));
      this.#unacknowledged.delete(key);
      this.onRequest(request);
      return;
    }
    const key = serverKey(request);
    const answered = this.#answered.get(key);
    if (answered === undefined) {
      this.#answered.set(key, null);
      this.onRequest(request);
    } else if (answered !== null) this.#send(answered);
  }

  #receiveResponse(response: SipResponse): void {
    const branch = branchOf(response);
    const { method } = cseqOf(response);
    const transaction = this.#running.get(`${branch} ${method}`);
    if (transaction !== undefined) {
      transaction.onResponse(response);
      return;
    }
    const ack = this.#acks.get(branch);
    if (method === 'INVITE' && response.status >= 200 && ack !== undefined) this.#send(ack);
  }

  /** The ACK of a refusal belongs to the INVITE's transaction (RFC 3261 §17.1.1.3). */
  #ackFailure(invite: SipRequest, branch: string, response: SipResponse): void {
    const kept = invite.headers.filter(([name]) =>
      ['from', 'call-id', 'route', 'max-forwards'].includes(name.toLowerCase()),
    );
    const ack: SipRequest = {
      kind: 'request',
      method: 'ACK',
      uri: invite.uri,
      headers: [...kept, ['To', headerOf(response, 'To')], ['CSeq', `${cseqOf(invite).number} ACK`]],
      body: '',
    };
    const text = this.#format(ack, branch);
    this.#acks.set(branch, text);
    this.#send(text);
  }

  #format(request: SipRequest, branch: string): string {
    const { host, port } = this.address;
    const via = ['Via', `SIP/2.0/UDP ${host}:${port};branch=${branch};rport`] as const;
    return formatSip({ ...request, headers: [via, ...request.headers] });
  }

  #end(key: string): void {
    const transaction = this.#running.get(key);
    clearInterval(transaction?.repeat);
    clearTimeout(transaction?.limit);
    this.#running.delete(key);
  }

  #send(text: string): void {
    this.#socket.send(text, this.#server.port, this.#server.host);
  }
}

/** A transaction's id (RFC 3261 §8.1.1.7). */
export function newBranch(): string {
  return `z9hG4bK${newToken()}`;
}

function serverKey(request: SipMessage): string {
  return `${branchOf(request)} ${cseqOf(request).method}`;
}

function callKey(request: SipMessage): string {
  return `${headerOf(request, 'Call-ID')} ${cseqOf(request).number}`;
}
