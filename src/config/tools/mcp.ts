import { z } from 'zod';
import { keyLike, list, named, section, text, url, wholeNumber } from '../fields.js';
import { headerKey } from './http.js';

/** POSIX names, as every shell takes them. */
const variableKey = keyLike(/^[A-Za-z_][A-Za-z0-9_]{0,99}$/, 'the name of an environment variable');

/** Names of tools as a server gives them. */
const toolNames = list(text(200), { max: 64, example: '[list_events, create_event]' });

/** A server of tools that speaks the Model Context Protocol: a program to start (`command`), or one that is reached (`url`). */
export const mcpToolConfig = section({
  kind: z.literal('mcp'),
  command: text(1000).optional(),
  args: list(text(4000), { max: 100, example: '["--readonly"]' }).default([]),
  env: named(variableKey, text(4000, 'secret'), 'environment variables, such as TOKEN: …').default({}),
  url: url(['http', 'https'], 'https://tools.example.com/mcp').optional(),
  headers: named(headerKey, text(4000, 'secret'), 'headers, such as Authorization: "Bearer …"').default({}),
  /** Absent: all that the server has. */
  allow: toolNames.optional(),
  deny: toolNames.default([]),
  timeLimitMs: wholeNumber(100, 60_000, 'milliseconds').default(10_000),
});

export type McpToolConfig = z.output<typeof mcpToolConfig>;
