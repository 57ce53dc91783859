import { z } from 'zod';
import { section, text, url } from '../fields.js';
import { botParameters, commonAgentKeys, echoGuard, tools } from './common.js';

/** A bot that speaks Twilio Media Streams. It greets and decides by itself: greeting, instructions, voice and tools do not reach it. */
export const mediaStreamsAgent = section({
  provider: z.literal('media-streams'),
  ...commonAgentKeys,
  tools: tools.default([]),
  url: url(['ws', 'wss'], 'wss://bot.example.com/media'),
  echoGuard,
  /** Given to the bot at the start of the stream, beside `from`, `callerName` and `to`. */
  parameters: botParameters.default({}),
  /** Signs the connection as Twilio does (`X-Twilio-Signature`), for bots that check it. */
  authToken: text(500, 'secret').optional(),
});

export type MediaStreamsAgentConfig = z.output<typeof mediaStreamsAgent>;
