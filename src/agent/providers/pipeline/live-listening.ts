import { FRAME_MS } from '../../../core/units.js';
import { LeadIn } from '../../lead-in.js';
import type { Ear, OnGuess } from './port.js';

/** A pause of this length is likely the end: turn taking waits more than twice as long to be sure. */
const LIKELY_END_FRAMES = 240 / FRAME_MS;
/** What is this much quieter than the loudest frame of the utterance is a pause. */
const PAUSE_LEVEL = 0.12;
/** Mean magnitude below which nothing is speech. */
const FLOOR = 60;

export type LiveListeningOptions = {
  readonly openEar: (onGuess: OnGuess) => Ear;
  /** What he seems to have said so far, while he speaks. */
  readonly onWords: (text: string) => void;
  /** The caller seems to be done, and this is what he said. */
  readonly onLikelyEnd: (text: string) => void;
  /** He was not. */
  readonly onGoesOn: () => void;
};

/**
 * Follows a call with an ear that understands while the caller speaks. In each pause it asks for what was said so far, so that it is known
 * by the time that turn taking is sure.
 */
export class LiveListening {
  readonly #options: LiveListeningOptions;
  readonly #leadIn = new LeadIn();
  #ear: Ear;
  #state: 'idle' | 'speaking' | 'paused' = 'idle';
  #loudest = 0;
  #quietFrames = 0;
  /** What was said up to each pause of the utterance at hand. */
  #parts: Promise<string>[] = [];
  /** The same, as far as it is known. */
  #before = '';
  #utterances = 0;

  constructor(options: LiveListeningOptions) {
    this.#options = options;
    this.#ear = this.#openEar();
  }

  /** Every frame of the call. */
  hear(frame: Int16Array): void {
    if (this.#state === 'idle') {
      this.#leadIn.push(frame);
      return;
    }
    const level = levelOf(frame);
    const isQuiet = level < Math.max(FLOOR, this.#loudest * PAUSE_LEVEL);
    this.#loudest = Math.max(this.#loudest, level);
    this.#quietFrames = isQuiet ? this.#quietFrames + 1 : 0;
    if (this.#state === 'paused') {
      this.#leadIn.push(frame);
      if (!isQuiet) this.#goOn();
      return;
    }
    this.#ear.hear(frame);
    if (this.#quietFrames === LIKELY_END_FRAMES) this.#pause();
  }

  /** The caller has begun to speak. */
  begin(): void {
    if (this.#ear.broken) this.#ear = this.#openEar();
    this.#parts = [];
    this.#before = '';
    this.#utterances += 1;
    this.#loudest = 0;
    this.#quietFrames = 0;
    this.#state = 'speaking';
    this.#leadIn.drain((frame) => this.#ear.hear(frame));
  }

  /** The caller is done: all that was said. Rejects as the ear does. */
  async finish(): Promise<string> {
    if (this.#state === 'speaking') this.#parts.push(this.#ask());
    this.#state = 'idle';
    return joined(await Promise.all(this.#parts));
  }

  close(): void {
    this.#state = 'idle';
    this.#ear.close();
  }

  #pause(): void {
    this.#state = 'paused';
    this.#parts.push(this.#ask());
    const parts = this.#parts;
    const isStill = (): boolean => this.#state === 'paused' && parts === this.#parts;
    void Promise.all(parts).then(
      (texts) => {
        if (isStill()) this.#options.onLikelyEnd(joined(texts));
      },
      // Who asks for the whole is told of it.
      () => undefined,
    );
  }

  #goOn(): void {
    this.#state = 'speaking';
    this.#quietFrames = 0;
    // Another list: by it a pause that is over is told from the next one.
    this.#parts = [...this.#parts];
    this.#options.onGoesOn();
    this.#leadIn.drain((frame) => this.#ear.hear(frame));
  }

  /** A rejection is for `finish`, which may never be called. */
  #ask(): Promise<string> {
    const asked = this.#ear.finish();
    const utterance = this.#utterances;
    asked.then(
      (text) => {
        if (utterance === this.#utterances) this.#before = joined([this.#before, text]);
      },
      () => undefined,
    );
    return asked;
  }

  #openEar(): Ear {
    const { openEar, onWords } = this.#options;
    return openEar((guess) => onWords(joined([this.#before, guess])));
  }
}

function joined(texts: readonly string[]): string {
  return texts.filter((text) => text !== '').join(' ');
}

function levelOf(frame: Int16Array): number {
  let sum = 0;
  for (let at = 0; at < frame.length; at++) sum += Math.abs(frame[at] as number);
  return sum / frame.length;
}
