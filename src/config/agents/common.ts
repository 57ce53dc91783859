import { list, oneOf, text } from '../fields.js';
import { name } from '../names.js';

/** Tools that an agent may be given. */
export const TOOL_NAMES = ['transfer', 'take_message', 'hours', 'hangup'] as const;
export type ToolName = (typeof TOOL_NAMES)[number];

/** The list of tools, where a provider states its own default. */
export const tools = list(oneOf(TOOL_NAMES), { max: 32, example: '[transfer, hangup]' });

/** Keys that an agent of every provider takes. */
export const commonAgentKeys = {
  /** What the agent says first. */
  greeting: text(1000).optional(),
  /** What the agent is told about its work. */
  instructions: text(20_000).optional(),
  /** A voice of the provider. */
  voice: text(100).optional(),
  /** The agent that takes over when this one fails. */
  backup: name.optional(),
};
