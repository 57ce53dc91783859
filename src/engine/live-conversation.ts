import type { Turn } from '../core/calls.js';
import type { Clock } from '../core/clock.js';
import type { LinecardError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import type { AgentCall, AgentProvider, CallControl } from '../agent/port.js';
import type { MediaLeg } from '../media/leg.js';

/** What a conversation reports to its session. After `failed` it may be closed and replaced at any time. */
export interface ConversationListener {
  /** The first audible frame of the agent was pushed to the leg. */
  firstAudio(): void;
  turn(turn: Turn): void;
  interrupted(heardMs: number, reactionMs: number): void;
  responseStarted(latencyMs: number): void;
  toolCalled(tool: string, ok: boolean, tookMs: number): void;
  /** The agent has said all it wanted and was heard. */
  done(reason: string): void;
  failed(error: LinecardError): void;
}

export type ConversationOptions = {
  /** For `pull` and `push` in `tick`. Its listener and its closing are the session's business. */
  readonly leg: MediaLeg;
  readonly provider: AgentProvider;
  readonly call: AgentCall;
  readonly control: CallControl;
  readonly listener: ConversationListener;
  readonly clock: Clock;
  readonly log: Logger;
};

/** An agent and a caller on a leg, as a media session drives them. All methods are synchronous. */
export interface LiveConversation {
  /** The caller hears us: the agent may begin. Before it, `tick` plays silence. */
  start(): void;
  digit(digit: string): void;
  say(text: string): void;
  /** held: the agent neither hears nor speaks, the leg gets silence. */
  hold(held: 'held' | 'resumed'): void;
  /** Pulls one frame from the leg and pushes one to it. */
  tick(nowMs: number): void;
  /** Idempotent; closes the agent's session and leaves the leg alone. */
  close(): void;
}

export type OpenConversation = (options: ConversationOptions) => LiveConversation;
