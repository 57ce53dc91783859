import type { PhoneLine } from './phone-call.js';
import { PhoneCall } from './phone-call.js';
import type { CodecName } from './sdp.js';
import { exchange, SipDialog } from './sip-dialog.js';
import type { SipRequest } from './sip-message.js';
import { answerTo, headerOf, newToken } from './sip-message.js';
import type { SipAddress } from './sip-socket.js';
import { SipSocket } from './sip-socket.js';
import { Until } from './until.js';

export type PhoneOptions = {
  readonly server: SipAddress;
  readonly user: string;
  readonly password: string;
  /** Best first. */
  readonly codecs?: readonly CodecName[];
  /** What it does with a call: answers, rings until the test decides, or refuses with that status. */
  readonly incoming?: 'answer' | 'ring' | 486 | 603;
};

const REGISTER_SECONDS = 300;

/**
 * A telephone for tests: SIP over UDP, RTP, G.711 and G.722, one registrar. It keeps to what a desk phone does and records
 * everything; nothing in it comes from `src/`.
 */
export class Phone {
  readonly user: string;
  /** Calls of this phone, in order, ended ones too. */
  readonly calls: PhoneCall[] = [];
  readonly #line: PhoneLine;
  readonly #server: SipAddress;
  readonly #incoming: 'answer' | 'ring' | 486 | 603;
  readonly #registration: SipDialog;
  readonly #until = new Until();
  #taken = 0;
  #isRegistered = false;

  private constructor(options: PhoneOptions, socket: SipSocket) {
    const { server, user } = options;
    this.user = user;
    this.#server = server;
    this.#incoming = options.incoming ?? 'answer';
    const uriFor = (extension: string): string => `sip:${extension}@${server.host}:${server.port}`;
    const contact = `<sip:${user}@${socket.address.host}:${socket.address.port}>`;
    const identity = `<${uriFor(user)}>`;
    this.#line = {
      socket,
      credentials: { username: user, password: options.password },
      codecs: options.codecs ?? ['PCMU'],
      identity,
      contact,
      uriFor,
    };
    const target = `sip:${server.host}:${server.port}`;
    this.#registration = new SipDialog({ local: identity, remote: identity, contact, target });
    socket.onRequest = (request) => this.#receive(request);
  }

  static async open(options: PhoneOptions): Promise<Phone> {
    return new Phone(options, await SipSocket.open(options.server));
  }

  async register(): Promise<void> {
    await this.#register(REGISTER_SECONDS);
    this.#isRegistered = true;
  }

  /** Calls an extension; resolves when the INVITE is out. */
  async dial(extension: string): Promise<PhoneCall> {
    const call = await PhoneCall.dial(this.#line, extension);
    this.calls.push(call);
    return call;
  }

  /** The next incoming call that no one asked for yet. */
  async rung(limitMs?: number): Promise<PhoneCall> {
    const next = (): PhoneCall | undefined => this.#incomingCalls[this.#taken];
    const what = `${this.user} is rung`;
    await this.#until.is(what, () => next() !== undefined, limitMs === undefined ? {} : { limitMs });
    const call = next();
    if (call === undefined) throw new Error(what);
    this.#taken += 1;
    return call;
  }

  /** Calls that have rung so far are nobody's: `rung` tells of later ones only. */
  forgetRung(): void {
    this.#taken = this.#incomingCalls.length;
  }

  /** Hangs up, unregisters and leaves nothing open; a PBX that is gone does not stop it. */
  async close(): Promise<void> {
    const goodbyes = this.calls.map((call) => call.hangUp());
    if (this.#isRegistered) goodbyes.push(this.#register(0));
    await Promise.allSettled(goodbyes);
    this.#line.socket.close();
  }

  get #incomingCalls(): PhoneCall[] {
    return this.calls.filter((call) => call.direction === 'incoming');
  }

  async #register(seconds: number): Promise<void> {
    const { socket, credentials } = this.#line;
    const { response } = await exchange(socket, credentials, (authorization) =>
      this.#registration.request('REGISTER', [['Expires', String(seconds)], ...authorization]),
    );
    if (response.status !== 200) {
      throw new Error(
        `${this.user} at ${this.#server.port}: REGISTER was answered ${response.status} ${response.reason}`,
      );
    }
  }

  #receive(request: SipRequest): void {
    const callId = headerOf(request, 'Call-ID');
    const call = this.calls.find(
      (one) => one.callId === callId && (one.state !== 'ended' || request.method !== 'INVITE'),
    );
    if (call !== undefined) call.handle(request);
    else if (request.method === 'INVITE') this.#ring(request);
    else if (request.method === 'OPTIONS' || request.method === 'NOTIFY') this.#answer(request, 200);
    else if (request.method !== 'ACK') this.#answer(request, 481);
  }

  #ring(invite: SipRequest): void {
    PhoneCall.ring(this.#line, invite)
      .then((call) => {
        this.calls.push(call);
        if (this.#incoming === 'answer') call.answer();
        else if (this.#incoming !== 'ring') call.reject(this.#incoming);
        this.#until.changed();
      })
      .catch((error: unknown) => {
        process.stderr.write(`test phone ${this.user}: ${String(error)}\n`);
        this.#answer(invite, 486);
      });
  }

  #answer(request: SipRequest, status: number): void {
    this.#line.socket.respond(request, answerTo(request, status, { toTag: newToken() }));
  }
}
