import type { Credentials, SipHeader, SipRequest, SipResponse } from './sip-message.js';
import { answerChallenge, cseqOf, headerOf, headersOf, newToken, tagOf, uriOf } from './sip-message.js';
import type { SipSocket } from './sip-socket.js';
import { newBranch } from './sip-socket.js';

/** One side's view of a call (RFC 3261 §12): ids, targets and the count of our requests. */
export class SipDialog {
  readonly callId: string;
  readonly localTag = newToken();
  /** From and To values without the tags. */
  readonly #local: string;
  readonly #remote: string;
  readonly #contact: string;
  #remoteTag: string | null;
  #target: string;
  #routes: readonly string[];
  #cseq = 0;

  /** Before the other side has answered: `target` is the URI that is called. */
  constructor(options: {
    readonly local: string;
    readonly remote: string;
    readonly contact: string;
    readonly target: string;
    readonly callId?: string;
  }) {
    this.callId = options.callId ?? newToken();
    this.#local = options.local;
    this.#remote = options.remote;
    this.#contact = options.contact;
    this.#target = options.target;
    this.#remoteTag = null;
    this.#routes = [];
  }

  /** The called side of an INVITE. */
  static ofInvite(invite: SipRequest, contact: string): SipDialog {
    const from = headerOf(invite, 'From');
    const dialog = new SipDialog({
      local: withoutTag(headerOf(invite, 'To')),
      remote: withoutTag(from),
      contact,
      target: uriOf(headerOf(invite, 'Contact')),
      callId: headerOf(invite, 'Call-ID'),
    });
    dialog.#remoteTag = tagOf(from);
    dialog.#routes = headersOf(invite, 'Record-Route');
    return dialog;
  }

  /** Takes tag, target and routes from the answer to our INVITE. */
  establish(answer: SipResponse): void {
    this.#remoteTag = tagOf(headerOf(answer, 'To'));
    this.#routes = headersOf(answer, 'Record-Route').reverse();
    const contact = headerOf(answer, 'Contact');
    if (contact !== '') this.#target = uriOf(contact);
  }

  /** This call as another one may ask for it: a Refer-To value with Replaces (RFC 3891). */
  get referTo(): string {
    const replaces = `${this.callId};to-tag=${this.#remoteTag ?? ''};from-tag=${this.localTag}`;
    return `<${uriOf(this.#remote)}?Replaces=${encodeURIComponent(replaces)}>`;
  }

  request(method: string, headers: readonly SipHeader[] = [], body = ''): SipRequest {
    this.#cseq += 1;
    return this.#request(method, this.#cseq, headers, body);
  }

  ack(invite: SipRequest): SipRequest {
    return this.#request('ACK', cseqOf(invite).number, [], '');
  }

  #request(method: string, cseq: number, headers: readonly SipHeader[], body: string): SipRequest {
    const to = this.#remoteTag === null ? this.#remote : `${this.#remote};tag=${this.#remoteTag}`;
    return {
      kind: 'request',
      method,
      uri: this.#target,
      headers: [
        ['Max-Forwards', '70'],
        ...this.#routes.map((route): SipHeader => ['Route', route]),
        ['From', `${this.#local};tag=${this.localTag}`],
        ['To', to],
        ['Call-ID', this.callId],
        ['CSeq', `${cseq} ${method}`],
        ['Contact', this.#contact],
        ...headers,
      ],
      body,
    };
  }
}

/** A request with its final answer; `branch` names its transaction. */
export type Exchange = { readonly request: SipRequest; readonly response: SipResponse; readonly branch: string };

/** Sends what `make` makes; once more with credentials when the server asks for them. */
export async function exchange(
  socket: SipSocket,
  credentials: Credentials,
  make: (authorization: readonly SipHeader[]) => SipRequest,
  options: {
    readonly onSend?: (request: SipRequest, branch: string) => void;
    readonly onProvisional?: (response: SipResponse) => void;
  } = {},
): Promise<Exchange> {
  const once = async (authorization: readonly SipHeader[]): Promise<Exchange> => {
    const [request, branch] = [make(authorization), newBranch()];
    const { onProvisional } = options;
    const response = socket.request(request, onProvisional === undefined ? { branch } : { branch, onProvisional });
    options.onSend?.(request, branch);
    return { request, branch, response: await response };
  };
  const first = await once([]);
  if (first.response.status !== 401 && first.response.status !== 407) return first;
  const answer = answerChallenge(first.response, first.request, credentials);
  return answer === null ? first : once([answer]);
}

function withoutTag(value: string): string {
  return value.replace(/;\s*tag=[^;\s]+/, '');
}
