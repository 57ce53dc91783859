import { CallFailure, microphoneFailure } from './failure.js';
import { QualityWatch } from './quality.js';
import { fragmentOf, renewAnswer } from './sdp.js';
import { WhipSession } from './whip.js';

/**
 * idle: nothing yet. asking: for the microphone. connecting: to the bridge. talking: both can hear. reconnecting: the way was lost, another is
 * looked for. ended: for good.
 * @typedef {'idle' | 'asking' | 'connecting' | 'talking' | 'reconnecting' | 'ended'} CallPhase
 * @typedef {{ readonly kind: string, readonly [name: string]: unknown }} CallNews what the bridge tells of the call
 * @typedef {object} CallListener
 * @property {(phase: CallPhase) => void} phase
 * @property {(news: CallNews) => void} news
 * @property {(quality: import('./quality.js').Quality) => void} quality
 * @property {(failure: CallFailure | null) => void} microphone it was lost in mid-call; null: there is another one
 * @property {(stream: MediaStream) => void} heard the agent's voice, for an audio element
 * @property {(failure: CallFailure | null) => void} ended null: somebody hung up
 */

/** A connection that is not there by then is not coming: the visitor gets another try instead of a longer wait. */
const CONNECT_LIMIT_MS = 9000;
/** After an ICE restart; then a new call is the better way. */
const RESTART_LIMIT_MS = 4000;
/** The bridge sends twice a second even when the agent is silent. */
const SILENCE_LIMIT_MS = 3000;
const QUALITY_INTERVAL_MS = 1000;
/** Pauses before each attempt to come back; together longer than a restart of the bridge takes. */
const RETRY_PAUSES_MS = [0, 1000, 2000, 3000, 5000, 8000, 10_000, 10_000, 10_000, 10_000];
/** An ICE connection that says "disconnected" often comes back by itself. */
const DISCONNECTED_PATIENCE_MS = 1500;

/** One call of this page with an agent, over as many connections as it takes. */
export class BrowserCall {
  #agent;
  #listener;
  #base;
  #token;
  /** @type {CallPhase} */
  #phase = 'idle';
  /** @type {MediaStream | null} */
  #microphone = null;
  /** @type {Connection | null} */
  #connection = null;
  /** @type {string | null} */
  #resume = null;
  #muted = false;
  /** Set while a way back is looked for: one search at a time. */
  #returning = false;
  #onOnline = () => this.#lost('network changed');

  /**
   * @param {{ base: URL, agent: string, token?: string | null, listener: CallListener }} options
   */
  constructor({ base, agent, token = null, listener }) {
    this.#base = base;
    this.#agent = agent;
    this.#token = token;
    this.#listener = listener;
  }

  get phase() {
    return this.#phase;
  }

  get muted() {
    return this.#muted;
  }

  /** The visitor's voice, for a meter. */
  get microphone() {
    return this.#microphone;
  }

  /** Resolves when both can hear each other, or the call is over; why is told to the listener. */
  async start() {
    this.#enter('asking');
    try {
      if (!window.isSecureContext || navigator.mediaDevices === undefined) throw new CallFailure('insecure');
      const service = new WhipSession(this.#base, this.#token).service();
      service.catch(() => undefined); // told below, after the microphone
      await this.#openMicrophone();
      if (this.#over()) return;
      this.#enter('connecting');
      const { iceServers } = await service;
      try {
        await this.#connect(iceServers);
      } catch (thrown) {
        // Once more with everything new: a relay or a network that hiccuped.
        const code = thrown instanceof CallFailure ? thrown.code : 'failed';
        if ((code !== 'no-way' && code !== 'no-relay') || this.#over()) throw thrown;
        await this.#connect(iceServers);
      }
      window.addEventListener('online', this.#onOnline);
    } catch (thrown) {
      this.#end(thrown instanceof CallFailure ? thrown : new CallFailure('failed', String(thrown)));
    }
  }

  /** @param {boolean} muted */
  mute(muted) {
    this.#muted = muted;
    this.#applyMute();
  }

  /**
   * Keys, as on a telephone.
   * @param {string} digits of 0-9, *, # and A-D
   */
  press(digits) {
    this.#connection?.send({ kind: 'digits', digits });
  }

  /** Idempotent. */
  hangUp() {
    this.#end(null);
  }

  /** @param {readonly RTCIceServer[]} iceServers */
  async #connect(iceServers) {
    const microphone = this.#microphone;
    if (microphone === null) return;
    const connection = new Connection({
      session: new WhipSession(this.#base, this.#token),
      iceServers,
      microphone,
      listener: {
        heard: (stream) => this.#listener.heard(stream),
        news: (news) => this.#onNews(connection, news),
        quality: (quality) => this.#listener.quality(quality),
        lost: (why) => {
          if (connection === this.#connection) this.#lost(why);
        },
      },
    });
    this.#connection?.close();
    this.#connection = connection;
    try {
      this.#resume = (await connection.open(this.#agent, this.#resume)) ?? this.#resume;
      if (this.#over()) connection.close();
      else this.#enter('talking');
    } catch (thrown) {
      connection.close();
      throw thrown;
    }
  }

  /**
   * @param {Connection} connection
   * @param {CallNews} news
   */
  #onNews(connection, news) {
    if (connection !== this.#connection || this.#over()) return;
    this.#listener.news(news);
    if (news.kind === 'callEnded') this.#end(null);
  }

  /** @param {string} why */
  #lost(why) {
    if (this.#returning || this.#phase !== 'talking') return;
    this.#returning = true;
    this.#enter('reconnecting');
    void this.#comeBack(why).finally(() => {
      this.#returning = false;
    });
  }

  /**
   * First the same call by another way, then the same conversation by another call.
   * @param {string} why
   */
  async #comeBack(why) {
    try {
      await this.#connection?.restart();
      if (!this.#over()) this.#enter('talking');
      return;
    } catch {
      this.#connection?.close();
    }
    for (const pauseMs of RETRY_PAUSES_MS) {
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      if (this.#over()) return;
      try {
        const { iceServers } = await new WhipSession(this.#base, this.#token).service();
        await this.#connect(iceServers);
        return;
      } catch (thrown) {
        // Nothing that waiting would change.
        const code = thrown instanceof CallFailure ? thrown.code : 'failed';
        if (code === 'refused' || code === 'unknown-agent') break;
      }
    }
    this.#end(new CallFailure('lost', why));
  }

  /** @param {CallFailure | null} failure */
  #end(failure) {
    if (this.#over()) return;
    window.removeEventListener('online', this.#onOnline);
    this.#connection?.close();
    this.#connection = null;
    if (this.#microphone !== null) stopTracks(this.#microphone);
    this.#enter('ended');
    this.#listener.ended(failure);
  }

  #over() {
    return this.#phase === 'ended';
  }

  async #openMicrophone() {
    const microphone = await navigator.mediaDevices
      .getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true } })
      .catch((thrown) => {
        throw microphoneFailure(thrown);
      });
    if (this.#over()) {
      stopTracks(microphone);
      return;
    }
    this.#microphone = microphone;
    this.#applyMute();
    for (const track of microphone.getAudioTracks()) {
      track.addEventListener('ended', () => void this.#microphoneEnded(microphone));
    }
  }

  /**
   * It was unplugged, or taken away: another one takes its place, as soon as there is one.
   * @param {MediaStream} microphone
   */
  async #microphoneEnded(microphone) {
    if (this.#over() || microphone !== this.#microphone) return;
    try {
      await this.#openMicrophone();
      if (this.#over()) return;
      await this.#connection?.speakBy(this.#microphone);
      this.#listener.microphone(null);
    } catch {
      if (this.#over()) return;
      this.#listener.microphone(new CallFailure('microphone-lost'));
      const again = () => void this.#microphoneEnded(microphone);
      navigator.mediaDevices.addEventListener('devicechange', again, { once: true });
    }
  }

  #applyMute() {
    for (const track of this.#microphone?.getAudioTracks() ?? []) track.enabled = !this.#muted;
  }

  /** @param {CallPhase} phase */
  #enter(phase) {
    if (this.#phase === phase) return;
    this.#phase = phase;
    this.#listener.phase(phase);
  }
}

/**
 * @typedef {object} ConnectionListener
 * @property {(stream: MediaStream) => void} heard
 * @property {(news: CallNews) => void} news
 * @property {(quality: import('./quality.js').Quality) => void} quality
 * @property {(why: string) => void} lost
 */

/** One connection to the bridge: from the offer to its close. */
class Connection {
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
  /** What relays answered instead of an address; empty where one gave one, or none was asked. */
  #relayErrors = '';
  /** @type {number | undefined} */
  #qualityTimer;

  /**
   * @param {{ session: WhipSession, iceServers: readonly RTCIceServer[], microphone: MediaStream, listener: ConnectionListener }} options
   */
  constructor({ session, iceServers, microphone, listener }) {
    this.#session = session;
    this.#listener = listener;
    this.#peer = new RTCPeerConnection({ iceServers: [...iceServers], bundlePolicy: 'max-bundle' });
    this.#quality = new QualityWatch(this.#peer);
    for (const track of microphone.getAudioTracks()) this.#peer.addTrack(track, microphone);
    this.#channel = this.#peer.createDataChannel('events');
    this.#channel.onmessage = ({ data }) => this.#message(String(data));
    this.#peer.ontrack = ({ streams, track }) => listener.heard(streams[0] ?? new MediaStream([track]));
    this.#peer.onicecandidate = ({ candidate }) => {
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

  /** Looks for another way for the same call; rejects when there is none. */
  async restart() {
    if (this.#closed) throw new CallFailure('lost', 'closed');
    this.#restarting = true;
    try {
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

  /** @param {object} message */
  send(message) {
    if (this.#channel.readyState === 'open') this.#channel.send(JSON.stringify(message));
  }

  /** Idempotent. */
  close() {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#qualityTimer);
    this.#session.end();
    this.#peer.close();
  }

  /** Resolves when ICE and DTLS are up. */
  #connected() {
    const peer = this.#peer;
    return new Promise((resolve, reject) => {
      const fail = () => {
        clearTimeout(timer);
        const states = `ICE ${peer.iceConnectionState}, DTLS ${peer.connectionState}`;
        reject(new CallFailure(this.#relayErrors === '' ? 'no-way' : 'no-relay', states + this.#relayErrors));
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
    const before = (await this.#quality.read()).packets;
    const endsAtMs = performance.now() + RESTART_LIMIT_MS;
    while (performance.now() < endsAtMs && !this.#closed) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      const { packets } = await this.#quality.read();
      if (packets > before && this.#peer.connectionState === 'connected') {
        this.#packetsAtMs = performance.now();
        return;
      }
    }
    throw new CallFailure('no-way', `ICE ${this.#peer.iceConnectionState} after a restart`);
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
    this.#qualityTimer = setInterval(() => void this.#measure(), QUALITY_INTERVAL_MS);
  }

  async #measure() {
    const quality = await this.#quality.read();
    if (this.#closed) return;
    this.#listener.quality(quality);
    const nowMs = performance.now();
    if (quality.packets !== this.#packets) {
      this.#packets = quality.packets;
      this.#packetsAtMs = nowMs;
    } else if (nowMs - this.#packetsAtMs > SILENCE_LIMIT_MS) {
      this.#lost('nothing is heard any more');
    }
  }

  /** @param {string} why */
  #lost(why) {
    if (!this.#closed) this.#listener.lost(why);
  }

  /** @param {string} text */
  #message(text) {
    const news = /** @type {CallNews} */ (JSON.parse(text));
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

/** @param {MediaStream} stream */
function stopTracks(stream) {
  for (const track of stream.getTracks()) track.stop();
}
