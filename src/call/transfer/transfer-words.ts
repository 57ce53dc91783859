import { assertNever } from '../../core/assert-never.js';
import type { Caller } from '../../core/calls.js';
import type { Attempted, Speech } from './transfer-machine.js';

/** Longer than this nobody listens while a caller waits. */
const MAX_SUMMARY_CHARACTERS = 500;
const MAX_NAME_CHARACTERS = 60;

/** What is known when somebody is rung. */
export type BriefingFacts = {
  readonly caller: Caller;
  /** As people call the place that was asked for. */
  readonly label: string;
  /** In the agent's words; empty: it gave none. */
  readonly summary: string;
};

/** What is the same in every briefing, to be synthesized before the first. */
export const FIXED_SPEECH = {
  hello: 'Hello.',
  keys: 'Press 1 to take the call, 2 to decline, or 3 to hear this again.',
  question: 'Are you there?',
  reason:
    'All right. Press 1 if you are in a meeting, 2 if you will call back, 3 if somebody else is in charge, or just hang up.',
} as const;

/** What the person who picked up hears. */
export function speechText(speech: Speech, facts: BriefingFacts): string {
  const { hello, keys, question, reason } = FIXED_SPEECH;
  switch (speech) {
    case 'briefing': {
      const summary = plain(facts.summary).slice(0, MAX_SUMMARY_CHARACTERS);
      const about = summary === '' ? '' : ` ${asSentence(summary)}`;
      return `${hello} I have a call for ${plain(facts.label)}, from ${spokenCaller(facts.caller)}.${about} ${keys}`;
    }
    case 'question':
      return `${question} ${keys}`;
    case 'keys':
      return keys;
    case 'reason':
      return reason;
    default:
      return assertNever(speech);
  }
}

/** What the agent tells the caller who is back; without a question, and without words that nobody meant for the caller. */
export function returnText(tried: readonly Attempted[], label: string): string {
  return whatHappened(tellingOf(tried), plain(label));
}

/** The same for an agent with words of its own, where somebody gave a reason in theirs; null: `returnText` says it all. */
export function relayText(tried: readonly Attempted[], label: string, otherwise: 'agent' | 'message'): string | null {
  const reason = tellingOf(tried)?.reason ?? null;
  if (reason?.kind !== 'said') return null;
  const then = otherwise === 'message' ? 'offer to take a message' : 'ask what else you can do';
  return (
    `${plain(label)} cannot take the call and said: "${plain(reason.text)}". The caller has not heard it. ` +
    `Tell the caller kindly, in your own words, what of it is meant for them, and ${then}.`
  );
}

/** What somebody had them told is more than that the next phone was busy. */
function tellingOf(tried: readonly Attempted[]): Attempted | undefined {
  const last = tried.at(-1);
  return last?.refusal === 'cutOff' ? last : (tried.findLast(({ reason }) => reason !== null) ?? last);
}

function whatHappened(place: Attempted | undefined, label: string): string {
  if (place === undefined) return `I am sorry, I could not reach ${label}.`;
  switch (place.refusal) {
    case 'busy':
      return `I am sorry, ${label} is busy right now.`;
    case 'noAnswer':
    case 'nobody':
      return `I am sorry, nobody picks up at ${label}.`;
    case 'declined': {
      const cannot = `I am sorry, ${label} cannot take your call right now`;
      return place.reason?.kind === 'known' ? `${cannot}: ${asSentence(place.reason.text)}` : `${cannot}.`;
    }
    case 'hungUp':
      return `I am sorry, ${label} cannot take your call right now.`;
    case 'cutOff':
      return `It seems that you were cut off from ${label}, so I am back with you.`;
    case 'unreachable':
    case 'failed':
      return `I am sorry, I could not reach ${label}.`;
    default:
      return assertNever(place.refusal);
  }
}

/** A number digit by digit: as one number nobody would know it. */
function spokenCaller({ name, number }: Caller): string {
  const plainName = plain(name).slice(0, MAX_NAME_CHARACTERS);
  const digits = number.replaceAll(/[^0-9+]/g, '').slice(0, 20);
  const spelled = Array.from(digits, (digit) => (digit === '+' ? 'plus' : digit)).join(' ');
  // Many PBXs put the number where the name is missing.
  const hasName = plainName !== '' && plainName !== number;
  if (hasName && spelled !== '') return `${plainName}, number ${spelled}`;
  if (hasName) return plainName;
  return spelled === '' ? 'an unknown number' : `number ${spelled}`;
}

/** Callers and models bring whatever they like: letters, digits and marks are spoken, nothing else. */
function plain(text: string): string {
  return text
    .replaceAll(/[^\p{L}\p{M}\p{N}\p{P}\s]/gu, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

function asSentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
