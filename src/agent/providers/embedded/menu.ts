import type { PhraseBook } from './phrases.js';

/** Keys of the menu that are the same for every office; destinations take the others. */
const HOURS_KEY = '8';
const MESSAGE_KEY = '9';
const OPERATOR_KEY = '0';
const DESTINATION_KEYS = ['1', '2', '3', '4', '5', '6', '7'] as const;

/** A place callers may be sent to. `dial` is its number when it is one that callers may know. */
export type Place = { readonly key: string; readonly label: string; readonly dial: string };

/** What this attendant may do. */
export type Offers = {
  readonly places: readonly Place[];
  /** A person behind the extension, for whoever wants one and when nothing helps. */
  readonly operator: 'offered' | 'none';
  readonly hours: 'offered' | 'none';
  readonly messages: 'offered' | 'none';
};

/** What a key or a spoken choice leads to. */
export type Choice =
  | { readonly kind: 'place'; readonly place: Place }
  | { readonly kind: 'operator' | 'hours' | 'message' | 'repeat' | 'goodbye' };

/** What a sequence of keys means so far: a choice, perhaps the beginning of a longer number, or nothing. */
export type KeyMeaning = { readonly choice: Choice | null; readonly longer: 'possible' | 'no' };

/** The choices of an attendant, by key and by number. */
export class Menu {
  readonly offers: Offers;
  readonly #keys = new Map<string, Choice>();
  readonly #numbers = new Map<string, Choice>();

  constructor(offers: Offers) {
    this.offers = offers;
    for (const [index, place] of offers.places.entries()) {
      const key = DESTINATION_KEYS[index];
      if (key !== undefined) this.#keys.set(key, { kind: 'place', place });
      if (/^\d{2,}$/.test(place.dial)) this.#numbers.set(place.dial, { kind: 'place', place });
    }
    if (offers.hours === 'offered') this.#keys.set(HOURS_KEY, { kind: 'hours' });
    if (offers.messages === 'offered') this.#keys.set(MESSAGE_KEY, { kind: 'message' });
    if (offers.operator === 'offered') this.#keys.set(OPERATOR_KEY, { kind: 'operator' });
    this.#keys.set('*', { kind: 'repeat' });
    this.#keys.set('#', { kind: 'goodbye' });
  }

  /** @param keys what was pressed, in order; `*` and `#` stand alone */
  meaning(keys: string): KeyMeaning {
    const choice = this.#numbers.get(keys) ?? this.#keys.get(keys) ?? null;
    const longer = [...this.#numbers.keys()].some((number) => number.length > keys.length && number.startsWith(keys));
    return { choice, longer: longer ? 'possible' : 'no' };
  }

  /** The place with this key of the configuration. */
  place(key: string): Place | null {
    return this.offers.places.find((place) => place.key === key) ?? null;
  }

  /** What a caller may say. */
  get phraseBook(): PhraseBook {
    const { operator, hours, messages } = this.offers;
    return {
      destinations: this.offers.places.map(({ key, label }) => ({ key, names: [label, key] })),
      extensions: [...this.#numbers.keys()],
      digits: [...this.#keys.keys()].filter((key) => /\d/.test(key)),
      offers: [
        ...(hours === 'offered' ? (['hours'] as const) : []),
        ...(messages === 'offered' ? (['message'] as const) : []),
        ...(operator === 'offered' ? (['operator'] as const) : []),
        'goodbye',
      ],
    };
  }

  /** The menu read out: "For Sales, press 1. …". */
  get text(): string {
    const lines = [...this.#keys].map(([key, choice]) => menuLine(key, choice)).filter((line) => line !== '');
    if (this.offers.places.length > DESTINATION_KEYS.length) lines.push('Or dial the extension you want.');
    return lines.join(' ');
  }
}

function menuLine(key: string, choice: Choice): string {
  switch (choice.kind) {
    case 'place':
      return `For ${choice.place.label}, press ${key}.`;
    case 'hours':
      return `For our opening hours, press ${key}.`;
    case 'message':
      return `To leave a message, press ${key}.`;
    case 'operator':
      return `For a person, press ${key}.`;
    case 'repeat':
    case 'goodbye':
      return '';
  }
}
