import { FRAME_MS, SAMPLE_RATE_HZ, SAMPLES_PER_MS } from '../core/units.js';

/** A soft double tone, and a pause in which one could speak. */
const TONES_MS = [
  { fromMs: 0, toMs: 180, hz: 392 },
  { fromMs: 240, toMs: 420, hz: 494 },
] as const;
const PERIOD_MS = 2000;
/** -32 dBFS: far quieter than a voice. */
const LEVEL = 820;
const EDGE_MS = 30;
/** As for speech that is cut: shorter clicks. */
const FADE_SAMPLES = 5 * SAMPLES_PER_MS;
/** An agent that takes longer has nothing to say to what the caller said. */
const MAX_TONE_MS = 15_000;

/** What a caller hears who waits for an answer; nothing is configured by `tone` off and no words. */
export type FillerRules = {
  readonly afterMs: number;
  readonly tone: 'on' | 'off';
  /** What the agent says when a tool takes long; empty: nothing. */
  readonly words: string;
};

/** answer: the caller has finished, and nothing is said yet. tool: one runs, and nothing is said. */
export type WaitingFor = 'answer' | 'tool' | 'nothing';

/**
 * Nobody waits in silence: a soft tone, words while a tool runs. The tone is none of the agent's words: whatever the agent says takes its place in
 * the same frame, and nobody is told that it was cut.
 */
export class Filler {
  readonly #rules: FillerRules;
  readonly #say: (words: string) => void;
  #waitedMs = 0;
  #tone: 'silent' | 'sounds' = 'silent';
  /** Of the tools that run now. */
  #words: 'to be said' | 'said' = 'to be said';

  constructor(options: { readonly rules: FillerRules; readonly say: (words: string) => void }) {
    this.#rules = options.rules;
    this.#say = options.say;
  }

  /** Each tick, with the frame that is to be played. */
  fill(frame: Int16Array, waitingFor: WaitingFor, tools: 'run' | 'rest'): void {
    if (tools === 'rest') this.#words = 'to be said';
    if (waitingFor === 'nothing') {
      if (this.#tone === 'sounds') this.#mix(frame, FADE_SAMPLES, 'fade');
      this.#tone = 'silent';
      this.#waitedMs = 0;
      return;
    }
    const { afterMs, tone, words } = this.#rules;
    const lateMs = this.#waitedMs - afterMs;
    if (lateMs >= 0 && waitingFor === 'tool' && words !== '' && this.#words === 'to be said') {
      this.#words = 'said';
      this.#say(words);
    }
    this.#tone = tone === 'on' && lateMs >= 0 && lateMs < MAX_TONE_MS ? 'sounds' : 'silent';
    if (this.#tone === 'sounds') this.#mix(frame, frame.length, 'level');
    this.#waitedMs += FRAME_MS;
  }

  #mix(frame: Int16Array, count: number, how: 'level' | 'fade'): void {
    const from = ((this.#waitedMs - this.#rules.afterMs) % PERIOD_MS) * SAMPLES_PER_MS;
    for (let i = 0; i < count; i++) {
      const share = how === 'level' ? 1 : 1 - i / count;
      const sum = (frame[i] as number) + (PERIOD[(from + i) % PERIOD.length] as number) * share;
      // What is begun over the end of the tone may be as loud as can be.
      frame[i] = Math.max(-32_768, Math.min(32_767, Math.round(sum)));
    }
  }
}

const PERIOD = periodSamples();

function periodSamples(): Int16Array {
  const samples = new Int16Array(PERIOD_MS * SAMPLES_PER_MS);
  for (const { fromMs, toMs, hz } of TONES_MS) {
    const count = (toMs - fromMs) * SAMPLES_PER_MS;
    for (let i = 0; i < count; i++) {
      const edge = Math.min(1, i / (EDGE_MS * SAMPLES_PER_MS), (count - i) / (EDGE_MS * SAMPLES_PER_MS));
      samples[fromMs * SAMPLES_PER_MS + i] = Math.round(
        edge * LEVEL * Math.sin((2 * Math.PI * hz * i) / SAMPLE_RATE_HZ),
      );
    }
  }
  return samples;
}
