import type { Caller } from '../core/calls.js';
import { LinecardError } from '../core/errors.js';
import type { CallEvent } from '../core/events.js';
import type { CallId } from '../core/ids.js';
import type { FromMedia, MediaEngine } from '../engine/port.js';
import type { CallSession } from './call-session.js';
import type { SocketCall, SocketDesk, SocketLine } from './port.js';

export type SocketCallsOptions = {
  readonly engine: Pick<MediaEngine, 'send'>;
  /** Throws MEDIA_FULL when no call can be taken. */
  readonly admit: (agent: string, caller: Caller) => CallSession;
  readonly agents: readonly string[];
  readonly maxCallsPerAddress: number;
};

/** Calls of clients that speak plain frames over a WebSocket: their audio goes to the media thread that has the call, and back. */
export class SocketCalls implements SocketDesk {
  readonly #options: SocketCallsOptions;
  readonly #calls = new Map<CallId, SocketCall>();
  #lastSignalId = 0;

  constructor(options: SocketCallsOptions) {
    this.#options = options;
  }

  get agents(): readonly string[] {
    return this.#options.agents;
  }

  async call(request: SocketCall): Promise<SocketLine> {
    const { agent, caller, address } = request;
    const { agents, admit, engine } = this.#options;
    if (!agents.includes(agent)) throw new LinecardError('AGENT_UNKNOWN', `there is no agent "${agent}"`);
    this.#limit(address);
    const session = admit(agent, caller);
    const callId = session.id;
    this.#calls.set(callId, request);
    await session.expectBrowser();
    this.#lastSignalId += 1;
    engine.send({ kind: 'signal', callId, signalId: -this.#lastSignalId, signal: { kind: 'attach' } });
    return {
      callId,
      hear: (pcm) => {
        if (this.#calls.has(callId)) engine.send({ kind: 'partyAudio', callId, pcm });
      },
      press: (digit) => {
        if (this.#calls.has(callId)) engine.send({ kind: 'digit', callId, digit });
      },
      hangUp: () => session.callerHungUp(),
    };
  }

  /** Everything the media threads say. */
  onMedia(message: FromMedia): void {
    if (message.kind === 'partyAudio') this.#calls.get(message.callId)?.listener.audio(message.pcm);
  }

  /** Everything that happens in calls. */
  readonly onEvent = (event: CallEvent): void => {
    const call = this.#calls.get(event.callId);
    if (call === undefined) return;
    if (event.kind === 'callEnded') this.#calls.delete(event.callId);
    call.listener.event(event);
  };

  #limit(address: string): void {
    const { maxCallsPerAddress } = this.#options;
    let count = 0;
    for (const call of this.#calls.values()) if (call.address === address) count += 1;
    if (count < maxCallsPerAddress) return;
    throw new LinecardError('CALLER_LIMIT', `${maxCallsPerAddress} calls come from this address already`);
  }
}
