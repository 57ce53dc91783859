import type { Caller } from '../../core/calls.js';
import type { Clock } from '../../core/clock.js';
import type { BridgeId, CallId, ChannelId } from '../../core/ids.js';
import { newCallId, newLegId } from '../../core/ids.js';
import type { Logger } from '../../core/logger.js';
import type { MediaEngine } from '../../engine/port.js';
import { BRIEFING_AGENT } from '../../engine/port.js';
import type { Pbx } from '../../pbx/port.js';
import type { LegRoutes, SessionMessage } from '../leg-routes.js';
import { MediaLink } from '../media-link.js';

export type BriefingLinkOptions = {
  readonly pbx: Pbx;
  readonly personChannelId: ChannelId;
  /** What listens and speaks; absent: the briefing's own. */
  readonly agent?: string;
  readonly caller: Caller;
  readonly extension: string | null;
  /** A call on whose media thread it has to be; null: any. */
  readonly beside: CallId | null;
  readonly engine: MediaEngine;
  readonly routes: LegRoutes;
  readonly clock: Clock;
  readonly log: Logger;
};

/** What is heard on the leg. */
export interface BriefingListener {
  /** What was to be said last was heard to its end. */
  spoken(): void;
  /** What the person said, as far as it was understood. */
  said(text: string): void;
  lost(detail: string): void;
}

/** The voice on the leg of a person who is asked whether they take a caller: a media session and a bridge of its own. */
export class BriefingLink {
  readonly callId = newCallId();
  readonly #options: BriefingLinkOptions;
  readonly #listener: BriefingListener;
  readonly #media: MediaLink;
  readonly #removeRoute: () => void;
  #closing: Promise<void> | null = null;

  constructor(options: BriefingLinkOptions, listener: BriefingListener) {
    const { engine, routes, clock, log } = options;
    this.#options = options;
    this.#listener = listener;
    this.#media = new MediaLink({ callId: this.callId, engine, clock, log });
    this.#removeRoute = routes.addSession(this.callId, (message) => this.#onMedia(message));
  }

  /** What of the PBX belongs to it; null when nothing does. */
  get pbxMedia(): { readonly mediaChannelId: ChannelId; readonly bridgeId: BridgeId } | null {
    return this.#media.pbxMedia;
  }

  /** Resolves when it can speak. After a rejection only `close` is left. */
  async open(): Promise<void> {
    const { pbx, personChannelId, agent = BRIEFING_AGENT, caller, extension, beside } = this.#options;
    await this.#media.open(pbx, personChannelId, {
      callId: this.callId,
      legId: newLegId(),
      transport: pbx.can.transport,
      wireRateHz: pbx.can.mediaRatesHz[0] ?? 8000,
      agent,
      caller,
      extension,
      digits: 'control',
      history: [],
      ...(beside === null ? {} : { beside }),
    });
    this.#media.send({ kind: 'start', callId: this.callId });
  }

  /** Takes the place of what is being said. */
  say(text: string): void {
    this.#media.send({ kind: 'say', callId: this.callId, text, instead: 'yes' });
  }

  /** The person's channel stays. Idempotent, never rejects. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#removeRoute();
    this.#media.close('completed');
    try {
      await this.#media.closePbxMedia();
    } catch (error) {
      // Not lost: the reconcile run finds what is left.
      this.#options.log.warn({ err: error }, 'media of a briefing could not be taken away');
    }
  }

  #onMedia(message: SessionMessage): void {
    switch (message.kind) {
      case 'legConnected':
        this.#media.legConnected();
        break;
      case 'turn':
        if (message.turn.who === 'caller') this.#listener.said(message.turn.text);
        else if (!message.turn.interrupted) this.#listener.spoken();
        break;
      case 'agentFailed':
        this.#listener.lost(message.message);
        break;
      case 'legClosed':
        this.#listener.lost(`${message.reason}: ${message.detail}`);
        break;
      default:
        // Figures of a leg that lives for half a minute.
        break;
    }
  }
}
