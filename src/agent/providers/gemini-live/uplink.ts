import { BEFORE_ONSET_MS, LeadIn, LONG_LEAD_FRAMES } from '../../lead-in.js';
import { pcmBytes } from '../../pcm-bytes.js';
import type { GeminiConnection } from './connection.js';

/**
 * What the caller says, on its way to a model that is told by us when it begins and ends: such a model hears nothing in between, so the
 * frames before an onset are kept until it is noticed.
 */
export class ActivityUplink {
  readonly #leadIn = new LeadIn(LONG_LEAD_FRAMES);
  #state: 'silent' | 'speaking' = 'silent';

  get speaking(): boolean {
    return this.#state === 'speaking';
  }

  hear(frame: Int16Array, connection: GeminiConnection): void {
    if (this.#state === 'speaking') connection.sendAudio(pcmBytes(frame).toString('base64'));
    else this.#leadIn.push(frame);
  }

  /** @param spokenMs for how long the caller has been speaking */
  begin(connection: GeminiConnection, spokenMs: number): void {
    this.#state = 'speaking';
    connection.send({ realtimeInput: { activityStart: {} } });
    this.#leadIn.drain((frame) => connection.sendAudio(pcmBytes(frame).toString('base64')), spokenMs + BEFORE_ONSET_MS);
  }

  end(connection: GeminiConnection): void {
    if (this.#state === 'silent') return;
    this.#state = 'silent';
    connection.send({ realtimeInput: { activityEnd: {} } });
  }
}
