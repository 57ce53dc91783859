import { z } from 'zod';
import { keyLike, named, section, text, url } from '../fields.js';
import { commonAgentKeys, tools } from './common.js';

/** Twilio's `<Parameter>` names are an admin's choice; these can be written in any language's dictionary without quoting. */
const parameterKey = keyLike(/^[A-Za-z_][A-Za-z0-9_.-]{0,99}$/, 'a letter, then letters, digits and . _ -');

/** A bot that speaks Twilio Media Streams. It greets and decides by itself: greeting, instructions, voice and tools do not reach it. */
export const mediaStreamsAgent = section({
  provider: z.literal('media-streams'),
  ...commonAgentKeys,
  tools: tools.default([]),
  url: url(['ws', 'wss'], 'wss://bot.example.com/media'),
  /** Given to the bot at the start of the stream, beside `from`, `callerName` and `to`. */
  parameters: named(parameterKey, text(500), 'parameters, such as tenant: acme').default({}),
  /** Signs the connection as Twilio does (`X-Twilio-Signature`), for bots that check it. */
  authToken: text(500, 'secret').optional(),
});

export type MediaStreamsAgentConfig = z.output<typeof mediaStreamsAgent>;
