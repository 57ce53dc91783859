import type { HoursAnswer } from '../agent/port.js';
import { assertNever } from '../core/assert-never.js';
import type { CallId } from '../core/ids.js';
import type { Caller, HowToTransfer } from '../core/calls.js';
import { LinecardError, toLinecardError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import type { ControlAnswer, ControlRequest } from '../engine/port.js';
import type { CallServices } from './call-services.js';
import type { CallLedger } from './ledger.js';
import type { MediaLink } from './media-link.js';

/** What an agent may do with its call. Each rejects with why not. */
export interface AgentsCall {
  readonly onTheWayToAPerson: boolean;
  transfer(to: string, how: HowToTransfer): Promise<void>;
  hangUp(reason: string): Promise<void>;
  sendDigits(digits: string): Promise<void>;
  hold(held: 'held' | 'resumed', by: 'agent'): Promise<void>;
}

export type AgentRequestsOptions = {
  readonly callId: CallId;
  readonly caller: Caller;
  /** Whose hours it tells; null: there are none. */
  readonly schedule: string | null;
  readonly services: CallServices;
  readonly ledger: CallLedger;
  readonly media: MediaLink;
  readonly call: AgentsCall;
  readonly log: Logger;
};

/** What the agent of one call asks of control, and what it is answered. */
export class AgentRequests {
  readonly #options: AgentRequestsOptions;

  constructor(options: AgentRequestsOptions) {
    this.#options = options;
  }

  /** Never rejects: the agent is told what went wrong. */
  async handle(requestId: number, request: ControlRequest): Promise<void> {
    const { callId, media, log } = this.#options;
    let answer: ControlAnswer;
    try {
      answer = { ok: true, value: await this.#fulfil(request) };
    } catch (thrown) {
      const error = toLinecardError(thrown);
      log.warn({ err: error, op: request.op }, 'request of the agent failed');
      answer = { ok: false, code: error.code, message: error.message };
    }
    media.send({ kind: 'answer', callId, requestId, answer });
  }

  async #fulfil(request: ControlRequest): Promise<string | HoursAnswer | null> {
    const { callId, caller, call, ledger, schedule } = this.#options;
    const { messages, schedules } = this.#options.services;
    switch (request.op) {
      case 'transfer':
        await call.transfer(request.to, request);
        return null;
      case 'hangUp':
        // An agent that believes its work is done must not end a call that it no longer leads.
        if (call.onTheWayToAPerson) throw new LinecardError('CALL_STATE', 'the caller is on the way to a person');
        await call.hangUp(request.reason);
        return null;
      case 'saveMessage': {
        const messageId = await messages.save(request, { callId, caller });
        ledger.messageTaken(messageId);
        return messageId;
      }
      case 'hours':
        return schedules.answer(schedule);
      case 'sendDigits':
        await call.sendDigits(request.digits);
        return null;
      case 'hold':
        await call.hold(request.held, 'agent');
        return null;
      case 'note':
        ledger.noted(request.text);
        return null;
      default:
        return assertNever(request);
    }
  }
}
