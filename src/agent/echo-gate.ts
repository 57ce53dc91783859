import { FRAME_MS, FRAME_SAMPLES } from '../core/units.js';
import { EchoGuard } from '../media/echo-guard.js';
import { energyOf } from '../media/energy.js';

/** What was played may come back for so long: the longest delay that the guard knows, and the room. */
const ECHO_TAIL_FRAMES = 800 / FRAME_MS;
/** It takes the guard some of a syllable to know an echo; what is none for so long is a caller. */
const DOUBT_FRAMES = 240 / FRAME_MS;
/** A caller who is talking is cut off only by an echo that goes on: syllables of both are alike now and then. */
const CERTAIN_FRAMES = 200 / FRAME_MS;
/** What a caller says with its short pauses, until it is certain that it is one. */
const HELD_FRAMES = 480 / FRAME_MS;
/** A frame that is louder than this was played to be heard (-60 dBFS). */
const AUDIBLE_ENERGY = 33 * 33 * FRAME_SAMPLES;

const SILENCE = new Int16Array(FRAME_SAMPLES);

/**
 * Keeps an agent's own voice, which a loudspeaker sends back, from a provider that finds the caller's turns itself. As long as the agent can be heard, silence is passed on in place of
 * what may be an echo. Once it is certain that a caller talks over it, they are heard from their first sound on: what was held back
 * comes at once. While the agent is silent everything is passed on as it is. Allocates nothing after it was made.
 */
export class EchoGate {
  readonly #guard = new EchoGuard();
  /** Frames held back since the first that may be a caller's, in turn: the newest `#heldFrames` before `#next`. */
  readonly #held = Array.from({ length: HELD_FRAMES }, () => new Int16Array(FRAME_SAMPLES));
  #heldFrames = 0;
  #next = 0;
  /** Those among them that are neither echo nor nothing. */
  #doubtful = 0;
  #state: 'open' | 'closed' = 'open';
  /** Frames in a row that were an echo while it was open. */
  #echoes = 0;
  #sincePlayed = Number.MAX_SAFE_INTEGER;

  /**
   * A frame of the caller, before `played` in each tick.
   * @param hear is given what the provider may hear, mostly one frame; after a doubt those that were held back as well. They are the gate's
   */
  heard(frame: Int16Array, hear: (frame: Int16Array) => void): void {
    this.#guard.heard(frame);
    this.#sincePlayed += 1;
    if (this.#sincePlayed > ECHO_TAIL_FRAMES) this.#open(hear);
    else this.#judge(frame);
    if (this.#state === 'closed' && this.#doubtful === DOUBT_FRAMES) this.#open(hear);
    else hear(this.#state === 'open' ? frame : SILENCE);
  }

  /** What is played in the tick of the last `heard`. */
  played(frame: Int16Array): void {
    this.#guard.played(frame);
    if (energyOf(frame) <= AUDIBLE_ENERGY) return;
    // A caller who talks when the agent goes on is heard on.
    if (this.#sincePlayed > ECHO_TAIL_FRAMES) this.#close();
    this.#sincePlayed = 0;
  }

  #judge(frame: Int16Array): void {
    const heard = this.#guard.judge();
    if (this.#state === 'open') {
      this.#echoes = heard === 'echo' ? this.#echoes + 1 : 0;
      if (this.#echoes === CERTAIN_FRAMES) this.#close();
    } else {
      if (heard === 'other') this.#doubtful += 1;
      else this.#doubtful = heard === 'echo' ? 0 : Math.max(0, this.#doubtful - 1);
      if (this.#doubtful > 0) this.#hold(frame);
      else this.#heldFrames = 0;
    }
  }

  #hold(frame: Int16Array): void {
    (this.#held[this.#next] as Int16Array).set(frame);
    this.#next = (this.#next + 1) % HELD_FRAMES;
    if (this.#heldFrames < HELD_FRAMES) this.#heldFrames += 1;
  }

  #close(): void {
    this.#state = 'closed';
    this.#heldFrames = 0;
    this.#doubtful = 0;
  }

  /** Lets out what was held back, the frame at hand included. */
  #open(hear: (frame: Int16Array) => void): void {
    if (this.#state === 'open') return;
    this.#state = 'open';
    this.#echoes = 0;
    for (let age = this.#heldFrames; age > 0; age--) {
      hear(this.#held[(this.#next + HELD_FRAMES - age) % HELD_FRAMES] as Int16Array);
    }
  }
}
