import { CallFailure, answerFailure } from './failure.js';

/**
 * @typedef {{ readonly agents: readonly { readonly name: string }[], readonly iceServers: readonly RTCIceServer[] }} Service
 */

const ANSWER_LIMIT_MS = 8000;

/** The bridge's signalling for one call (WHIP, RFC 9725): the offer, later candidates, ICE restarts, the end. */
export class WhipSession {
  #base;
  #token;
  /** @type {string | null} */
  #location = null;
  #tag = '*';

  /**
   * @param {URL} base where the bridge is
   * @param {string | null} token a session token, where the site gives one
   */
  constructor(base, token) {
    this.#base = base;
    this.#token = token;
  }

  /** Whether there is a call. */
  get open() {
    return this.#location !== null;
  }

  /**
   * What there is to call.
   * @returns {Promise<Service>}
   */
  async service() {
    const response = await this.#fetch('GET', new URL('v1/webrtc', this.#base), {});
    if (!response.ok) throw await answerFailure(response);
    return /** @type {Promise<Service>} */ (response.json());
  }

  /**
   * The answer to an offer, and what a later call needs to go on with this conversation.
   * @param {string} agent
   * @param {string} offer
   * @param {string | null} resume of the call before
   */
  async offer(agent, offer, resume) {
    const url = new URL(`v1/webrtc/${encodeURIComponent(agent)}`, this.#base);
    const headers = { 'Content-Type': 'application/sdp', ...(resume === null ? {} : { 'Linecard-Resume': resume }) };
    const response = await this.#fetch('POST', url, { headers, body: offer });
    if (response.status !== 201) throw await answerFailure(response);
    const location = response.headers.get('Location');
    if (location === null) throw new CallFailure('failed', 'the answer has no Location');
    this.#location = new URL(location, url).href;
    this.#tag = response.headers.get('ETag') ?? '*';
    return { answer: await response.text(), resume: response.headers.get('Linecard-Resume') };
  }

  /**
   * Brings candidates.
   * @param {string} fragment
   */
  async trickle(fragment) {
    await this.#patch(fragment, this.#tag);
  }

  /**
   * Restarts ICE; resolves with the bridge's new credentials and candidates.
   * @param {string} fragment
   */
  async restart(fragment) {
    const response = await this.#patch(fragment, '*');
    this.#tag = response.headers.get('ETag') ?? '*';
    return response.text();
  }

  /** Ends the call; also while the page goes away. */
  end() {
    const location = this.#location;
    this.#location = null;
    // Whoever cannot be told finds out by silence.
    if (location !== null) void fetch(location, { method: 'DELETE', keepalive: true }).catch(() => undefined);
  }

  /**
   * @param {string} fragment
   * @param {string} tag
   */
  async #patch(fragment, tag) {
    if (this.#location === null) throw new CallFailure('lost', 'there is no call');
    const headers = { 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': tag };
    const response = await this.#fetch('PATCH', new URL(this.#location), { headers, body: fragment });
    if (!response.ok) throw await answerFailure(response);
    return response;
  }

  /**
   * @param {string} method
   * @param {URL} url
   * @param {{ headers?: Record<string, string>, body?: string }} rest
   */
  async #fetch(method, url, { headers = {}, ...rest }) {
    const authorization = this.#token === null ? {} : { Authorization: `Bearer ${this.#token}` };
    try {
      return await fetch(url, {
        method,
        headers: { ...headers, ...authorization },
        signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
        credentials: 'omit',
        ...rest,
      });
    } catch (thrown) {
      throw new CallFailure('unreachable', String(thrown));
    }
  }
}
