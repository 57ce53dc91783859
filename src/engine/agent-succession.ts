import { CallSecrets } from '../agent/call-secrets.js';
import type { ConversationListener } from '../agent/conversation.js';
import type { Turn } from '../core/calls.js';
import { NO_USAGE } from '../core/calls.js';
import type { Clock } from '../core/clock.js';
import type { LinecardError } from '../core/errors.js';
import { toLinecardError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import type { MediaLeg } from '../media/leg.js';
import type { AgentLimits } from './call-limits.js';
import { NO_LIMITS } from './call-limits.js';
import { LimitWatch } from './limit-watch.js';
import type { HostedAgent, LiveConversation, OpenConversation } from './live-conversation.js';
import type { FromMedia, OpenSession } from './port.js';
import type { RemoteControl } from './remote-control.js';

/** Agents that give a caller to each other go in circles. */
const MAX_HANDOVERS = 10;
/** Turns that a new agent is told of when the one before it failed. */
const MAX_HISTORY = 50;

export type AgentSuccessionOptions = {
  readonly session: OpenSession;
  /** Read along by a page: what is being said is told as it comes. */
  readonly captions: 'on' | 'off';
  readonly leg: MediaLeg;
  /** The agents to try in an agent's place, in this order: the agent, the agent again, its backup. */
  readonly attemptsOf: (agent: string) => readonly HostedAgent[];
  readonly openConversation: OpenConversation;
  readonly control: RemoteControl;
  readonly send: (message: FromMedia) => void;
  readonly clock: Clock;
  readonly log: Logger;
};

/**
 * The agents that have a call, one after the other: who fails is replaced by the next, who gives the caller to another one steps back. Whoever comes knows
 * what was said. A change is made at a tick, so that nothing is torn down beneath its own callers.
 */
export class AgentSuccession {
  readonly #options: AgentSuccessionOptions;
  /** Of the call, whichever agent it is with. */
  readonly #secrets = new CallSecrets();
  readonly #history: { who: Turn['who']; text: string }[];
  readonly #limitWatch: LimitWatch;
  #agent: string;
  #attempts: readonly HostedAgent[];
  #attempt = 0;
  /** Counts the agents that had the call: what one says that is out of it is not listened to. */
  #reign = 0;
  #conversation: LiveConversation | null = null;
  /** Set by a conversation that cannot go on. */
  #failure: LinecardError | null = null;
  /** Who is to have the call. */
  #handover: { readonly agent: string; readonly context: string } | null = null;
  #handovers = 0;
  /** For the agent that took the call over. */
  #briefing: string | null = null;
  #started = false;
  #held: 'held' | 'resumed' = 'resumed';
  #ended = false;

  constructor(options: AgentSuccessionOptions) {
    const { session, send, log } = options;
    this.#options = options;
    this.#history = [...session.history];
    this.#agent = session.agent;
    this.#attempts = options.attemptsOf(session.agent);
    this.#limitWatch = new LimitWatch({
      spent: session.spent ?? NO_USAGE,
      talkedMs: session.talkedMs ?? 0,
      onReached: (limit) => send({ kind: 'limitReached', callId: session.callId, limit }),
      log,
    });
  }

  /** Time with an agent, hold not counted. */
  get talkedMs(): number {
    return this.#limitWatch.talkedMs;
  }

  /** secret: the caller's keys are shown to nobody now. */
  get keys(): 'shown' | 'secret' {
    return this.#conversation?.keys ?? 'shown';
  }

  /** Gives the call to the first agent. */
  open(): void {
    if (!this.#ended) this.#open();
  }

  /** Makes the change that was asked for since the last tick. */
  succeed(): void {
    if (this.#failure !== null) this.#replace(this.#failure);
    else if (this.#handover !== null) this.#handOver(this.#handover);
  }

  /** Pulls one frame from the leg and pushes one to it. false: there is no agent, and it did not. */
  tick(nowMs: number): boolean {
    if (this.#conversation === null) return false;
    try {
      this.#conversation.tick(nowMs);
      if (this.#started && this.#held === 'resumed') this.#limitWatch.tick(this.#conversation, this.#limits, nowMs);
    } catch (thrown) {
      this.#broken(thrown);
    }
    return true;
  }

  /** The caller can hear. */
  start(): void {
    this.#started = true;
    this.act((conversation) => this.#begin(conversation));
  }

  /** held: the agent neither hears nor speaks, and one that comes waits with its first word. */
  hold(held: 'held' | 'resumed'): void {
    this.#held = held;
    this.act((conversation) => conversation.hold(held));
  }

  /** Does this with the conversation, if there is one. */
  act(act: (conversation: LiveConversation) => void): void {
    if (this.#conversation === null) return;
    try {
      act(this.#conversation);
    } catch (thrown) {
      this.#broken(thrown);
    }
  }

  /** Ends the agent's session. Idempotent. */
  close(): void {
    const conversation = this.#conversation;
    this.#conversation = null;
    try {
      conversation?.close();
    } catch (error) {
      this.#options.log.error({ err: error }, 'conversation failed to close');
    }
  }

  /** The call is over: nothing more is told. */
  end(): void {
    this.close();
    this.#ended = true;
  }

  get #limits(): AgentLimits {
    return this.#attempts[this.#attempt]?.limits ?? NO_LIMITS;
  }

  #begin(conversation: LiveConversation): void {
    conversation.start();
    if (this.#held === 'held') conversation.hold('held');
  }

  #open(): void {
    const { session, openConversation, leg, control, clock, log } = this.#options;
    const agent = this.#attempts[this.#attempt];
    if (agent === undefined) return;
    const { callId, caller, extension, facts = {} } = session;
    const briefing = this.#briefing === null ? {} : { briefing: this.#briefing };
    try {
      this.#conversation = openConversation({
        leg,
        agent,
        call: { callId, caller, extension, facts, history: [...this.#history], ...briefing },
        control,
        secrets: this.#secrets,
        listener: this.#listener(this.#reign),
        clock,
        log,
      });
      if (this.#started) this.#begin(this.#conversation);
    } catch (thrown) {
      this.#failure = toLinecardError(thrown, 'AGENT_FAILED');
    }
  }

  /** What the conversation of one agent tells; after its end it is not listened to. */
  #listener(reign: number): ConversationListener {
    const { session, captions, send } = this.#options;
    const { callId } = session;
    const current = (): boolean => reign === this.#reign && !this.#ended;
    return {
      firstAudio: () => {
        if (current()) send({ kind: 'firstAudio', callId });
      },
      turn: (turn) => {
        if (!current()) return;
        this.#history.push({ who: turn.who, text: turn.text });
        if (this.#history.length > MAX_HISTORY) this.#history.shift();
        send({ kind: 'turn', callId, turn });
      },
      ...(captions === 'on'
        ? {
            caption: (who: 'caller' | 'agent', text: string): void => {
              if (current()) send({ kind: 'caption', callId, who, text });
            },
          }
        : {}),
      interrupted: (heardMs, reactionMs) => {
        if (current()) send({ kind: 'interrupted', callId, heardMs, reactionMs });
      },
      responseStarted: (latencyMs) => {
        if (current()) send({ kind: 'responseStarted', callId, latencyMs });
      },
      toolCalled: (use) => {
        if (current()) send({ kind: 'toolCalled', callId, ...use });
      },
      used: (input, output) => {
        if (!current()) return;
        this.#limitWatch.used(input, output, this.#limits);
        send({ kind: 'usage', callId, usage: this.#limitWatch.usage });
      },
      handedOver: (agent, context) => {
        if (current()) this.#handover = { agent, context };
      },
      done: (reason) => {
        if (current()) send({ kind: 'agentDone', callId, reason });
      },
      failed: (error) => {
        if (current()) this.#failure ??= error;
      },
    };
  }

  #replace(failure: LinecardError): void {
    const { session, send, log } = this.#options;
    this.close();
    this.#failure = null;
    this.#handover = null;
    this.#attempt += 1;
    this.#reign += 1;
    const next = this.#attempts[this.#attempt];
    if (next === undefined) {
      log.error({ err: failure, attempts: this.#attempts.length }, 'agent failed, nobody is left to take over');
      send({ kind: 'agentFailed', callId: session.callId, code: failure.code, message: failure.message });
      return;
    }
    log.warn({ err: failure, next: next.provider.name }, 'agent failed, trying again');
    this.#open();
  }

  /** Another agent, with what was said and what it has to know. One that cannot serve leaves the call with the present one, which is told so. */
  #handOver({ agent, context }: { readonly agent: string; readonly context: string }): void {
    const { session, attemptsOf, send, log } = this.#options;
    const from = this.#agent;
    const attempts = this.#handovers < MAX_HANDOVERS ? attemptsOf(agent) : [];
    this.#handover = null;
    this.close();
    this.#reign += 1;
    this.#attempt = 0;
    if (attempts.length === 0) {
      log.warn({ agent }, 'agent cannot take the call over');
      this.#briefing = `"${agent}" cannot take the call over now. Say so in a word and go on with the caller yourself.`;
    } else {
      this.#handovers += 1;
      this.#agent = agent;
      this.#attempts = attempts;
      this.#briefing = `You take this call over from "${from}", another agent: ${context} Say in a word who you are, do not ask for what is known already, and go on.`;
      log.info({ from, agent }, 'call handed over to another agent');
      send({ kind: 'agentChanged', callId: session.callId, agent });
    }
    this.#open();
  }

  /** Our own mistake: this call loses its agent, the others do not notice. */
  #broken(thrown: unknown): void {
    const { session, send, log } = this.#options;
    const error = toLinecardError(thrown);
    log.error({ err: error }, 'conversation broke');
    this.close();
    this.#attempt = this.#attempts.length;
    this.#reign += 1;
    this.#failure = null;
    send({ kind: 'agentFailed', callId: session.callId, code: error.code, message: error.message });
  }
}
