import type {
  CallLimit,
  CallQuality,
  CallRecord,
  CallState,
  Caller,
  Note,
  Outcome,
  ToolUse,
  TransferMode,
  Turn,
} from './calls.js';
import type { CallId } from './ids.js';

/** What happens to a call, in the past tense, for everybody who watches: history, metrics, API streams. */
export type CallEvent =
  | { readonly kind: 'callStarted'; readonly callId: CallId; readonly atMs: number; readonly call: CallRecord }
  /** An earlier process of ours left the call in the middle; it goes on. The first event of it in this process. */
  | {
      readonly kind: 'callResumed';
      readonly callId: CallId;
      readonly atMs: number;
      readonly call: CallRecord;
      /** How often it was resumed by now. */
      readonly resumptions: number;
    }
  | { readonly kind: 'stateChanged'; readonly callId: CallId; readonly atMs: number; readonly state: CallState }
  | {
      readonly kind: 'legConnected';
      readonly callId: CallId;
      readonly atMs: number;
      readonly codec: string;
      readonly sampleRateHz: number;
    }
  | { readonly kind: 'callAnswered'; readonly callId: CallId; readonly atMs: number }
  | { readonly kind: 'firstAudioPlayed'; readonly callId: CallId; readonly atMs: number }
  | { readonly kind: 'turnHeard'; readonly callId: CallId; readonly atMs: number; readonly turn: Turn }
  /**
   * What is being said in a call by browser or WebSocket, for its page: the next caption of the same party, or its turn, takes its place. Empty: nothing,
   * after all. Nowhere kept.
   */
  | {
      readonly kind: 'captionChanged';
      readonly callId: CallId;
      readonly atMs: number;
      readonly who: 'caller' | 'agent';
      readonly text: string;
    }
  /** A second after the leg came, then every five seconds. Only the last one is kept, with the call. */
  | { readonly kind: 'qualityMeasured'; readonly callId: CallId; readonly atMs: number; readonly quality: CallQuality }
  | { readonly kind: 'digitPressed'; readonly callId: CallId; readonly atMs: number; readonly digit: string }
  | {
      readonly kind: 'agentInterrupted';
      readonly callId: CallId;
      readonly atMs: number;
      readonly heardMs: number;
      /** From the onset of the caller's speech (or the key) to the last agent frame on the wire. */
      readonly reactionMs: number;
    }
  | {
      readonly kind: 'responseStarted';
      readonly callId: CallId;
      readonly atMs: number;
      /** From the end of the caller's speech to the first agent frame on the wire. */ readonly latencyMs: number;
    }
  | ({ readonly kind: 'toolCalled'; readonly callId: CallId; readonly atMs: number } & ToolUse)
  /** Another agent has taken the call over. */
  | { readonly kind: 'agentChanged'; readonly callId: CallId; readonly atMs: number; readonly agent: string }
  /** The agent may spend no more on this call: a word, then a person. */
  | { readonly kind: 'limitReached'; readonly callId: CallId; readonly atMs: number; readonly limit: CallLimit }
  | { readonly kind: 'noteTaken'; readonly callId: CallId; readonly atMs: number; readonly text: Note['text'] }
  | {
      readonly kind: 'transferStarted';
      readonly callId: CallId;
      readonly atMs: number;
      readonly to: string;
      readonly mode: TransferMode;
    }
  /**
   * Nothing of what the caller said had reached us for a while. pbx: it got the sound and did not hand it on; unknown: nobody can tell, a phone that is muted
   * may be all. mended: the PBX was brought to hand it on again.
   */
  | {
      readonly kind: 'callerUnheard';
      readonly callId: CallId;
      readonly atMs: number;
      readonly missingMs: number;
      readonly cause: 'pbx' | 'unknown';
      readonly mended: 'yes' | 'no';
    }
  /** The caller gave the call to somebody else, by their phone's transfer key. */
  | { readonly kind: 'callerReplaced'; readonly callId: CallId; readonly atMs: number; readonly caller: Caller }
  | { readonly kind: 'messageTaken'; readonly callId: CallId; readonly atMs: number; readonly messageId: string }
  | {
      readonly kind: 'callEnded';
      readonly callId: CallId;
      readonly atMs: number;
      readonly outcome: Outcome;
      readonly call: CallRecord;
    };

/** Listeners are called synchronously, in order; one that throws is reported and does not stop the others. */
export class EventBus<Event> {
  readonly #listeners = new Set<(event: Event) => void>();
  readonly #onError: (error: unknown) => void;

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  get listenerCount(): number {
    return this.#listeners.size;
  }

  /** Returns how to unsubscribe. */
  subscribe(listener: (event: Event) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  publish(event: Event): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        this.#onError(error);
      }
    }
  }
}
