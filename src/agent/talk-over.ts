import { FRAME_SAMPLES } from '../core/units.js';
import { LeadIn, LONG_LEAD_FRAMES } from './lead-in.js';

/** Shorter sounds of a caller's into the agent are listening ("mm-hm") or a cough. Most words are longer; nobody's sounds are longer than a second. */
export const USUAL_INTERRUPT_AFTER_MS = 400;
/** A sound that was too short is over after such a silence: less than the pause between two sentences. */
const OVER_AFTER_MS = 300;

/** What is known of the caller's turn, as far as it concerns an agent that speaks. */
type TurnSoFar = { readonly voicedMs: number; readonly silenceMs: number };

/**
 * A caller speaks into the agent: whether that interrupts it. In doubt until they have spoken long enough or have stopped. A turn that began while
 * the agent was silent interrupts nothing and is certain from its beginning.
 */
export class TalkOver {
  readonly #interruptAfterMs: number;
  #state: 'none' | 'doubtful' | 'certain' = 'none';

  /** @param interruptAfterMs voice of this length interrupts; 0: every onset does */
  constructor(interruptAfterMs: number) {
    this.#interruptAfterMs = interruptAfterMs;
  }

  get state(): 'none' | 'doubtful' | 'certain' {
    return this.#state;
  }

  /** Whether there is anything to be in doubt about. */
  get judges(): boolean {
    return this.#interruptAfterMs > 0;
  }

  /** A turn begins, perhaps into what the agent says. */
  begin(agent: 'speaks' | 'silent'): void {
    this.#state = agent === 'speaks' && this.#interruptAfterMs > 0 ? 'doubtful' : 'certain';
  }

  /** Each tick while it is in doubt. `nothing`: there was no turn. */
  weigh({ voicedMs, silenceMs }: TurnSoFar): 'doubtful' | 'interrupts' | 'nothing' {
    if (voicedMs >= this.#interruptAfterMs) {
      this.#state = 'certain';
      return 'interrupts';
    }
    if (silenceMs < OVER_AFTER_MS) return 'doubtful';
    this.#state = 'none';
    return 'nothing';
  }

  end(): void {
    this.#state = 'none';
  }
}

/**
 * The ear of an agent that finds turns itself and shall not be interrupted by every sound: it hears silence where the caller is not to be heard, and
 * afterwards what it has missed of a caller who went on.
 */
export class WithheldUplink {
  readonly #kept = new LeadIn(LONG_LEAD_FRAMES);
  #state: 'open' | 'withheld' = 'open';

  /** Instead of a frame of the caller. */
  withhold(frame: Int16Array, hear: (frame: Int16Array) => void): void {
    this.#state = 'withheld';
    this.#kept.push(frame);
    hear(SILENCE);
  }

  /** @param missedMs how much of what was withheld is wanted after all; all of it at once, before the frame */
  pass(frame: Int16Array, missedMs: number, hear: (frame: Int16Array) => void): void {
    if (this.#state === 'withheld') {
      this.#state = 'open';
      this.#kept.drain(hear, missedMs);
    }
    hear(frame);
  }
}

const SILENCE = new Int16Array(FRAME_SAMPLES);
