import type { AgentCapabilities, AgentContext, AgentProvider, AgentSession } from '../../port.js';
import { LinecardSocketSession } from './session.js';
import type { Start } from './wire.js';

export type LinecardSocketOptions = Omit<Start, 'call' | 'tools'> & {
  readonly name: string;
  /** `ws:` or `wss:`. */
  readonly url: string;
  /** Sent as `Authorization: Bearer`; null: no such header. */
  readonly token: string | null;
};

/**
 * A program that speaks our own protocol: 16 kHz samples as binary messages, all else as JSON. Whoever writes it may leave finding turns
 * to us, and has the tools, transfers and what was heard to the word that an agent inside has.
 */
export class LinecardSocketProvider implements AgentProvider {
  readonly name: string;
  readonly capabilities: AgentCapabilities;
  readonly #options: LinecardSocketOptions;

  constructor(options: LinecardSocketOptions) {
    const { name, turnTaking } = options;
    this.name = name;
    this.capabilities = {
      turnTaking: turnTaking === 'agent' ? 'provider' : 'linecard',
      utterances: 'unwanted',
      fillers: 'conversation',
    };
    this.#options = options;
  }

  /** The program may come and go: only a call finds out. */
  prepare(): Promise<void> {
    return Promise.resolve();
  }

  limitations(): readonly string[] {
    return [];
  }

  open(context: AgentContext): AgentSession {
    const { greeting, instructions } = this.#options;
    const filled = { greeting: context.fill(greeting), instructions: context.fill(instructions) };
    return new LinecardSocketSession({ ...this.#options, ...filled }, context);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
