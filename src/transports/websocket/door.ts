import type { Alarm, Clock } from '../../core/clock.js';
import { LinecardError } from '../../core/errors.js';
import type { CallId, LegId } from '../../core/ids.js';
import { SocketLeg } from './leg.js';

export type SocketDoorOptions = {
  readonly clock: Clock;
  /** One frame of a call to its client. */
  readonly send: (callId: CallId, pcm: Int16Array) => void;
  /** A leg is here; its listener is to be set before this returns. */
  readonly onLeg: (leg: SocketLeg) => void;
};

type Expected = { readonly callId: CallId; readonly onTimeout: () => void; readonly alarm: Alarm };

/** The door of clients without WebRTC. Their WebSockets are with the HTTP server: a leg is here as soon as it is asked for. */
export class SocketDoor {
  readonly #options: SocketDoorOptions;
  readonly #expected = new Map<LegId, Expected>();
  readonly #legs = new Map<LegId, SocketLeg>();

  constructor(options: SocketDoorOptions) {
    this.#options = options;
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  /** There is no address to connect to. */
  expect(
    { callId, legId }: { readonly callId: CallId; readonly legId: LegId },
    { timeLimitMs, onTimeout }: { timeLimitMs: number; onTimeout: () => void },
  ): { host: string; port: number } {
    const alarm = this.#options.clock.setAlarm(timeLimitMs, () => {
      this.#expected.delete(legId);
      onTimeout();
    });
    this.#expected.set(legId, { callId, onTimeout, alarm });
    return { host: '', port: 0 };
  }

  /** Idempotent. */
  unexpect(legId: LegId): void {
    this.#expected.get(legId)?.alarm.cancel();
    this.#expected.delete(legId);
  }

  /** The client is there. Rejects CALL_UNKNOWN. */
  signal(legId: LegId): Promise<null> {
    const expected = this.#expected.get(legId);
    if (expected === undefined) return Promise.reject(new LinecardError('CALL_UNKNOWN', 'this call is over'));
    this.unexpect(legId);
    const { send, clock, onLeg } = this.#options;
    const leg = new SocketLeg({
      id: legId,
      send: (pcm) => send(expected.callId, pcm),
      clock,
      onClosed: () => this.#legs.delete(legId),
    });
    this.#legs.set(legId, leg);
    onLeg(leg);
    return Promise.resolve(null);
  }

  /** Audio of the client of a leg. */
  hear(legId: LegId, pcm: Int16Array): void {
    this.#legs.get(legId)?.hear(pcm);
  }

  /** Closes every leg. Idempotent. */
  stop(): Promise<void> {
    for (const legId of [...this.#expected.keys()]) this.unexpect(legId);
    for (const leg of [...this.#legs.values()]) leg.close('local');
    return Promise.resolve();
  }
}
