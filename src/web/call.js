import { Connection } from './connection.js';
import { CallFailure, microphoneFailure } from './failure.js';
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

/**
 * A way for the same call that is not found by then is not there, and a new call may find one. Where a relay or the bridge does not answer at all, a
 * new call is no better, and the old one is kept as long as the bridge keeps it.
 */
const SAME_CALL_LIMIT_MS = 6000;
/** Pauses before each attempt to come back; together longer than a restart of the bridge takes. */
const RETRY_PAUSES_MS = [0, 1000, 2000, 3000, 5000, 8000, 10_000, 10_000, 10_000, 10_000];

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
   * Keys, as on a telephone; returns whether they are on their way.
   * @param {string} digits of 0-9, *, # and A-D
   */
  press(digits) {
    return this.#phase === 'talking' && this.#connection?.send({ kind: 'digits', digits }) === true;
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
    const newCallAtMs = performance.now() + SAME_CALL_LIMIT_MS;
    let same = this.#connection;
    for (const pauseMs of RETRY_PAUSES_MS) {
      await pauseUnlessOnline(pauseMs);
      if (same !== null) {
        const code = await this.#tryBy(same);
        if (code === null || this.#over()) return;
        const isInTime = performance.now() < newCallAtMs;
        if (code === 'no-relay' || code === 'unreachable' || (code === 'no-way' && isInTime)) continue;
        same.close();
        same = null;
      }
      if (this.#over()) return;
      const code = await this.#tryBy(null);
      if (code === null || this.#over()) return;
      // Nothing that waiting would change.
      if (code === 'refused' || code === 'unknown-agent') break;
    }
    this.#end(new CallFailure('lost', why));
  }

  /**
   * What is in the way, by its code; null: nothing.
   * @param {Connection | null} connection whose call is to go on; null: by a new one
   */
  async #tryBy(connection) {
    try {
      const { iceServers } = await new WhipSession(this.#base, this.#token).service();
      if (connection === null) await this.#connect(iceServers);
      else await connection.restart(iceServers);
      if (!this.#over()) this.#enter('talking');
      return null;
    } catch (thrown) {
      return thrown instanceof CallFailure ? thrown.code : 'failed';
    }
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
      // By the system, and not by our button: a telephone that rings, above all.
      track.addEventListener('mute', () => this.#microphoneTaken(microphone, new CallFailure('microphone-taken')));
      track.addEventListener('unmute', () => this.#microphoneTaken(microphone, null));
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

  /**
   * @param {MediaStream} microphone
   * @param {CallFailure | null} failure
   */
  #microphoneTaken(microphone, failure) {
    if (!this.#over() && microphone === this.#microphone) this.#listener.microphone(failure);
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

/** @param {MediaStream} stream */
function stopTracks(stream) {
  for (const track of stream.getTracks()) track.stop();
}

/**
 * A network that is there again ends the wait.
 * @param {number} pauseMs
 * @returns {Promise<void>}
 */
function pauseUnlessOnline(pauseMs) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      window.removeEventListener('online', end);
      resolve();
    };
    const timer = setTimeout(end, pauseMs);
    window.addEventListener('online', end);
  });
}
