import { CallFailure } from './failure.js';
import { QualityWatch } from './quality.js';
import { fragmentOf, renewAnswer } from './sdp.js';

/** A connection that is not there by then is not coming: the visitor gets another try instead of a longer wait. */
const CONNECT_LIMIT_MS = 9000;
/** After an ICE restart that the bridge took part in. */
const RESTART_LIMIT_MS = 4000;
/** The bridge sends more than twice a second even when the agent is silent. */
const SILENCE_LIMIT_MS = 2000;
const WATCH_INTERVAL_MS = 500;
/** Quality is told every other time: what is lost is counted over a second. */
const QUALITY_EVERY = 2;
/** An ICE connection that says "disconnected" often comes back by itself. */
const DISCONNECTED_PATIENCE_MS = 1500;

/**
 * @typedef {object} ConnectionListener
 * @property {(stream: MediaStream) => void} heard
 * @property {(news: import('./call.js').CallNews) => void} news
 * @property {(quality: import('./quality.js').Quality) => void} quality
 * @property {(why: string) => void} lost
 */

/** One connection to the bridge: from the offer to its close. */
export class Connection {
  #session;
  #listener;
  #peer;
  #channel;
  #quality;
  #answer = '';
  /** @type {RTCIceCandidate[]} */
  #waiting = [];
  #restarting = false;
  #packets = 0;
  #packetsAtMs = 0;
  #closed = false;
  /** What relays answered instead of an address. */
  #relayErrors = '';
  #hasRelay = false;
  /** @type {number | undefined} */
  #watchTimer;
  #looks = 0;

  /**
   * @param {{ session: import('./whip.js').WhipSession, iceServers: readonly RTCIceServer[], microphone: MediaStream, listener: ConnectionListener }} options
   */
  constructor({ session, iceServers, microphone, listener }) {
    this.#session = session;
    this.#listener = listener;
    this.#peer = new RTCPeerConnection(configurationOf(iceServers));
    this.#quality = new QualityWatch(this.#peer);
    for (const track of microphone.getAudioTracks()) this.#peer.addTrack(track, microphone);
    this.#channel = this.#peer.createDataChannel('events');
    this.#channel.onmessage = ({ data }) => this.#message(String(data));
    this.#peer.ontrack = ({ streams, track }) => listener.heard(streams[0] ?? new MediaStream([track]));
    this.#peer.onicecandidate = ({ candidate }) => {
      if (candidate?.type === 'relay') this.#hasRelay = true;
      if (candidate !== null && candidate.candidate !== '') this.#candidate(candidate);
    };
    this.#peer.addEventListener('icecandidateerror', ({ url, errorCode, errorText }) => {
      if (url.startsWith('turn')) this.#relayErrors += ` ${url}: ${errorCode} ${errorText};`;
    });
  }

  /**
   * Resolves with what a later call needs to go on, when both can hear each other.
   * @param {string} agent
   * @param {string | null} resume
   */
  async open(agent, resume) {
    const offer = await this.#peer.createOffer();
    const connected = this.#connected();
    connected.catch(() => undefined); // told below, after the answer
    await this.#peer.setLocalDescription(offer);
    const answered = await this.#session.offer(agent, offer.sdp ?? '', resume);
    if (this.#closed) {
      this.#session.end();
      throw new CallFailure('lost', 'closed meanwhile');
    }
    this.#answer = answered.answer;
    await this.#peer.setRemoteDescription({ type: 'answer', sdp: answered.answer });
    this.#flush();
    await connected;
    this.#watch();
    return answered.resume;
  }

  /**
   * Looks for another way for the same call; rejects when there is none.
   * @param {readonly RTCIceServer[]} iceServers with credentials of now
   */
  async restart(iceServers) {
    if (this.#closed) throw new CallFailure('lost', 'closed');
    this.#restarting = true;
    this.#relayErrors = '';
    this.#hasRelay = false;
    try {
      this.#peer.setConfiguration(configurationOf(iceServers));
      const offer = await this.#peer.createOffer({ iceRestart: true });
      await this.#peer.setLocalDescription(offer);
      const fragment = await this.#session.restart(fragmentOf(offer.sdp ?? '', []));
      const answer = renewAnswer(this.#answer, fragment);
      if (answer === null) throw new CallFailure('lost', 'ICE was not restarted');
      this.#answer = answer;
      await this.#peer.setRemoteDescription({ type: 'answer', sdp: answer });
    } finally {
      this.#restarting = false;
    }
    this.#flush();
    await this.#hearsAgain();
  }

  /** @param {MediaStream | null} microphone */
  async speakBy(microphone) {
    const [sender] = this.#peer.getSenders();
    await sender?.replaceTrack(microphone?.getAudioTracks()[0] ?? null);
  }

  /** Returns whether it is on its way. @param {object} message */
  send(message) {
    if (this.#channel.readyState !== 'open') return false;
    this.#channel.send(JSON.stringify(message));
    return true;
  }

  /** Idempotent. */
  close() {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#watchTimer);
    this.#session.end();
    this.#peer.close();
  }

  /** Resolves when ICE and DTLS are up. */
  #connected() {
    const peer = this.#peer;
    return new Promise((resolve, reject) => {
      const fail = () => {
        clearTimeout(timer);
        reject(this.#noWay(`ICE ${peer.iceConnectionState}, DTLS ${peer.connectionState}`));
      };
      const timer = setTimeout(fail, CONNECT_LIMIT_MS);
      peer.addEventListener('connectionstatechange', () => {
        if (peer.connectionState === 'connected') {
          clearTimeout(timer);
          resolve(undefined);
        } else if (peer.connectionState === 'failed' || peer.connectionState === 'closed') fail();
      });
    });
  }

  /** Resolves when packets come again, whatever the browser says of its states. */
  async #hearsAgain() {
    const before = await this.#quality.packets();
    const endsAtMs = performance.now() + RESTART_LIMIT_MS;
    while (performance.now() < endsAtMs && !this.#closed) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      const packets = await this.#quality.packets();
      if (packets > before && this.#peer.connectionState === 'connected') {
        this.#packetsAtMs = performance.now();
        return;
      }
    }
    throw this.#noWay(`ICE ${this.#peer.iceConnectionState} after a restart`);
  }

  /** @param {string} states */
  #noWay(states) {
    const relayFailed = this.#relayErrors !== '' && !this.#hasRelay;
    return new CallFailure(relayFailed ? 'no-relay' : 'no-way', states + this.#relayErrors);
  }

  #watch() {
    const peer = this.#peer;
    this.#packetsAtMs = performance.now();
    peer.addEventListener('connectionstatechange', () => {
      if (peer.connectionState === 'failed' || peer.connectionState === 'closed') this.#lost('connection failed');
      if (peer.connectionState !== 'disconnected') return;
      setTimeout(() => {
        if (peer.connectionState === 'disconnected') this.#lost('connection interrupted');
      }, DISCONNECTED_PATIENCE_MS);
    });
    this.#watchTimer = setInterval(() => void this.#look(), WATCH_INTERVAL_MS);
  }

  /** Packets that do not come any more are noticed here before the browser's own states say so. */
  async #look() {
    this.#looks += 1;
    const packets = await this.#quality.packets();
    if (this.#closed) return;
    const nowMs = performance.now();
    if (packets !== this.#packets) {
      this.#packets = packets;
      this.#packetsAtMs = nowMs;
    } else if (nowMs - this.#packetsAtMs > SILENCE_LIMIT_MS) {
      this.#lost('nothing is heard any more');
    }
    if (this.#looks % QUALITY_EVERY !== 0) return;
    const quality = await this.#quality.read();
    if (!this.#closed) this.#listener.quality(quality);
  }

  /** @param {string} why */
  #lost(why) {
    if (!this.#closed) this.#listener.lost(why);
  }

  /** @param {string} text */
  #message(text) {
    const news = /** @type {import('./call.js').CallNews} */ (JSON.parse(text));
    if (typeof news.kind === 'string') this.#listener.news(news);
  }

  /** @param {RTCIceCandidate} candidate */
  #candidate(candidate) {
    this.#waiting.push(candidate);
    if (this.#session.open && !this.#restarting) this.#flush();
  }

  /** Candidates that came before the bridge could take them. */
  #flush() {
    const candidates = this.#waiting.splice(0);
    const sdp = this.#peer.localDescription?.sdp ?? '';
    if (candidates.length === 0 || this.#closed) return;
    // One that does not arrive is one way less; the connection's own limit decides.
    void this.#session.trickle(fragmentOf(sdp, candidates)).catch(() => undefined);
  }
}

/** @param {readonly RTCIceServer[]} iceServers */
function configurationOf(iceServers) {
  return /** @type {RTCConfiguration} */ ({ iceServers: [...iceServers], bundlePolicy: 'max-bundle' });
}
