import type { Transport } from '../core/calls.js';
import type { Alarm, Clock } from '../core/clock.js';
import { LinecardError } from '../core/errors.js';
import type { BridgeId, CallId, ChannelId } from '../core/ids.js';
import { newBridgeId, newChannelId } from '../core/ids.js';
import type { Logger } from '../core/logger.js';
import type { MediaEngine, OpenSession } from '../engine/port.js';
import type { Pbx } from '../pbx/port.js';

/**
 * From the request to the leg's first byte. Asterisk needs 12 ms, a loaded one a few hundred, and says itself when it cannot. FreeSWITCH says
 * yes to everything: that no frame comes within 500 ms is the failure, and a new park mends it. A browser is waited for by its door.
 */
const PATIENCE: Readonly<Record<Transport, { readonly limitMs: number; readonly attempts: number }>> = {
  audiosocket: { limitMs: 2000, attempts: 1 },
  unicast: { limitMs: 600, attempts: 2 },
  webrtc: { limitMs: 2000, attempts: 1 },
  websocket: { limitMs: 2000, attempts: 1 },
};

export type MediaLinkOptions = {
  readonly callId: CallId;
  readonly engine: MediaEngine;
  readonly clock: Clock;
  readonly log: Logger;
};

/** The PBX's half of a leg. */
export type PbxMedia = { readonly pbx: Pbx; readonly mediaChannelId: ChannelId; readonly bridgeId: BridgeId };

/**
 * A call's audio: the session on a media thread, the PBX's media channel and bridge, and the connection between them. Opened, lost and
 * opened again any number of times; after `close` nothing of it is left, whatever was under way.
 */
export class MediaLink {
  readonly #callId: CallId;
  readonly #engine: MediaEngine;
  readonly #clock: Clock;
  readonly #log: Logger;
  #state: 'idle' | 'opening' | 'open' | 'closed' = 'idle';
  #pbxMedia: PbxMedia | null = null;
  /** Set while `open` waits for the leg's first byte. */
  #waiting: { resolve: () => void; reject: (error: LinecardError) => void; alarm: Alarm } | null = null;

  constructor(options: MediaLinkOptions) {
    this.#callId = options.callId;
    this.#engine = options.engine;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  get pbxMedia(): PbxMedia | null {
    return this.#pbxMedia;
  }

  get opening(): boolean {
    return this.#state === 'opening';
  }

  /** Audio flows both ways. */
  get connected(): boolean {
    return this.#state === 'open';
  }

  /** The media thread opened the session by itself (a call from the dialplan). */
  adopt(): void {
    this.#state = 'open';
  }

  /** Resolves when audio flows both ways. After a rejection the caller closes, or opens again. */
  async open(pbx: Pbx, callerChannelId: ChannelId, plan: Omit<OpenSession, 'format'>): Promise<void> {
    const { attempts } = PATIENCE[plan.transport];
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#openOnce(pbx, callerChannelId, plan);
        return;
      } catch (error) {
        const hope = error instanceof LinecardError && error.code === 'MEDIA_TIMEOUT' && attempt < attempts;
        if (!hope || this.#isClosed()) throw error;
        this.#log.warn({ err: error, attempt }, 'no audio came, connecting it once more');
        this.#engine.send({ kind: 'close', callId: this.#callId, ending: 'handover' });
      }
    }
  }

  async #openOnce(pbx: Pbx, callerChannelId: ChannelId, plan: Omit<OpenSession, 'format'>): Promise<void> {
    if (this.#isClosed()) throw closedMeanwhile();
    this.#state = 'opening';
    const pbxMedia: PbxMedia = { pbx, mediaChannelId: newChannelId(), bridgeId: newBridgeId() };
    const session: OpenSession = { ...plan, format: await pbx.mediaFormat(callerChannelId) };
    if (this.#isClosed()) throw closedMeanwhile();
    const address = await this.#engine.open(session);
    if (this.#isClosed()) {
      this.#engine.send({ kind: 'close', callId: this.#callId, ending: 'completed' });
      throw closedMeanwhile();
    }
    this.#pbxMedia = pbxMedia;
    const connected = this.#waitForLeg(session);
    const { mediaChannelId, bridgeId } = pbxMedia;
    const built = pbx.openMedia({ callerChannelId, mediaChannelId, bridgeId, legId: session.legId, address });
    try {
      await Promise.all([built, connected]);
    } catch (error) {
      void this.#takeAwayWhenBuilt(built, pbxMedia);
      throw error;
    } finally {
      this.#waiting?.alarm.cancel();
      this.#waiting = null;
    }
    if (this.#isClosed()) {
      void this.#takeAwayWhenBuilt(built, pbxMedia);
      throw closedMeanwhile();
    }
    this.#state = 'open';
  }

  legConnected(): void {
    this.#waiting?.resolve();
  }

  /** The session is gone from its thread. An `open` under way rejects with `error`. */
  legLost(error: LinecardError): void {
    if (this.#state === 'closed') return;
    this.#state = 'idle';
    this.#waiting?.reject(error);
  }

  send(message: Parameters<MediaEngine['send']>[0]): void {
    if (this.#state === 'open' || this.#state === 'opening') this.#engine.send(message);
  }

  /** Takes the PBX's half away, so that another leg can be opened. */
  async closePbxMedia(): Promise<void> {
    const pbxMedia = this.#pbxMedia;
    this.#pbxMedia = null;
    if (pbxMedia !== null) await pbxMedia.pbx.closeMedia(pbxMedia);
  }

  /** The media thread lets go at once; the PBX's half is closed by `closePbxMedia`. Idempotent. */
  close(ending: 'completed' | 'handover'): void {
    const hasSession = this.#state === 'open' || this.#state === 'opening';
    this.#state = 'closed';
    if (hasSession) this.#engine.send({ kind: 'close', callId: this.#callId, ending });
    this.#waiting?.reject(closedMeanwhile());
  }

  /** The PBX may still be building when we give up: `closePbxMedia` was too early then. */
  async #takeAwayWhenBuilt(built: Promise<unknown>, pbxMedia: PbxMedia): Promise<void> {
    try {
      await built;
      await pbxMedia.pbx.closeMedia(pbxMedia);
    } catch (error) {
      this.#log.debug({ err: error }, 'media that was given up had not been built');
    }
  }

  #isClosed(): boolean {
    return this.#state === 'closed';
  }

  #waitForLeg({ legId, transport }: OpenSession): Promise<void> {
    const { limitMs } = PATIENCE[transport];
    return new Promise((resolve, reject) => {
      const alarm = this.#clock.setAlarm(limitMs, () => {
        reject(
          new LinecardError(
            'MEDIA_TIMEOUT',
            `the PBX did not connect leg ${legId} within ${limitMs} ms; is the media address reachable from the PBX, and allowed?`,
          ),
        );
      });
      this.#waiting = { resolve, reject, alarm };
    });
  }
}

function closedMeanwhile(): LinecardError {
  return new LinecardError('CHANNEL_GONE', 'the call ended while its audio was being connected');
}
