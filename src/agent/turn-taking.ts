import { FRAME_MS } from '../core/units.js';

/** Speech of this length in the window is the caller speaking; a cough or a knock is shorter. */
const ONSET_FRAMES = 8;
/** Of who was just asked something: a short word said quietly is no longer, and who is silent and waits is not interrupted by a knock. */
const ANSWER_FRAMES = 5;
const WINDOW_FRAMES = 12;
/** Who goes on this soon after "the end" had not ended. */
const RESUMED_WITHIN_MS = 500;
const PATIENCE_STEP_MS = 100;
/** Longer turns are cut into pieces: memory is bounded, and nobody dictates to a switchboard. */
const MAX_TURN_MS = 30_000;

/** How long a caller's silence has to be, until their turn is over: it adapts to the speaker between the two. */
export type TurnWaits = { readonly minWaitMs: number; readonly maxWaitMs: number };

/** As far as somebody wants them to be something; the rest is as usual. */
export type WantedWaits = { readonly [Wait in keyof TurnWaits]?: TurnWaits[Wait] | undefined };

const USUAL_WAITS: TurnWaits = { minWaitMs: 600, maxWaitMs: 1000 };

export type TurnSignal = 'none' | 'started' | 'finished';

/** Finds where the caller's turns begin and end, from one yes or no a frame. Pure: time comes with each frame. */
export class TurnTaking {
  /** Ring of the last frames: 1 speech, 0 none. */
  readonly #window = new Uint8Array(WINDOW_FRAMES);
  #windowAt = 0;
  #speechInWindow = 0;
  #state: 'listening' | 'speaking' = 'listening';
  #silenceMs = 0;
  #voicedMs = 0;
  #turnMs = 0;
  readonly #waits: TurnWaits;
  #endSilenceMs: number;
  #finishedAtMs = Number.NEGATIVE_INFINITY;
  /** When the current or last turn began: the first frame of speech in the window that decided it. */
  onsetAtMs = 0;
  /** When the caller was last heard speaking. */
  lastSpeechAtMs = 0;

  /** @param wanted pauses within a sentence are shorter than 0.6 s for most people, which is why that is usual */
  constructor(wanted: WantedWaits = {}) {
    const { minWaitMs = USUAL_WAITS.minWaitMs, maxWaitMs = USUAL_WAITS.maxWaitMs } = wanted;
    this.#waits = { minWaitMs, maxWaitMs: Math.max(minWaitMs, maxWaitMs) };
    this.#endSilenceMs = minWaitMs;
  }

  get speaking(): boolean {
    return this.#state === 'speaking';
  }

  /** Whether there was speech just now, of which it is not known yet whether a turn begins with it. */
  get stirs(): boolean {
    return this.#speechInWindow > 0;
  }

  /** Speech of the turn at hand, its pauses not counted. */
  get voicedMs(): number {
    return this.#voicedMs;
  }

  /** Since the last speech of the turn at hand. */
  get silenceMs(): number {
    return this.#silenceMs;
  }

  /** @param atMs end of the frame on the injected clock @param expected an answer: the caller was asked something, and nobody speaks */
  feed(speech: 'speech' | 'none', atMs: number, expected: 'answer' | 'nothing' = 'nothing'): TurnSignal {
    const flag = speech === 'speech' ? 1 : 0;
    this.#speechInWindow += flag - (this.#window[this.#windowAt] as number);
    this.#window[this.#windowAt] = flag;
    this.#windowAt = (this.#windowAt + 1) % WINDOW_FRAMES;
    if (flag === 1) this.lastSpeechAtMs = atMs;
    if (this.#state === 'speaking') return this.#follow(flag, atMs);
    return this.#listen(expected === 'answer' ? ANSWER_FRAMES : ONSET_FRAMES, atMs);
  }

  reset(): void {
    this.#window.fill(0);
    this.#speechInWindow = 0;
    this.#state = 'listening';
  }

  #listen(onsetFrames: number, atMs: number): TurnSignal {
    if (this.#speechInWindow < onsetFrames) return 'none';
    this.#state = 'speaking';
    this.#silenceMs = 0;
    this.#voicedMs = this.#speechInWindow * FRAME_MS;
    this.#turnMs = 0;
    this.onsetAtMs = atMs - this.#framesSinceFirstSpeech() * FRAME_MS;
    const resumed = this.onsetAtMs - this.#finishedAtMs < RESUMED_WITHIN_MS;
    this.#endSilenceMs = resumed
      ? Math.min(this.#endSilenceMs + PATIENCE_STEP_MS, this.#waits.maxWaitMs)
      : Math.max(this.#endSilenceMs - PATIENCE_STEP_MS / 5, this.#waits.minWaitMs);
    return 'started';
  }

  #follow(flag: number, atMs: number): TurnSignal {
    this.#silenceMs = flag === 1 ? 0 : this.#silenceMs + FRAME_MS;
    this.#voicedMs += flag * FRAME_MS;
    this.#turnMs += FRAME_MS;
    if (this.#silenceMs < this.#endSilenceMs && this.#turnMs < MAX_TURN_MS) return 'none';
    this.reset();
    this.#finishedAtMs = atMs;
    return 'finished';
  }

  /** Frames from the first one with speech in the window to the newest, that one included. */
  #framesSinceFirstSpeech(): number {
    for (let age = WINDOW_FRAMES; age > 0; age--) {
      const at = (this.#windowAt + WINDOW_FRAMES - age) % WINDOW_FRAMES;
      if (this.#window[at] === 1) return age;
    }
    return 0;
  }
}
