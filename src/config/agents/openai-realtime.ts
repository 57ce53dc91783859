import { z } from 'zod';
import { oneOf, section, text, textLike, url } from '../fields.js';
import { commonAgentKeys, DEFAULT_TOOLS, echoGuard, tools } from './common.js';

/** A speech-to-speech model at OpenAI, or at any server that speaks the same protocol (GA). */
export const openAiRealtimeAgent = section({
  provider: z.literal('openai-realtime'),
  ...commonAgentKeys,
  voice: text(100).default('marin'),
  tools: tools.default([...DEFAULT_TOOLS]),
  apiKey: text(500, 'secret'),
  baseUrl: url(['http', 'https'], 'https://api.openai.com/v1').default('https://api.openai.com/v1'),
  model: text(100).default('gpt-realtime'),
  echoGuard,
  /** Who decides that the caller has finished: the server, by silence or by what was said, or Linecard. */
  turnDetection: oneOf(['server_vad', 'semantic_vad', 'linecard']).default('server_vad'),
  /** On the way there and back: 24 kHz, or what telephone lines have, in a sixth of the bytes. */
  audio: oneOf(['pcm', 'ulaw']).default('pcm'),
  /** The model that writes down what the caller says, for the history; `off`: nobody does. */
  transcription: textLike(/^[\w.:/-]{1,100}$/, 'the name of a transcription model, or off').default(
    'gpt-4o-mini-transcribe',
  ),
});

export type OpenAiRealtimeAgentConfig = z.output<typeof openAiRealtimeAgent>;
