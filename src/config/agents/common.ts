import { field, keyLike, list, named, oneOf, section, text, truth, wholeNumber } from '../fields.js';
import { name } from '../names.js';

/** Tools that every agent may be given. */
export const TOOL_NAMES = [
  'transfer',
  'take_message',
  'hours',
  'hangup',
  'hold',
  'send_digits',
  'collect_digits',
  'call_back',
  'note',
] as const;
/** What an agent gets that has no list of its own. */
export const DEFAULT_TOOLS: readonly ToolName[] = ['transfer', 'take_message', 'hours', 'hangup'];
export type ToolName = (typeof TOOL_NAMES)[number];

/** The list of tools, where a provider states its own default; those of the admin's are under `tools:`. */
export const tools = list(name, { max: 32, example: '[transfer, hangup]' });

/** Names that an admin gives to what a bot is told; these can be written in any language's dictionary without quoting. */
const parameterKey = keyLike(/^[A-Za-z_][A-Za-z0-9_.-]{0,99}$/, 'a letter, then letters, digits and . _ -');

/** What a bot of the admin's own is told about this extension. */
export const botParameters = named(parameterKey, text(500), 'parameters, such as tenant: acme');

/** For providers that find turns themselves: keeps what the agent says from coming back to it. Off: a bot may say back what it hears, and has to hear it. */
export const echoGuard = truth.default(false);

/** Of money. */
const amount = field({
  what: 'an amount such as 2.50',
  read: (value) => (/^\d{1,7}(\.\d{1,6})?$/.test(value) ? Number(value) : null),
});

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
  /** How the caller's turns are found. */
  turns: section({
    /** Absent, both: 600 and 1000 where Linecard finds turns, and the provider's own where it does. */
    minWaitMs: wholeNumber(200, 5000, 'milliseconds').optional(),
    maxWaitMs: wholeNumber(200, 10_000, 'milliseconds').optional(),
    greeting: oneOf(['interruptible', 'protected']).default('interruptible'),
    /** Who tells speech from other sounds; silero needs packages that are not installed by themselves. */
    vad: oneOf(['webrtc', 'silero']).default('webrtc'),
    /** Absent: 400 where Linecard finds turns, and the provider's own way where it does. 0: every sound interrupts. */
    interruptAfterMs: wholeNumber(0, 1000, 'milliseconds').optional(),
  }).prefault({}),
  /** What who waits for an answer hears. */
  filler: section({
    afterMs: wholeNumber(300, 10_000, 'milliseconds').default(1200),
    /** Said by agents that can: `pipeline` for every long answer, `openai-realtime` and `websocket` while a tool runs. */
    text: text(200).optional(),
    tone: truth.default(false),
  }).prefault({}),
  /** What it may spend in a call; absent keys: no limit. */
  limits: section({
    minutes: wholeNumber(1, 1440, 'a number of minutes').optional(),
    tokens: wholeNumber(1000, 1_000_000_000, 'a number of tokens').optional(),
    cost: amount.optional(),
    /** Said before the caller is brought to a person. */
    say: text(500).default('I am sorry, I cannot go on with this conversation. I will put you through to a person.'),
  }).prefault({}),
  /** Per million tokens, in the currency of `limits.cost`. */
  prices: section({ input: amount.default(0), output: amount.default(0) }).prefault({}),
  /** Agents that it may give a caller to, by its tool `handover`. */
  handover: list(name, { max: 20, example: '[billing, support]' }).default([]),
};
