import { LinecardError } from '../core/errors.js';
import type { CallId, ChannelId } from '../core/ids.js';
import type { Pbx } from '../pbx/port.js';
import type { CallSession } from './call-session.js';

/** A call's last message comes within milliseconds of its end. */
const MAX_ENDED = 100;

/** The calls that are there, by id and by the caller's channel, and the last ones that were. */
export class LiveCalls {
  readonly #calls = new Map<CallId, CallSession>();
  /** The last ones that ended: what their agents still had to say comes after the end. */
  readonly #ended = new Map<CallId, CallSession>();
  /** By PBX and channel: two PBXs may use the same channel id. */
  readonly #byChannel = new Map<string, CallSession>();

  get size(): number {
    return this.#calls.size;
  }

  all(): readonly CallSession[] {
    return [...this.#calls.values()];
  }

  get(id: string): CallSession | null {
    return this.#calls.get(id as CallId) ?? null;
  }

  /** Throws CALL_UNKNOWN. */
  need(id: string): CallSession {
    const session = this.get(id);
    if (session === null) throw new LinecardError('CALL_UNKNOWN', `no live call has the id "${id}"`);
    return session;
  }

  /** Also one that has just ended. */
  getLate(id: CallId): CallSession | null {
    return this.#calls.get(id) ?? this.#ended.get(id) ?? null;
  }

  /** The call of a caller's channel. */
  at(pbx: Pbx, channelId: ChannelId): CallSession | null {
    return this.#byChannel.get(channelKey(pbx, channelId)) ?? null;
  }

  add(session: CallSession): void {
    this.#calls.set(session.id, session);
    const { line } = session;
    if (line !== null) this.#byChannel.set(channelKey(line.pbx, line.offer.channelId), session);
  }

  /** Its caller has another channel from now on; null: there is no such call. */
  move(pbx: Pbx, from: ChannelId, to: ChannelId): CallSession | null {
    const session = this.at(pbx, from);
    if (session === null) return null;
    this.#byChannel.delete(channelKey(pbx, from));
    this.#byChannel.set(channelKey(pbx, to), session);
    return session;
  }

  /** It has ended. */
  forget(session: CallSession): void {
    this.#calls.delete(session.id);
    this.#ended.set(session.id, session);
    for (const [oldest] of this.#ended) {
      if (this.#ended.size <= MAX_ENDED) break;
      this.#ended.delete(oldest);
    }
    const { line } = session;
    if (line !== null) this.#byChannel.delete(channelKey(line.pbx, line.offer.channelId));
  }

  /** Resolves when everything that ended calls still had to write is written. */
  async settled(): Promise<void> {
    await Promise.all([...this.#ended.values()].map((call) => call.lateMessage));
  }
}

/** Names a channel among those of all PBXs. */
export function channelKey(pbx: Pbx, channelId: ChannelId): string {
  return `${pbx.name}/${channelId}`;
}
