import { BrowserCall } from './call.js';
import { Captions } from './captions.js';
import { LevelMeter } from './meter.js';
import { STYLE } from './style.js';
import { WaitingTone } from './tone.js';
import { WORDS } from './words.js';

const PAD = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '0', '#'];
/** Of the keys that were pressed, the last are shown. */
const SHOWN_KEYS = 16;

const sheet = new CSSStyleSheet();
sheet.replaceSync(STYLE);

/**
 * `<linecard-call agent="receptionist">`: a call with an agent, for any page. Attributes: `agent`, `label` (its name for people), `server` (where the
 * bridge is, if not where this script came from), `token` (a session token), `captions="off"`. Events, which bubble: `linecard-phase`,
 * `linecard-news`, `linecard-ended`. Methods: `call()`, `hangUp()`.
 */
export class LinecardCall extends HTMLElement {
  static observedAttributes = ['agent', 'label', 'captions'];

  /** @type {import('./words.js').Words} */
  #words = WORDS;
  /** @type {BrowserCall | null} */
  #call = null;
  /** @type {AudioContext | null} */
  #context = null;
  /** @type {LevelMeter | null} */
  #mine = null;
  /** @type {LevelMeter | null} */
  #theirs = null;
  /** @type {WaitingTone | null} */
  #tone = null;
  #frame = 0;
  /** As the bridge says it: talking, held, transferring, connected (with a person). */
  #state = 'talking';
  /** When both could hear each other; null: not yet. */
  #talkingSinceMs = /** @type {number | null} */ (null);
  #timer = /** @type {number | undefined} */ (undefined);
  #onPageHide = () => this.hangUp();
  #parts;

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    root.adoptedStyleSheets = [sheet];
    this.#parts = build();
    root.append(this.#parts.section);
    const { main, mute, pad, padButton } = this.#parts;
    main.addEventListener('click', () => {
      if (this.#live) this.hangUp();
      else this.call();
    });
    mute.addEventListener('click', () => {
      this.#call?.mute(!this.#call.muted);
      this.#show();
    });
    padButton.addEventListener('click', () => {
      pad.hidden = !pad.hidden;
      this.#show();
    });
    pad.addEventListener('click', ({ target }) => {
      if (target instanceof HTMLButtonElement) this.#press(target.value);
    });
    // As on a telephone: keys work wherever in the element the focus is.
    this.addEventListener('keydown', (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
      if (PAD.includes(event.key)) this.#press(event.key);
    });
  }

  /** Texts of your own; what is missing stays English. @param {Partial<import('./words.js').Words>} words */
  set words(words) {
    this.#words = { ...WORDS, ...words };
    this.#show();
  }

  /** idle, asking, connecting, talking, reconnecting or ended. */
  get phase() {
    return this.#call?.phase ?? 'idle';
  }

  get #live() {
    return this.phase !== 'idle' && this.phase !== 'ended';
  }

  connectedCallback() {
    window.addEventListener('pagehide', this.#onPageHide);
    this.#show();
  }

  disconnectedCallback() {
    window.removeEventListener('pagehide', this.#onPageHide);
    this.hangUp();
  }

  attributeChangedCallback() {
    this.#show();
  }

  /** Begins a call; who clicked is asked for the microphone. */
  call() {
    if (this.#live) return;
    const { captions, error, audio, timer, pressed } = this.#parts;
    captions.clear();
    pressed.textContent = '';
    error.hidden = true;
    timer.textContent = '';
    this.#state = 'talking';
    this.#talkingSinceMs = null;
    // Made in the click: a browser lets no page make sound without one.
    this.#context ??= new AudioContext();
    void this.#context.resume();
    const base = new URL(
      this.getAttribute('server') ?? '..',
      this.getAttribute('server') ? location.href : import.meta.url,
    );
    if (!base.pathname.endsWith('/')) base.pathname += '/';
    const call = new BrowserCall({
      base,
      agent: this.getAttribute('agent') ?? '',
      token: this.getAttribute('token'),
      listener: {
        phase: (phase) => {
          if (phase === 'connecting') this.#measureMine();
          if (phase === 'talking') this.#startTimer();
          this.#soundWaiting(phase === 'reconnecting');
          if (phase === 'ended') this.#stop();
          this.#show();
          this.#tell('linecard-phase', { phase });
        },
        news: (news) => this.#onNews(news),
        quality: (quality) => this.#showQuality(quality),
        heard: (stream) => {
          audio.srcObject = stream;
          void audio.play().catch(() => undefined); // the call goes on in silence, the captions stay
          this.#theirs?.close();
          if (this.#context !== null) this.#theirs = new LevelMeter(this.#context, stream);
        },
        microphone: (failure) => {
          this.#measureMine();
          this.#complain(failure);
        },
        ended: (failure) => {
          audio.srcObject = null;
          this.#complain(failure);
          this.#tell('linecard-ended', { failure: failure?.code ?? null, detail: failure?.detail ?? '' });
        },
      },
    });
    this.#call = call;
    void call.start();
    this.#draw();
  }

  /** Idempotent. */
  hangUp() {
    this.#call?.hangUp();
  }

  /** @param {string} key */
  #press(key) {
    const { pressed } = this.#parts;
    if (this.#call?.press(key) === true) pressed.textContent = `${pressed.textContent}${key}`.slice(-SHOWN_KEYS);
  }

  /** @param {import('./call.js').CallNews} news */
  #onNews(news) {
    const { captions } = this.#parts;
    if (news.kind === 'turnHeard') {
      const turn = /** @type {import('./captions.js').Turn} */ (news['turn']);
      if (turn.text !== '') captions.turn(turn, this.#nameOf(turn.who), this.#words.interrupted);
    } else if (news.kind === 'captionChanged') {
      const { who, text } = /** @type {import('./captions.js').Turn} */ (/** @type {unknown} */ (news));
      captions.guess(who, text, this.#nameOf(who));
    } else if (news.kind === 'stateChanged') {
      this.#state = String(news['state']);
      if (this.#state !== 'talking') captions.dropGuesses();
      this.#show();
    }
    this.#tell('linecard-news', news);
  }

  /** @param {import('./captions.js').Party} who */
  #nameOf(who) {
    const { you, agent, human } = this.#words;
    return { caller: you, agent: this.getAttribute('label') ?? agent, human }[who];
  }

  /** @param {import('./failure.js').CallFailure | null} failure */
  #complain(failure) {
    const { error } = this.#parts;
    error.textContent = failure?.message ?? '';
    error.hidden = failure === null;
  }

  /** @param {boolean} waiting */
  #soundWaiting(waiting) {
    this.#tone?.close();
    this.#tone = waiting && this.#context !== null ? new WaitingTone(this.#context) : null;
  }

  #measureMine() {
    const stream = this.#call?.microphone ?? null;
    if (this.#context === null || stream === null) return;
    this.#mine?.close();
    this.#mine = new LevelMeter(this.#context, stream);
  }

  #startTimer() {
    if (this.#talkingSinceMs !== null) return;
    this.#talkingSinceMs = performance.now();
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#showTime(), 1000);
    this.#showTime();
  }

  #showTime() {
    const seconds = Math.floor((performance.now() - (this.#talkingSinceMs ?? performance.now())) / 1000);
    const { timer } = this.#parts;
    timer.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  }

  /** The call is over: what it took is left to be seen. */
  #stop() {
    clearInterval(this.#timer);
    this.#parts.captions.dropGuesses();
    cancelAnimationFrame(this.#frame);
    this.#mine?.close();
    this.#theirs?.close();
    this.#mine = null;
    this.#theirs = null;
    void this.#context?.suspend();
  }

  #draw() {
    const { mine, theirs } = this.#parts;
    mine.style.transform = `scaleX(${this.#call?.muted === true ? 0 : (this.#mine?.read() ?? 0)})`;
    theirs.style.transform = `scaleX(${this.#theirs?.read() ?? 0})`;
    if (this.#live) this.#frame = requestAnimationFrame(() => this.#draw());
  }

  /** @param {import('./quality.js').Quality} quality */
  #showQuality({ rating, roundTripMs, lossPercent, jitterMs }) {
    const { quality } = this.#parts;
    const { qualityGood: good, qualityFair: fair, qualityPoor: poor, qualityUnknown: unknown } = this.#words;
    quality.dataset['rating'] = rating;
    quality.textContent = { good, fair, poor, unknown }[rating];
    quality.title = `${roundTripMs ?? '?'} ms, ${lossPercent ?? '?'} % lost, ${jitterMs ?? '?'} ms jitter`;
    this.#tell('linecard-quality', { rating, roundTripMs, lossPercent, jitterMs });
  }

  #statusText() {
    const words = this.#words;
    if (this.phase === 'idle') return words.ready;
    if (this.phase === 'ended' && this.#talkingSinceMs === null) return words.notConnected;
    if (this.phase !== 'talking') return words[this.phase];
    if (this.#state === 'transferring') return words.transferring;
    if (this.#state === 'held') return words.held;
    if (this.#call?.muted === true) return words.muted;
    return this.#state === 'connected' ? words.withPerson : words.talking;
  }

  #show() {
    const parts = this.#parts;
    const words = this.#words;
    const live = this.#live;
    const name = this.getAttribute('label') ?? this.getAttribute('agent') ?? '';
    parts.name.textContent = name;
    parts.section.setAttribute('aria-label', name);
    parts.section.dataset['phase'] = this.phase === 'talking' ? this.#state : this.phase;
    setText(parts.status, this.#statusText());
    parts.quality.hidden = this.phase !== 'talking';
    setText(parts.main, live ? words.hangUp : words.call);
    parts.main.dataset['does'] = live ? 'hang-up' : 'call';
    parts.mute.hidden = parts.padButton.hidden = parts.levels.hidden = !live || this.phase === 'asking';
    setText(parts.mute, this.#call?.muted === true ? words.unmute : words.mute);
    // Its name says what it does next; "pressed" on top of that would say the opposite.
    parts.mute.toggleAttribute('data-on', this.#call?.muted === true);
    setText(parts.padButton, words.keypad);
    if (!live && !parts.pad.hidden) {
      // Whoever was at its keys is not to be lost at the top of the page.
      if (parts.pad.contains(this.shadowRoot?.activeElement ?? null)) parts.main.focus();
      parts.pad.hidden = true;
    }
    parts.pad.setAttribute('aria-label', words.keypad);
    parts.padButton.setAttribute('aria-expanded', String(!parts.pad.hidden));
    setText(parts.mineLabel, words.yourLevel);
    const theirs = { connected: words.human, held: words.musicLevel, transferring: words.musicLevel }[this.#state];
    setText(parts.theirsLabel, theirs ?? words.agentLevel);
    parts.captions.label = words.transcript;
    parts.captions.visible = this.getAttribute('captions') !== 'off';
  }

  /**
   * @param {string} name
   * @param {object} detail
   */
  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }
}

function build() {
  const part =
    /** @type {<Tag extends keyof HTMLElementTagNameMap>(tag: Tag, attributes?: Record<string, string>) => HTMLElementTagNameMap[Tag]} */ (
      (tag, attributes = {}) => {
        const element = document.createElement(tag);
        for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
        return element;
      }
    );
  const section = part('section');
  const header = part('header');
  const name = part('h2');
  const quality = part('span', { class: 'quality' });
  const timer = part('span', { class: 'timer', 'aria-hidden': 'true' });
  header.append(name, quality, timer);
  const status = part('p', { class: 'status', role: 'status' });
  const error = part('p', { class: 'error', role: 'alert', hidden: '' });
  const keys = part('div', { class: 'keys' });
  const main = part('button', { type: 'button', class: 'main' });
  const mute = part('button', { type: 'button' });
  const padButton = part('button', { type: 'button', 'aria-controls': 'pad' });
  keys.append(main, mute, padButton);
  const pad = part('div', { class: 'pad', id: 'pad', role: 'group', hidden: '' });
  for (const digit of PAD) {
    const key = part('button', { type: 'button', value: digit });
    key.textContent = digit;
    pad.append(key);
  }
  // Below the keys: what appears above them would move them away from under a finger.
  const pressed = part('div', { class: 'pressed' });
  pad.append(pressed);
  // The bars are for the eye only: what is said is in the captions.
  const levels = part('div', { class: 'levels', 'aria-hidden': 'true' });
  const mineLabel = part('span');
  const mine = part('i');
  const theirsLabel = part('span');
  const theirs = part('i');
  for (const [label, bar] of [
    [mineLabel, mine],
    [theirsLabel, theirs],
  ]) {
    const frame = part('div', { class: 'bar' });
    frame.append(/** @type {HTMLElement} */ (bar));
    levels.append(/** @type {HTMLElement} */ (label), frame);
  }
  const captions = new Captions();
  const audio = part('audio', { autoplay: '' });
  section.append(header, status, error, keys, pad, levels, captions.element, audio);
  return {
    section,
    name,
    quality,
    timer,
    status,
    error,
    main,
    mute,
    padButton,
    pad,
    pressed,
    levels,
    mineLabel,
    mine,
    theirsLabel,
    theirs,
    captions,
    audio,
  };
}

/**
 * A screen reader says a text again that is set again.
 * @param {HTMLElement} element
 * @param {string} text
 */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

if (customElements.get('linecard-call') === undefined) customElements.define('linecard-call', LinecardCall);
