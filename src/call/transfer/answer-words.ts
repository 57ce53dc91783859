import { VOICEMAIL_SIGNAL } from '../../agent/port.js';

/** Why somebody declined. known: one of a few things that many people say, as the caller may be told. said: in their own words, which are not meant for the caller's ears. */
export type Reason = { readonly kind: 'known' | 'said'; readonly text: string };

/** What somebody who was asked whether they take a call meant. machine: nobody, a voicemail speaks. */
export type Answer =
  { readonly kind: 'accept' | 'repeat' | 'machine' } | { readonly kind: 'decline'; readonly reason: Reason | null };

type Known = { readonly key: string; readonly words: RegExp; readonly text: string };

const KNOWN: readonly Known[] = [
  { key: '1', words: /\b(meeting|busy)\b/, text: 'they are in a meeting' },
  { key: '2', words: /\b(back|later)\b/, text: 'they will call you back' },
  { key: '3', words: /\b(somebody else|someone else|wrong)\b/, text: 'somebody else is in charge of it' },
];

/** Who says nothing but these has given a reason that is known, or none: whatever else they say is worth more. */
const PLAIN_WORDS = new Set(
  `no nope not now sorry thanks thank you please decline i can't cannot i'm i am in a meeting busy right at the moment will i'll call them him her me back
  later it's is for somebody someone else wrong department yes yeah okay ok sure well um uh`.split(/\s+/),
);

/** Of a decline, or of what is to be told: whoever says so does not take the call now, whatever else they say. */
const NOT_NOW = new RegExp(
  [
    String.raw`\b(no|nope|not|decline|busy|don't|can't|cannot|won't)\b`,
    String.raw`\b(meeting|later|back|wrong|tomorrow|lunch)\b`,
    String.raw`\b(somebody|someone) else\b`,
    String.raw`\b(minutes?|hours?|o'clock|monday|tuesday|wednesday|thursday|friday)\b`,
    String.raw`\b(with|on) (a|an|another|the) (client|customer|patient|visitor|call|line|phone)\b`,
    String.raw`\b(tell|ask) (him|her|them)\b`,
  ].join('|'),
);
/** Contain a no and mean none. */
const NO_NO = /\b(no problem|not a problem|why not|(i )?don't mind|no worries)\b/g;
const REPEAT = /\b(repeat|again|pardon|sorry|who is (it|this|that|calling)|who's (it|this|that|calling))\b/;
const ACCEPT =
  /\b(yes|yeah|yep|sure|okay|ok|accept|take (it|the call|him|her|them|that)|put (them|him|her|it) (through|on)|go ahead)\b/;
/** Longer ones are more than a yes: "okay, and what is it about, I have only just come in". */
const MAX_YES_WORDS = 8;
/** What no person says who has picked up. */
const MACHINE = new RegExp(
  [
    String.raw`\b(leave|record) (me |us )?(a|your|the) (brief )?(message|name)\b`,
    String.raw`\b(after|at) the (tone|beep|signal)\b`,
    String.raw`\byou('ve| have) reached\b`,
    String.raw`\b(voice ?mail|mailbox|answering machine)\b`,
    String.raw`\b(cannot|can't|unable to) (come to the phone|take your call)\b`,
    String.raw`\bget back to you\b`,
    String.raw`\bthe (person|number|subscriber) you (are calling|have called|have dialed|have dialled)\b`,
  ].join('|'),
);
/** Fewer words than this are another "no", and no reason. */
const LEAST_REASON_WORDS = 3;
/** A reason is a sentence. */
const MAX_REASON_CHARACTERS = 200;

/** Null: it was no answer. A recognizer that only knows a few sentences forces everything onto them; one that knows any says what was said. */
export function answerInWords(said: string): Answer | null {
  const text = said.toLowerCase().replaceAll('\u2019', "'");
  if (said === VOICEMAIL_SIGNAL || MACHINE.test(text)) return { kind: 'machine' };
  // "No" first: whoever says "no, not okay" must not be given the call.
  if (NOT_NOW.test(text.replaceAll(NO_NO, ''))) return { kind: 'decline', reason: reasonInWords(said) };
  if (REPEAT.test(text)) return { kind: 'repeat' };
  const isQuestion = text.trimEnd().endsWith('?');
  return ACCEPT.test(text) && !isQuestion && wordsOf(text).length <= MAX_YES_WORDS ? { kind: 'accept' } : null;
}

/** What somebody says who was asked why not. */
export function reasonInWords(said: string): Reason | null {
  const words = wordsOf(said.toLowerCase().replaceAll('\u2019', "'"));
  const isPlain = words.every((word) => PLAIN_WORDS.has(word));
  const known = KNOWN.find(({ words: pattern }) => pattern.test(words.join(' ')));
  if (isPlain) return known === undefined ? null : { kind: 'known', text: known.text };
  if (words.length >= LEAST_REASON_WORDS) {
    return { kind: 'said', text: said.trim().slice(0, MAX_REASON_CHARACTERS) };
  }
  return known === undefined ? null : { kind: 'known', text: known.text };
}

/** What a key says of somebody who was asked why not; null: nothing. */
export function reasonByKey(digit: string): Reason | null {
  const known = KNOWN.find(({ key }) => key === digit);
  return known === undefined ? null : { kind: 'known', text: known.text };
}

function wordsOf(text: string): string[] {
  return text.match(/[\p{L}\p{N}']+/gu) ?? [];
}
