import type { Recording } from './recording.js';
import { RtpStream } from './rtp-stream.js';
import type { AudioDescription, CodecName, MediaDirection } from './sdp.js';
import { formatSdp, parseSdp } from './sdp.js';
import type { Exchange } from './sip-dialog.js';
import { exchange, SipDialog } from './sip-dialog.js';
import type { Credentials, SipHeader, SipRequest, SipResponse } from './sip-message.js';
import { answerTo, headerOf, uriOf } from './sip-message.js';
import type { SipAddress, SipSocket } from './sip-socket.js';
import type { Source } from './sources.js';
import { Until } from './until.js';

/** What a call takes from its phone. */
export type PhoneLine = {
  readonly socket: SipSocket;
  readonly credentials: Credentials;
  /** In the order of preference. */
  readonly codecs: readonly CodecName[];
  /** `<sip:…>` values. */
  readonly identity: string;
  readonly contact: string;
  /** The URI of an extension at the server. */
  uriFor(extension: string): string;
};

export type PhoneCallState = 'calling' | 'ringing' | 'talking' | 'ended';

/** How it ended: who sent the last word, and the SIP status of an INVITE that was refused. */
export type Ending = { readonly by: 'us' | 'them'; readonly status: number | null; readonly cause: number | null };

const SDP_TYPE: SipHeader = ['Content-Type', 'application/sdp'];

/** One call at a phone, in either direction. Whatever is awaited is an event and comes within seconds or rejects. */
export class PhoneCall {
  readonly direction: 'outgoing' | 'incoming';
  readonly rtp: RtpStream;
  ending: Ending | null = null;
  /** What the other side last said of its media: `sendonly` or `inactive` when it holds us. */
  remoteDirection: MediaDirection = 'sendrecv';
  /** `performance.now()` at the INVITE, at the first 180 or 183 and at its 200. */
  readonly invitedAtMs = performance.now();
  ringingAtMs: number | null = null;
  answeredAtMs: number | null = null;
  readonly #line: PhoneLine;
  readonly #dialog: SipDialog;
  /** The other side's INVITE. */
  readonly #invite: SipRequest | null;
  readonly #until = new Until();
  #state: PhoneCallState = 'calling';
  #sdpVersion = 1;
  #ownDirection: MediaDirection = 'sendrecv';
  /** Our INVITE on its way, with what a CANCEL of it needs. */
  #outgoing: { readonly request: SipRequest; readonly branch: string; provisional: 'none' | 'received' } | null = null;
  #wantsToCancel = false;
  #goodbye: Promise<Exchange> | null = null;
  /** Where its sound is instead of in `rtp`. */
  #movedTo: SipAddress | null = null;
  #transferStatus = 0;

  private constructor(line: PhoneLine, dialog: SipDialog, rtp: RtpStream, invite: SipRequest | null) {
    this.#line = line;
    this.#dialog = dialog;
    this.rtp = rtp;
    this.#invite = invite;
    this.direction = invite === null ? 'outgoing' : 'incoming';
  }

  /** Calls an extension; resolves when the INVITE is out. */
  static async dial(line: PhoneLine, extension: string): Promise<PhoneCall> {
    const target = line.uriFor(extension);
    const dialog = new SipDialog({ local: line.identity, remote: `<${target}>`, contact: line.contact, target });
    const call = new PhoneCall(line, dialog, await RtpStream.open(), null);
    call.#inviteThem().catch((error: unknown) => call.#end({ by: 'them', status: null, cause: null }, error));
    return call;
  }

  /** Takes an INVITE and says that it rings. */
  static async ring(line: PhoneLine, invite: SipRequest): Promise<PhoneCall> {
    const call = new PhoneCall(line, SipDialog.ofInvite(invite, line.contact), await RtpStream.open(), invite);
    call.#respond(invite, 180);
    call.#become('ringing');
    return call;
  }

  get state(): PhoneCallState {
    return this.#state;
  }

  get callId(): string {
    return this.#dialog.callId;
  }

  get recording(): Recording {
    return this.rtp.recording;
  }

  /** Number of who calls, on an incoming call. */
  get callerNumber(): string {
    return this.#invite === null ? '' : (/^sips?:([^@]*)@/.exec(uriOf(headerOf(this.#invite, 'From')))?.[1] ?? '');
  }

  /** Whom they called, on an incoming call. */
  get calledNumber(): string {
    return this.#invite === null ? '' : (/^sips?:([^@]*)@/.exec(this.#invite.uri)?.[1] ?? '');
  }

  rings(limitMs?: number): Promise<void> {
    return this.#is('ringing', () => this.#state !== 'calling', limitMs);
  }

  /** Resolves when both sides may speak. */
  async answered(limitMs?: number): Promise<void> {
    await this.#is('answered', () => this.#state === 'talking' || this.#state === 'ended', limitMs);
    if (this.#state === 'ended') throw new Error(`not answered: ${JSON.stringify(this.ending)}`);
  }

  async ends(limitMs?: number): Promise<Ending> {
    await this.#is('ended', () => this.#state === 'ended', limitMs);
    return this.ending ?? { by: 'them', status: null, cause: null };
  }

  /** Resolves when the other side holds us, or takes us back. */
  heldByThem(held: 'held' | 'resumed', limitMs?: number): Promise<void> {
    const isHeld = (): boolean => this.remoteDirection !== 'sendrecv';
    return this.#is(held, () => isHeld() === (held === 'held'), limitMs);
  }

  answer(): void {
    const offer = this.#invite;
    if (offer === null || this.#state !== 'ringing') throw new Error(`nothing to answer: ${this.#state}`);
    this.#takeDescription(offer.body);
    this.#respond(offer, 200, this.#describe());
    this.answeredAtMs = performance.now();
    this.#become('talking');
  }

  reject(status: 486 | 603): void {
    if (this.#invite === null || this.#state !== 'ringing') throw new Error(`nothing to reject: ${this.#state}`);
    this.#respond(this.#invite, status);
    this.#end({ by: 'us', status, cause: null });
  }

  play(source: Source): void {
    this.rtp.play(source);
  }

  sendDigits(digits: string): Promise<void> {
    return this.rtp.sendDigits(digits);
  }

  async hold(): Promise<void> {
    await this.#reinvite('sendonly');
  }

  async resume(): Promise<void> {
    await this.#reinvite('sendrecv');
  }

  /** From now on its sound is somebody else's at this address; resolves with where the other side takes it. */
  async moveMedia(to: SipAddress): Promise<SipAddress> {
    this.#movedTo = to;
    this.rtp.close();
    const { address } = await this.#reinvite('sendrecv');
    return address;
  }

  /** The key for blind transfer: REFER; resolves with the last status that the PBX reported, and hangs up when that is good. */
  async transfer(extension: string): Promise<number> {
    return this.#refer(`<${this.#line.uriFor(extension)}>`);
  }

  /** The same key with another call at the phone: the two other ends are brought together, and both calls here end. */
  async transferTo(other: PhoneCall): Promise<number> {
    const status = await this.#refer(other.#dialog.referTo);
    if (status < 300 && other.state !== 'ended') await other.hangUp();
    return status;
  }

  async #refer(to: string): Promise<number> {
    this.#transferStatus = 0;
    const { response } = await this.#exchange('REFER', [
      ['Refer-To', to],
      ['Referred-By', this.#line.identity],
    ]);
    if (response.status >= 300) return response.status;
    await this.#is('transferred', () => this.#transferStatus >= 200 || this.#state === 'ended');
    if (this.#state !== 'ended' && this.#transferStatus < 300) await this.hangUp();
    return this.#transferStatus;
  }

  /** BYE, CANCEL or 603, as the state demands; resolves when the call is over. */
  async hangUp(): Promise<void> {
    if (this.#state === 'talking') {
      this.#goodbye = this.#exchange('BYE');
      this.#end({ by: 'us', status: null, cause: null });
    } else if (this.#state !== 'ended') {
      if (this.#invite !== null) this.reject(603);
      else {
        this.#wantsToCancel = true;
        this.#cancel();
        await this.ends();
      }
    }
    // An answer that crossed the CANCEL is taken back by a BYE, and who closes the phone before it is answered leaves a call behind.
    await this.#goodbye;
  }

  /** A request of the other side within this call. */
  handle(request: SipRequest): void {
    switch (request.method) {
      case 'ACK':
        break;
      case 'INVITE':
        this.#takeDescription(request.body);
        this.#respond(request, 200, this.#describe());
        break;
      case 'BYE':
        this.#respond(request, 200);
        this.#end({ by: 'them', status: null, cause: causeOf(request) });
        break;
      case 'CANCEL':
        this.#respond(request, 200);
        if (this.#state !== 'ringing' || this.#invite === null) break;
        this.#respond(this.#invite, 487);
        this.#end({ by: 'them', status: 487, cause: causeOf(request) });
        break;
      case 'NOTIFY':
        this.#respond(request, 200);
        this.#transferStatus = Number(/^SIP\/2\.0 (\d{3})/.exec(request.body)?.[1] ?? this.#transferStatus);
        this.#until.changed();
        break;
      case 'UPDATE':
      case 'INFO':
      case 'OPTIONS':
        this.#respond(request, 200);
        break;
      default:
        this.#respond(request, 501);
    }
  }

  async #inviteThem(): Promise<void> {
    const { socket, credentials } = this.#line;
    const sdp = this.#describe();
    const { request, response, branch } = await exchange(
      socket,
      credentials,
      (authorization) => this.#dialog.request('INVITE', [SDP_TYPE, ...authorization], sdp),
      {
        onSend: (sent, sentBranch) => {
          this.#outgoing = { request: sent, branch: sentBranch, provisional: 'none' };
        },
        onProvisional: (provisional) => this.#onProvisional(provisional),
      },
    );
    this.#outgoing = null;
    if (response.status >= 300) {
      const by = response.status === 487 && this.#wantsToCancel ? 'us' : 'them';
      this.#end({ by, status: response.status, cause: causeOf(response) });
      return;
    }
    this.#dialog.establish(response);
    socket.ack(this.#dialog.ack(request), branch);
    this.#takeDescription(response.body);
    this.answeredAtMs = performance.now();
    this.#become('talking');
    // The answer crossed our CANCEL.
    if (this.#wantsToCancel) await this.hangUp();
  }

  #onProvisional(response: SipResponse): void {
    if (this.#outgoing !== null) this.#outgoing.provisional = 'received';
    if (this.#wantsToCancel) this.#cancel();
    if (response.status === 100) return;
    if (response.body !== '') this.#takeDescription(response.body);
    this.ringingAtMs ??= performance.now();
    this.#become('ringing');
  }

  /** Not before a provisional answer (RFC 3261 §9.1); the 487 then ends the call. */
  #cancel(): void {
    if (this.#outgoing?.provisional !== 'received') return;
    const { request, branch } = this.#outgoing;
    this.#outgoing = null;
    const cseq = headerOf(request, 'CSeq').replace('INVITE', 'CANCEL');
    const headers = request.headers
      .filter(([name]) => ['From', 'To', 'Call-ID', 'Route', 'Max-Forwards'].includes(name))
      .concat([['CSeq', cseq]]);
    this.#line.socket
      .request({ kind: 'request', method: 'CANCEL', uri: request.uri, headers, body: '' }, { branch })
      .catch((error: unknown) => this.#end({ by: 'us', status: null, cause: null }, error));
  }

  async #reinvite(direction: MediaDirection): Promise<AudioDescription> {
    this.#ownDirection = direction;
    const { request, response, branch } = await this.#exchange('INVITE', [SDP_TYPE], this.#describe());
    if (response.status >= 300) throw new Error(`re-INVITE was answered ${response.status} ${response.reason}`);
    this.#line.socket.ack(this.#dialog.ack(request), branch);
    // The answer to our hold says recvonly: that is no hold of theirs.
    const theirs = this.#takeDescription(response.body);
    this.remoteDirection = 'sendrecv';
    if (theirs === null) throw new Error('the answer to a re-INVITE describes no sound');
    return theirs;
  }

  #exchange(method: string, headers: readonly SipHeader[] = [], body = ''): Promise<Exchange> {
    const { socket, credentials } = this.#line;
    return exchange(socket, credentials, (authorization) =>
      this.#dialog.request(method, [...headers, ...authorization], body),
    );
  }

  #respond(request: SipRequest, status: number, sdp = ''): void {
    const headers: SipHeader[] = [['Contact', this.#line.contact], ...(sdp === '' ? [] : [SDP_TYPE])];
    const response = answerTo(request, status, { toTag: this.#dialog.localTag, headers, body: sdp });
    this.#line.socket.respond(request, response);
  }

  /** Our side: once a codec is agreed upon, only that one. */
  #describe(): string {
    const agreed = this.rtp.codec;
    const codecs = agreed === null ? this.#line.codecs : [agreed];
    this.#sdpVersion += 1;
    const direction = answerDirection(this.#ownDirection, this.remoteDirection);
    return formatSdp({ address: this.#movedTo ?? this.rtp.address, codecs, direction, version: this.#sdpVersion });
  }

  #takeDescription(sdp: string): AudioDescription | null {
    const theirs = parseSdp(sdp);
    if (theirs === null) return null;
    const codec = this.#line.codecs.find((name) => theirs.codecs.includes(name));
    if (codec === undefined) throw new Error(`no codec in common: ${theirs.codecs.join(', ')}`);
    this.remoteDirection = theirs.direction;
    this.rtp.start({ codec, remote: theirs.address, eventPayloadType: theirs.eventPayloadType });
    this.#until.changed();
    return theirs;
  }

  #become(state: PhoneCallState): void {
    if (this.#state === 'ended') return;
    this.#state = state;
    this.#until.changed();
  }

  #end(ending: Ending, error?: unknown): void {
    if (this.#state === 'ended') return;
    if (error !== undefined) process.stderr.write(`test phone: ${error instanceof Error ? error.message : 'failed'}\n`);
    this.ending = ending;
    this.#become('ended');
    this.rtp.close();
  }

  #is(what: string, isTrue: () => boolean, limitMs?: number): Promise<void> {
    const state = (): string => `the call is ${this.#state} ${JSON.stringify(this.ending)}`;
    return this.#until.is(what, isTrue, limitMs === undefined ? { state } : { state, limitMs });
  }
}

/** What we say of our stream, given what they say of theirs (RFC 3264 §6.1). */
function answerDirection(own: MediaDirection, theirs: MediaDirection): MediaDirection {
  if (theirs === 'sendonly') return 'recvonly';
  return theirs === 'inactive' ? 'inactive' : own;
}

/** Q.850 cause of a Reason header. */
function causeOf(message: SipRequest | SipResponse): number | null {
  const cause = /cause=(\d+)/.exec(headerOf(message, 'Reason'))?.[1];
  return cause === undefined ? null : Number(cause);
}
