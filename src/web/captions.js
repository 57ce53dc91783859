/** What stays of a long call. */
const MAX_TURNS = 200;
/** Whoever says nothing new for so long has said something else, or nothing. */
const STALE_MS = 8000;
/** Within so much of the end a reader wants to see what comes. */
const NEAR_END_PX = 48;

/**
 * @typedef {'caller' | 'agent' | 'human'} Party
 * @typedef {{ who: Party, text: string, interrupted: boolean }} Turn
 */

/** What is said in a call, to be read along: turns that are complete, and below them what is being said. */
export class Captions {
  /** Holds both lists, and scrolls. */
  element;
  #log;
  #turns;
  #guesses;
  /** @type {Map<Party, { item: HTMLLIElement, words: Text, timer: number }>} */
  #open = new Map();
  #visible = true;

  constructor() {
    this.element = document.createElement('div');
    this.element.className = 'captions';
    // For the keyboard, to scroll.
    this.element.tabIndex = 0;
    this.element.setAttribute('role', 'group');
    this.element.hidden = true;
    // Around its list: a list that is a log is none any more.
    this.#log = document.createElement('div');
    this.#log.setAttribute('role', 'log');
    this.#log.setAttribute('aria-live', 'polite');
    this.#turns = document.createElement('ol');
    this.#log.append(this.#turns);
    this.#guesses = document.createElement('ol');
    // Words that change all the time are for the eye: a screen reader is told each turn once.
    this.#guesses.setAttribute('aria-hidden', 'true');
    this.element.append(this.#log, this.#guesses);
  }

  /** Whether the visitor wants to read along; where nothing was said there is nothing to see. @param {boolean} visible */
  set visible(visible) {
    this.#visible = visible;
    this.#show();
  }

  /** @param {string} label */
  set label(label) {
    this.element.setAttribute('aria-label', label);
    this.#log.setAttribute('aria-label', label);
  }

  clear() {
    this.#turns.replaceChildren();
    this.dropGuesses();
    this.#show();
  }

  dropGuesses() {
    for (const who of [...this.#open.keys()]) this.#drop(who);
  }

  /**
   * @param {Turn} turn
   * @param {string} name of who speaks
   * @param {string} interrupted the word for a turn that was cut short
   */
  turn({ who, text, interrupted: wasInterrupted }, name, interrupted) {
    const follows = this.#follows;
    this.#drop(who);
    const { item } = this.#line(who, name, text);
    if (wasInterrupted) {
      const note = document.createElement('small');
      note.textContent = ` (${interrupted})`;
      item.append(note);
    }
    this.#turns.append(item);
    if (this.#turns.childElementCount > MAX_TURNS) this.#turns.firstElementChild?.remove();
    this.#follow(follows);
  }

  /**
   * What somebody is saying; empty: nothing, after all.
   * @param {Party} who
   * @param {string} text
   * @param {string} name
   */
  guess(who, text, name) {
    const follows = this.#follows;
    let open = this.#open.get(who);
    if (text === '') {
      this.#drop(who);
      return;
    }
    if (open === undefined) {
      const { item, words } = this.#line(who, name, text);
      this.#guesses.append(item);
      open = { item, words, timer: 0 };
      this.#open.set(who, open);
    }
    clearTimeout(open.timer);
    open.timer = setTimeout(() => this.#drop(who), STALE_MS);
    if (open.words.data !== text) open.words.data = text;
    this.#follow(follows);
  }

  /** @param {Party} who */
  #drop(who) {
    const open = this.#open.get(who);
    if (open === undefined) return;
    clearTimeout(open.timer);
    open.item.remove();
    this.#open.delete(who);
    this.#show();
  }

  #show() {
    this.element.hidden = !this.#visible || this.#turns.childElementCount + this.#guesses.childElementCount === 0;
  }

  /**
   * Who goes on speaking is not named again.
   * @param {Party} who
   * @param {string} name
   * @param {string} text
   */
  #line(who, name, text) {
    const item = document.createElement('li');
    item.dataset['who'] = who;
    const last = this.#turns.lastElementChild;
    if (last instanceof HTMLElement && last.dataset['who'] === who) item.dataset['goesOn'] = '';
    const speaker = document.createElement('b');
    speaker.textContent = name;
    const words = document.createTextNode(text);
    item.append(speaker, words);
    return { item, words };
  }

  /** Whoever has scrolled back to read is left there. */
  get #follows() {
    const { scrollHeight, scrollTop, clientHeight } = this.element;
    return scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
  }

  /** @param {boolean} follows */
  #follow(follows) {
    this.#show();
    if (follows) this.element.scrollTop = this.element.scrollHeight;
  }
}
