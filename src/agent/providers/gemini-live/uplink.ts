import { BEFORE_ONSET_MS, LeadIn, LONG_LEAD_FRAMES } from '../../lead-in.js';
import { pcmBytes } from '../../pcm-bytes.js';
import type { ClientMessage, GeminiSocket } from './protocol.js';
import { audioMessage } from './protocol.js';

const ACTIVITY_START = JSON.stringify({ realtimeInput: { activityStart: {} } } satisfies ClientMessage);
const ACTIVITY_END = JSON.stringify({ realtimeInput: { activityEnd: {} } } satisfies ClientMessage);

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

  hear(frame: Int16Array, socket: GeminiSocket): void {
    if (this.#state === 'speaking') socket.sendMedia(audioMessage(pcmBytes(frame).toString('base64')));
    else this.#leadIn.push(frame);
  }

  /** @param spokenMs for how long the caller has been speaking */
  begin(socket: GeminiSocket, spokenMs: number): void {
    this.#state = 'speaking';
    socket.send(ACTIVITY_START);
    this.#leadIn.drain(
      (frame) => socket.sendMedia(audioMessage(pcmBytes(frame).toString('base64'))),
      spokenMs + BEFORE_ONSET_MS,
    );
  }

  end(socket: GeminiSocket): void {
    if (this.#state === 'silent') return;
    this.#state = 'silent';
    socket.send(ACTIVITY_END);
  }
}
