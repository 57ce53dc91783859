import type { CallSecrets } from '../agent/call-secrets.js';
import type { AgentLimits } from './call-limits.js';
import type { TurnRules } from '../agent/caller-turns.js';
import type { ConversationListener } from '../agent/conversation.js';
import type { FillerRules } from '../agent/filler.js';
import type { AgentCall, AgentProvider, CallControl, Floor, Tool } from '../agent/port.js';
import type { Clock } from '../core/clock.js';
import type { Logger } from '../core/logger.js';
import type { MediaLeg } from '../media/leg.js';

/** An agent of the configuration on this thread. */
export type HostedAgent = {
  readonly provider: AgentProvider;
  /** The agent that takes over when this one fails, by its name. */
  readonly backup: string | null;
  /** Whether a provider that finds turns itself is kept from hearing its own voice. */
  readonly echoGuard: 'on' | 'off';
  /** What it may spend in a call; absent: whatever it likes. */
  readonly limits?: AgentLimits;
  /** How it finds the caller's turns; absent: as is usual. */
  readonly turns?: TurnRules;
  /** Who tells speech from other sounds; absent: the detector that is always there. */
  readonly vad?: 'webrtc' | 'silero';
  /** What who waits for an answer hears; absent: nothing. */
  readonly filler?: FillerRules;
  /** Makes its tools for one call; some end the call, or ask for keys, through `floor`. */
  readonly tools: (floor: Floor) => readonly Tool[];
};

/** What a session gives to the conversation it opens. */
export type OpenConversationOptions = {
  /** For `pull` and `push` in `tick`. Its listener and its closing are the session's business. */
  readonly leg: MediaLeg;
  readonly agent: HostedAgent;
  readonly call: AgentCall;
  readonly control: CallControl;
  readonly secrets: CallSecrets;
  readonly listener: ConversationListener;
  readonly clock: Clock;
  readonly log: Logger;
};

/** An agent and a caller on a leg, as a media session drives them; `Conversation` is the one. All methods are synchronous. */
export interface LiveConversation {
  /** The caller hears us: the agent may begin. Before it, `tick` plays silence. */
  start(): void;
  digit(digit: string): void;
  /** There is something that the caller has still to hear. */
  readonly speaks: boolean;
  /** secret: the caller's keys are shown to nobody now. */
  readonly keys: 'shown' | 'secret';
  /** @param instead drops what the agent was saying */
  say(text: string, instead?: 'yes'): void;
  /** Says this instead of all else, and takes a message. */
  takeMessage(text: string): void;
  /** For the agent, who tells the caller instead of all else. @param text for one that has no words of its own */
  relay(words: string, text: string): void;
  /** Words for the agent alone, which the caller does not hear. */
  instruct(text: string): void;
  /** held: the agent neither hears nor speaks, the leg gets silence. */
  hold(held: 'held' | 'resumed'): void;
  /** Pulls one frame from the leg and pushes one to it. */
  tick(nowMs: number): void;
  /** Idempotent; closes the agent's session and leaves the leg alone. */
  close(): void;
}

export type OpenConversation = (options: OpenConversationOptions) => LiveConversation;
