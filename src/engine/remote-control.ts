import type { CallControl, HoursAnswer, MessageDraft } from '../agent/port.js';
import type { Alarm, Clock } from '../core/clock.js';
import { LinecardError } from '../core/errors.js';
import type { CallId } from '../core/ids.js';
import type { ControlAnswer, ControlRequest, FromMedia } from './port.js';

/** Control answers every request; this is for one that hangs. Longer than any PBX command may take. */
const ANSWER_TIME_LIMIT_MS = 15_000;
/** An agent that asks for more at once is out of its mind. */
const MAX_PENDING = 16;

const AS_CONFIGURED = { mode: 'default', summary: '' } as const;

type Pending = {
  readonly resolve: (value: string | HoursAnswer | null) => void;
  readonly reject: (error: LinecardError) => void;
  readonly alarm: Alarm;
};

/** Control's side of a call as the agent's thread sees it: each wish becomes a request, its answer comes as a message. */
export class RemoteControl implements CallControl {
  readonly #callId: CallId;
  readonly #clock: Clock;
  readonly #send: (message: FromMedia) => void;
  readonly #pending = new Map<number, Pending>();
  #lastRequestId = 0;
  #closed = false;

  constructor(options: {
    readonly callId: CallId;
    readonly clock: Clock;
    readonly send: (message: FromMedia) => void;
  }) {
    this.#callId = options.callId;
    this.#clock = options.clock;
    this.#send = options.send;
  }

  async transfer(to: string, how: Parameters<CallControl['transfer']>[1] = AS_CONFIGURED): Promise<void> {
    await this.#ask({ op: 'transfer', to, mode: how.mode, summary: how.summary });
  }

  async hangUp(reason: string): Promise<void> {
    await this.#ask({ op: 'hangUp', reason });
  }

  async saveMessage(draft: MessageDraft): Promise<string> {
    const value = await this.#ask({ op: 'saveMessage', ...draft });
    if (typeof value === 'string') return value;
    throw new LinecardError('INVARIANT', 'control answered saveMessage without an id');
  }

  async hours(): Promise<HoursAnswer> {
    const value = await this.#ask({ op: 'hours' });
    if (value !== null && typeof value === 'object') return value;
    throw new LinecardError('INVARIANT', 'control answered hours without hours');
  }

  async sendDigits(digits: string): Promise<void> {
    await this.#ask({ op: 'sendDigits', digits });
  }

  async hold(held: 'held' | 'resumed'): Promise<void> {
    await this.#ask({ op: 'hold', held });
  }

  async note(text: string): Promise<void> {
    await this.#ask({ op: 'note', text });
  }

  /** Control's answer to a request; one that nobody waits for any more is ignored. */
  answer(requestId: number, answer: ControlAnswer): void {
    const pending = this.#settle(requestId);
    if (answer.ok) pending?.resolve(answer.value);
    else pending?.reject(new LinecardError(answer.code, answer.message));
  }

  /** Nothing is asked any more; what is pending is rejected. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const requestId of [...this.#pending.keys()]) {
      this.#settle(requestId)?.reject(new LinecardError('CHANNEL_GONE', 'the call ended'));
    }
  }

  #ask(request: ControlRequest): Promise<string | HoursAnswer | null> {
    if (this.#closed) return Promise.reject(new LinecardError('CHANNEL_GONE', 'the call ended'));
    if (this.#pending.size >= MAX_PENDING) {
      return Promise.reject(new LinecardError('TOOL_FAILED', 'too many requests are under way in this call'));
    }
    this.#lastRequestId += 1;
    const requestId = this.#lastRequestId;
    return new Promise((resolve, reject) => {
      const alarm = this.#clock.setAlarm(ANSWER_TIME_LIMIT_MS, () => {
        this.#settle(requestId)?.reject(
          new LinecardError('TOOL_TIMEOUT', `control did not answer ${request.op} in time`),
        );
      });
      this.#pending.set(requestId, { resolve, reject, alarm });
      this.#send({ kind: 'request', callId: this.#callId, requestId, request });
    });
  }

  #settle(requestId: number): Pending | undefined {
    const pending = this.#pending.get(requestId);
    this.#pending.delete(requestId);
    pending?.alarm.cancel();
    return pending;
  }
}
