import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Alarm, Clock } from '../../core/clock.js';
import { LinecardError } from '../../core/errors.js';
import type { CallEvent } from '../../core/events.js';
import type { CallId } from '../../core/ids.js';
import type { Logger } from '../../core/logger.js';
import type { FromMedia } from '../../engine/port.js';
import { Recording } from './recording.js';

/** After a call has ended, its media thread may still send the last half second. */
const AFTERMATH_MS = 2000;

type Live = { readonly recording: Recording; alarm: Alarm | null; end: () => void };

/**
 * The recordings of all calls as files an admin can play, copy and delete: `<start>-<call id>.wav`, the caller left and the agent right, and the turns beside in
 * `.json`. Media threads send the sound; nothing of it is written there.
 */
export class Recordings {
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #live = new Map<CallId, Live>();
  /** Of recordings that are being closed. */
  readonly #closings = new Map<CallId, Promise<void>>();

  /** @param options.directory made when it is missing */
  constructor(options: { readonly directory: string; readonly clock: Clock; readonly log: Logger }) {
    this.#directory = options.directory;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /** Rejects STORAGE_FAILED: who has to record must not take calls that are not recorded. */
  async start(): Promise<void> {
    try {
      await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw new LinecardError('STORAGE_FAILED', `cannot make ${this.#directory} for recordings; change dataDir`, {
        cause: error,
      });
    }
  }

  /** Whether something may still be written for this call. */
  isOpen(callId: CallId): boolean {
    return this.#live.has(callId) || this.#closings.has(callId);
  }

  onMedia(message: FromMedia): void {
    if (message.kind !== 'recorded') return;
    const { fromMs, atSample, stereo } = message;
    // People who are rung for a transfer are not recorded: nobody asked them.
    this.#live.get(message.callId)?.recording.add({ fromMs, atSample, stereo });
  }

  readonly observe = (event: CallEvent): void => {
    switch (event.kind) {
      case 'callStarted':
      case 'callResumed': {
        const { callId, call } = event;
        // What an earlier process recorded of it stays as it is.
        const part = event.kind === 'callResumed' ? `-${event.resumptions + 1}` : '';
        const name = `${call.startedAt.slice(0, 19).replaceAll(/[-:]/g, '')}-${callId}${part}`;
        const log = this.#log.child({ callId });
        const recording = new Recording({ path: join(this.#directory, name), call, log });
        this.#live.set(callId, { recording, alarm: null, end: () => this.#end(callId, call) });
        break;
      }
      case 'turnHeard':
        this.#live.get(event.callId)?.recording.turn(event.turn);
        break;
      case 'callEnded': {
        const live = this.#live.get(event.callId);
        if (live === undefined) break;
        live.end = () => this.#end(event.callId, event.call);
        live.alarm = this.#clock.setAlarm(AFTERMATH_MS, live.end);
        break;
      }
      default:
        break;
    }
  };

  /** Ends what is still open and resolves when all is on disk; after the media threads have stopped. Never rejects. */
  async stop(): Promise<void> {
    for (const live of [...this.#live.values()]) live.end();
    await Promise.all(this.#closings.values());
  }

  #end(callId: CallId, call: Parameters<Recording['end']>[0]): void {
    const live = this.#live.get(callId);
    if (live === undefined) return;
    this.#live.delete(callId);
    live.alarm?.cancel();
    this.#closings.set(
      callId,
      live.recording.end(call).finally(() => this.#closings.delete(callId)),
    );
  }
}
