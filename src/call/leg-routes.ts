import type { CallId, ChannelId } from '../core/ids.js';
import type { FromMedia } from '../engine/port.js';
import type { Pbx, PbxEvent } from '../pbx/port.js';

/** What a PBX tells of one channel. */
export type ChannelEvent = Extract<PbxEvent, { readonly channelId: ChannelId }>;

/**
 * What a media thread says of one session; its answers to `open` and to signalling, and a party's audio, go to who asked, recordings to who
 * keeps them.
 */
export type SessionMessage = Exclude<
  Extract<FromMedia, { readonly callId: CallId }>,
  { readonly kind: 'opened' | 'openFailed' | 'partyAudio' | 'recorded' | 'signalled' }
>;

/**
 * The way of what PBXs and media threads tell to whom it concerns: a call's own channel and session, and those of the people who are rung
 * for it. The last to add itself is told; the
 * function that adding returns takes the entry away.
 */
export class LegRoutes {
  readonly #channels = new Map<string, (event: ChannelEvent) => void>();
  readonly #sessions = new Map<CallId, (message: SessionMessage) => void>();

  /** For tests of leaks. */
  get size(): number {
    return this.#channels.size + this.#sessions.size;
  }

  addChannel(pbx: Pbx, channelId: ChannelId, listener: (event: ChannelEvent) => void): () => void {
    const key = channelKey(pbx, channelId);
    this.#channels.set(key, listener);
    return () => {
      // Somebody else may have taken the channel over.
      if (this.#channels.get(key) === listener) this.#channels.delete(key);
    };
  }

  hasChannel(pbx: Pbx, channelId: ChannelId): boolean {
    return this.#channels.has(channelKey(pbx, channelId));
  }

  addSession(callId: CallId, listener: (message: SessionMessage) => void): () => void {
    this.#sessions.set(callId, listener);
    return () => {
      if (this.#sessions.get(callId) === listener) this.#sessions.delete(callId);
    };
  }

  /** Returns whether it concerned anybody. */
  onPbx(pbx: Pbx, event: ChannelEvent): 'told' | 'nobody' {
    const listener = this.#channels.get(channelKey(pbx, event.channelId));
    listener?.(event);
    return listener === undefined ? 'nobody' : 'told';
  }

  onMedia(message: SessionMessage): void {
    this.#sessions.get(message.callId)?.(message);
  }
}

/** Two PBXs may use the same channel id. */
function channelKey(pbx: Pbx, channelId: ChannelId): string {
  return `${pbx.name}/${channelId}`;
}
