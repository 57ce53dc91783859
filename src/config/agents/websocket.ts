import { z } from 'zod';
import { oneOf, section, text, url } from '../fields.js';
import { botParameters, commonAgentKeys, DEFAULT_TOOLS, echoGuard, tools } from './common.js';

/** A program that speaks Linecard's own protocol. Greeting, instructions and voice are handed on to it. */
export const websocketAgent = section({
  provider: z.literal('websocket'),
  ...commonAgentKeys,
  tools: tools.default([...DEFAULT_TOOLS]),
  url: url(['ws', 'wss'], 'wss://agent.example.com/calls'),
  /** Sent as `Authorization: Bearer`. */
  token: text(500, 'secret').optional(),
  parameters: botParameters.default({}),
  echoGuard,
  /** Who finds out when the caller begins and ends to speak, and interrupts. */
  turnTaking: oneOf(['linecard', 'agent']).default('linecard'),
});

export type WebsocketAgentConfig = z.output<typeof websocketAgent>;
