import type { HoursAnswer } from '../../port.js';
import type { Choice, Menu, Place } from './menu.js';
import type { Meaning } from './phrases.js';

/** What the attendant does next: says something (perhaps nothing), then this. */
export type Move = {
  readonly say: string;
  /** protected: the caller's voice does not cut it (a key does). */
  readonly interruption: 'allowed' | 'protected';
  readonly then: Next;
};

export type Next =
  | { readonly kind: 'listen'; readonly for: 'choice' | 'yes or no' }
  | { readonly kind: 'transfer'; readonly to: string }
  | { readonly kind: 'ask hours' }
  | { readonly kind: 'record' }
  | { readonly kind: 'end'; readonly reason: string };

export type AttendantOptions = {
  readonly greeting: string;
  readonly menu: Menu;
  /** keys: nobody understands speech here. */
  readonly input: 'speech and keys' | 'keys';
};

/** After this many misunderstandings or silences in a row the caller is given to a person. */
const MAX_FAILURES = 3;

/** Whoever answers the extension's fallback. */
const OPERATOR: Place = { key: 'fallback', label: 'a person', dial: '' };

const CHOICE = { kind: 'listen', for: 'choice' } as const;
const YES_OR_NO = { kind: 'listen', for: 'yes or no' } as const;

/**
 * The dialogue of the embedded agent: what a caller did goes in, what to do comes out. Pure: no sound, no clock, no tool. Every way
 * through it ends with the caller served, with a person, or told goodbye.
 */
export class Attendant {
  readonly #greeting: string;
  readonly #menu: Menu;
  readonly #input: AttendantOptions['input'];
  /** The place that waits for a yes. */
  #proposed: Place | null = null;
  #failures = 0;
  /** People answered nothing anywhere: a transfer that failed is not tried for ever. */
  #failedTransfers = 0;
  /** The caller got an answer and was asked for more: silence then means no. */
  #served: 'yes' | 'no' = 'no';

  constructor({ greeting, menu, input }: AttendantOptions) {
    this.#greeting = greeting;
    this.#menu = menu;
    this.#input = input;
  }

  /** Sentences that are the same in every call, to be synthesized before the first. */
  static prompts(options: AttendantOptions): string[] {
    const { menu } = options;
    const attendant = new Attendant(options);
    return [
      attendant.begin('new').say,
      attendant.begin('resumed').say,
      menu.text,
      ...Object.values(SAY),
      ...[...menu.offers.places, OPERATOR].flatMap(({ label }) => [connecting(label), proposal(label), failed(label)]),
    ];
  }

  begin(call: 'new' | 'resumed'): Move {
    if (call === 'resumed') return this.#listen(SAY.resumed);
    return this.#listen(`${this.#greeting} ${this.#invitation()}`);
  }

  /** What the caller said, understood well enough. */
  meant(meaning: Meaning): Move {
    if (this.#proposed !== null) return this.#answered(meaning, this.#proposed);
    switch (meaning.kind) {
      case 'destination':
      case 'extension': {
        const place = this.#placeOf(meaning);
        return place === null ? this.notUnderstood() : this.#propose(place);
      }
      case 'digit': {
        const { choice } = this.#menu.meaning(meaning.digit);
        if (choice === null) return this.notUnderstood();
        return this.#spoken(choice);
      }
      case 'operator':
      case 'hours':
      case 'message':
      case 'repeat':
        return this.#spoken({ kind: meaning.kind });
      case 'goodbye':
      case 'no':
        return this.#heardGoodbye();
      case 'yes':
        return this.#listen(SAY.go);
    }
  }

  /** A choice made by key: it needs no confirmation. */
  pressed(choice: Choice): Move {
    this.#failures = 0;
    this.#proposed = null;
    return choice.kind === 'place' ? this.#connect(choice.place) : this.#chosen(choice);
  }

  /** A key while a place waits for a yes; null when the key is no answer to that. */
  answeredByKey(key: string): Move | null {
    if (this.#proposed === null) return null;
    if (key === '1') return this.#answered({ kind: 'yes' }, this.#proposed);
    if (key === '2') return this.#answered({ kind: 'no' }, this.#proposed);
    return null;
  }

  /** A key that leads nowhere. */
  wrongKey(): Move {
    return this.#failure(SAY.wrongKey);
  }

  /** The caller spoke, and it fits nothing well enough. */
  notUnderstood(): Move {
    if (this.#proposed !== null) return this.#failure(proposal(this.#proposed.label));
    return this.#failure(this.#input === 'keys' ? SAY.keysOnly : SAY.notUnderstood);
  }

  /** Nothing came for a while. */
  silent(): Move {
    if (this.#served === 'yes') return this.#goodbye();
    if (this.#proposed !== null) return this.#failure(proposal(this.#proposed.label));
    return this.#failure(SAY.stillThere);
  }

  hoursAre(answer: HoursAnswer): Move {
    const now = answer.open ? SAY.openNow : SAY.closedNow;
    return this.#anythingElse(`${now} ${answer.text}`);
  }

  hoursFailed(): Move {
    return this.#anythingElse(SAY.noHours);
  }

  /** The caller is back because nobody took the call. @param text what they are told of it */
  returned(text: string): Move {
    this.#served = 'no';
    return this.#listen(`${text} ${this.#menu.text}`);
  }

  /** The same, and they may leave a message. */
  leaveMessage(text: string): Move {
    if (this.#menu.offers.messages === 'none') return this.returned(text);
    const move = this.#chosen({ kind: 'message' });
    return { ...move, say: `${text} ${move.say}` };
  }

  transferFailed(to: string): Move {
    this.#failedTransfers += 1;
    const { label } = this.#menu.place(to) ?? OPERATOR;
    if (this.#failedTransfers < MAX_FAILURES) return this.#listen(`${failed(label)} ${this.#menu.text}`);
    return say(`${failed(label)} ${SAY.goodbye}`, { kind: 'end', reason: 'no transfer worked' }, 'protected');
  }

  messageSaved(): Move {
    return this.#anythingElse(SAY.saved);
  }

  messageFailed(): Move {
    return this.#listen(`${SAY.notSaved} ${this.#menu.text}`);
  }

  nothingRecorded(): Move {
    return this.#failure(SAY.nothingRecorded);
  }

  #answered(meaning: Meaning, place: Place): Move {
    switch (meaning.kind) {
      case 'yes':
        return this.#connect(place);
      case 'no':
        this.#proposed = null;
        return this.#failure(SAY.whoThen);
      case 'digit':
        return this.answeredByKey(meaning.digit) ?? this.notUnderstood();
      case 'repeat':
        return this.#propose(place);
      case 'goodbye':
        return this.#heardGoodbye();
      case 'destination':
      case 'extension':
      case 'hours':
      case 'message':
      case 'operator':
        this.#proposed = null;
        return this.meant(meaning);
    }
  }

  /** What was heard may be wrong: nobody is sent anywhere without a yes. */
  #spoken(choice: Choice): Move {
    if (choice.kind === 'place') return this.#propose(choice.place);
    return choice.kind === 'operator' ? this.#propose(OPERATOR) : this.#chosen(choice);
  }

  #chosen(choice: { readonly kind: Exclude<Choice['kind'], 'place'> }): Move {
    this.#proposed = null;
    this.#served = 'no';
    switch (choice.kind) {
      case 'hours':
        this.#failures = 0;
        return say('', { kind: 'ask hours' });
      case 'message':
        return say(SAY.leaveMessage, { kind: 'record' }, 'protected');
      case 'operator':
        return this.#connect(OPERATOR);
      case 'repeat':
        return this.#listen(this.#menu.text);
      case 'goodbye':
        return this.#goodbye();
    }
  }

  #propose(place: Place): Move {
    this.#failures = 0;
    this.#served = 'no';
    this.#proposed = place;
    return this.#listen(proposal(place.label), YES_OR_NO);
  }

  #connect(place: Place): Move {
    this.#proposed = null;
    this.#failures = 0;
    return say(connecting(place.label), { kind: 'transfer', to: place.key }, 'protected');
  }

  /** Something did not work: ask again, each time with more help, and in the end give the caller to a person. */
  #failure(text: string): Move {
    this.#served = 'no';
    this.#failures += 1;
    if (this.#failures < MAX_FAILURES) {
      if (this.#proposed !== null) return this.#listen(text, YES_OR_NO);
      return this.#listen(`${text} ${this.#failures === 1 ? this.#hint() : this.#menu.text}`);
    }
    this.#failures = 0;
    this.#proposed = null;
    if (this.#menu.offers.operator === 'offered' && this.#failedTransfers === 0)
      return say(SAY.givingUp, { kind: 'transfer', to: 'fallback' }, 'protected');
    return say(SAY.sorryGoodbye, { kind: 'end', reason: 'the caller made no choice' }, 'protected');
  }

  #anythingElse(text: string): Move {
    this.#served = 'yes';
    return this.#listen(`${text} ${SAY.anythingElse}`.trim());
  }

  /** "Uh-huh" is heard as a goodbye, too. Who means it hangs up, or says nothing more; nobody else may lose the call by it. */
  #heardGoodbye(): Move {
    if (this.#served === 'yes') return this.#goodbye();
    this.#proposed = null;
    return this.#anythingElse('');
  }

  #goodbye(): Move {
    return say(SAY.goodbye, { kind: 'end', reason: 'the caller said goodbye' }, 'protected');
  }

  #listen(text: string, then: Next = CHOICE): Move {
    return say(text, then);
  }

  #invitation(): string {
    return this.#input === 'keys' ? this.#menu.text : `${SAY.invitation} ${this.#menu.text}`;
  }

  #hint(): string {
    return this.#input === 'keys' ? this.#menu.text : SAY.hint;
  }

  #placeOf(meaning: Extract<Meaning, { kind: 'destination' | 'extension' }>): Place | null {
    if (meaning.kind === 'destination') return this.#menu.place(meaning.key);
    const { choice } = this.#menu.meaning(meaning.extension);
    return choice?.kind === 'place' ? choice.place : null;
  }
}

/** Said in every office. Short sentences: each is synthesized, cut and heard on its own. */
const SAY = {
  invitation: 'Please say who you would like to speak to, or press a key.',
  go: 'Please go ahead.',
  hint: 'Please say the name of a person or a department, or press star to hear all choices.',
  notUnderstood: 'Sorry, I did not understand that.',
  keysOnly: 'Sorry, I understand keys only.',
  wrongKey: 'Sorry, that is not one of the choices.',
  stillThere: 'Are you still there?',
  whoThen: 'All right.',
  openNow: 'We are open now.',
  closedNow: 'We are closed now.',
  noHours: 'Sorry, I do not know our opening hours.',
  anythingElse: 'Is there anything else I can do for you?',
  leaveMessage: 'Please speak after the tone. When you are done, press any key, or just wait.',
  saved: 'Your message is saved.',
  notSaved: 'I am sorry, your message could not be saved.',
  nothingRecorded: 'I did not hear a message.',
  resumed: 'Sorry, the line was gone for a moment. How can I help you?',
  givingUp: 'I will connect you with a person. One moment, please.',
  sorryGoodbye: 'I am sorry that I could not help you. Please call again. Goodbye.',
  goodbye: 'Thank you for calling. Goodbye.',
} as const;

function connecting(label: string): string {
  return `I am connecting you with ${label}. One moment, please.`;
}

function proposal(label: string): string {
  return `${label.slice(0, 1).toUpperCase()}${label.slice(1)}. Is that right?`;
}

function failed(label: string): string {
  return `I am sorry, I cannot reach ${label} right now.`;
}

function say(text: string, then: Next, interruption: Move['interruption'] = 'allowed'): Move {
  return { say: text, interruption, then };
}
