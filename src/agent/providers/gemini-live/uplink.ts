import { FRAME_SAMPLES } from '../../../core/units.js';
import { pcmBytes } from '../../pcm-bytes.js';
import type { GeminiConnection } from './connection.js';

/** An onset is noticed after a fifth of a second of speech; what began before is heard as well. */
const BEFORE_ONSET_FRAMES = 25;

/**
 * What the caller says, on its way to a model that is told by us when it begins and ends: such a model hears nothing in between, so the
 * frames before an onset are kept until it is noticed.
 */
export class ActivityUplink {
  readonly #kept = new Int16Array(BEFORE_ONSET_FRAMES * FRAME_SAMPLES);
  /** Where the next frame goes, in samples. */
  #at = 0;
  #keptFrames = 0;
  #state: 'silent' | 'speaking' = 'silent';

  get speaking(): boolean {
    return this.#state === 'speaking';
  }

  hear(frame: Int16Array, connection: GeminiConnection): void {
    if (this.#state === 'speaking') {
      connection.sendAudio(pcmBytes(frame).toString('base64'));
      return;
    }
    this.#kept.set(frame, this.#at);
    this.#at = (this.#at + FRAME_SAMPLES) % this.#kept.length;
    this.#keptFrames = Math.min(this.#keptFrames + 1, BEFORE_ONSET_FRAMES);
  }

  begin(connection: GeminiConnection): void {
    this.#state = 'speaking';
    connection.send({ realtimeInput: { activityStart: {} } });
    for (let left = this.#keptFrames; left > 0; left--) {
      const at = (this.#at - left * FRAME_SAMPLES + this.#kept.length) % this.#kept.length;
      connection.sendAudio(pcmBytes(this.#kept.subarray(at, at + FRAME_SAMPLES)).toString('base64'));
    }
    this.#keptFrames = 0;
  }

  end(connection: GeminiConnection): void {
    if (this.#state === 'silent') return;
    this.#state = 'silent';
    connection.send({ realtimeInput: { activityEnd: {} } });
  }
}
