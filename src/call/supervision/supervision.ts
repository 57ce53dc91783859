import { assertNever } from '../../core/assert-never.js';
import type { SuperviseMode } from '../../core/calls.js';
import type { Alarm, Clock } from '../../core/clock.js';
import type { BridgeId, ChannelId } from '../../core/ids.js';
import { newBridgeId, newChannelId } from '../../core/ids.js';
import type { Logger } from '../../core/logger.js';
import type { ConsultPbx, DialLeg, Pbx } from '../../pbx/port.js';
import type { ChannelEvent, LegRoutes } from '../leg-routes.js';
import type { Whisper } from './whisper.js';

/** Whoever asked for it sits in front of the phone. */
const RING_TIME_MS = 30_000;

/** Keys by which a supervisor changes what they do. */
const KEYS: Readonly<Record<string, SuperviseMode>> = { '4': 'listen', '5': 'whisper', '6': 'join', '9': 'takeover' };

/** The call as its supervisor needs it. */
export interface SupervisedCall {
  /** Where the caller and the agent are; null while there is no audio. */
  mediaBridgeId(): BridgeId | null;
  /** Ears for what the supervisor says to the agent; null: they can be given in writing only. */
  whisper(personChannelId: ChannelId): Whisper | null;
  /** The caller to the supervisor, the agent out; the call is over for us then. Rejects when that fails: the agent goes on. */
  takeOver(personChannelId: ChannelId, gone: () => boolean): Promise<void>;
  /** Told once. */
  ended(supervision: Supervision): void;
}

export type SupervisionOptions = {
  readonly pbx: Pbx;
  readonly consult: ConsultPbx;
  readonly routes: LegRoutes;
  readonly endpoint: string;
  readonly mode: SuperviseMode;
  /** Somebody who has been rung already, and is there; absent: a phone is to be rung. */
  readonly present?: ChannelId;
  readonly dial: Omit<DialLeg, 'channelId' | 'extension' | 'ringTimeMs' | 'callerChannelId'> & {
    readonly callerChannelId: ChannelId;
  };
  readonly call: SupervisedCall;
  readonly clock: Clock;
  readonly log: Logger;
};

type Listening = { readonly snoopChannelId: ChannelId; readonly bridgeId: BridgeId };

/** A supervisor at one call: their phone, and where it is put. They may change what they do by key, or by asking again. */
export class Supervision {
  readonly channelId: ChannelId;
  readonly #options: SupervisionOptions;
  readonly #log: Logger;
  readonly #removeRoute: () => void;
  #state: 'ringing' | 'there' | 'taking over' | 'over' = 'ringing';
  #mode: SuperviseMode;
  #listening: Listening | null = null;
  #whisper: Whisper | null = null;
  #alarm: Alarm | null = null;
  #gone = false;
  /** What is done to the leg, in order. */
  #work: Promise<void> = Promise.resolve();

  constructor(options: SupervisionOptions) {
    const { pbx, routes, endpoint, log } = options;
    this.#options = options;
    this.channelId = options.present ?? newChannelId();
    this.#mode = options.mode;
    this.#log = log.child({ supervisor: endpoint });
    this.#removeRoute = routes.addChannel(pbx, this.channelId, (event) => this.#onPbx(event));
  }

  get endpoint(): string {
    return this.#options.endpoint;
  }

  /** What of the PBX belongs to it: for the leak check. */
  get belongings(): { readonly channels: readonly ChannelId[]; readonly bridges: readonly BridgeId[] } {
    const listening = this.#listening;
    const whisper = this.#whisper?.belongings ?? { channels: [], bridges: [] };
    return {
      channels: [this.channelId, ...(listening === null ? [] : [listening.snoopChannelId]), ...whisper.channels],
      bridges: [...(listening === null ? [] : [listening.bridgeId]), ...whisper.bridges],
    };
  }

  /** Resolves when the phone rings; rejects when it cannot be rung. */
  async begin(): Promise<void> {
    const { consult, dial, endpoint, clock } = this.#options;
    this.#alarm = clock.setAlarm(RING_TIME_MS, () => this.stop());
    const dialling = consult.dial({
      ...dial,
      channelId: this.channelId,
      extension: endpoint,
      ringTimeMs: RING_TIME_MS,
    });
    this.#work = dialling.then(nothing, nothing);
    try {
      await dialling;
    } catch (error) {
      this.#gone = true;
      this.stop();
      throw error;
    }
    this.#log.info({ mode: this.#mode }, 'ringing a supervisor');
  }

  /** For one who is there: resolves when they are in the conversation, rejects when that failed; their leg is whoever brought it's again then. */
  async arrive(): Promise<void> {
    this.#state = 'there';
    try {
      await this.#place(this.#mode);
    } catch (error) {
      this.#state = 'over';
      this.#removeRoute();
      this.#options.call.ended(this);
      throw error;
    }
    this.#log.info({ mode: this.#mode }, 'a person is with the call');
  }

  /** While it rings, the last wish counts. */
  change(mode: SuperviseMode): void {
    this.#mode = mode;
    if (this.#state === 'there') this.#enter();
  }

  /** Hears and is heard by the caller. */
  get joined(): boolean {
    return this.#state === 'there' && this.#mode === 'join';
  }

  /** Resolves when what was asked for is done, or has failed. */
  settled(): Promise<void> {
    return this.#work;
  }

  /** The call has another bridge: whoever was in the last one follows. */
  follow(): void {
    if (this.joined) this.#enter();
  }

  /** The supervisor is let go, and what was made for them is taken away. Idempotent. */
  stop(): void {
    // Who takes over is told by what they take over.
    if (this.#state === 'over' || this.#state === 'taking over') return;
    this.#state = 'over';
    this.#alarm?.cancel();
    this.#then('letting the supervisor go', async () => {
      this.#removeRoute();
      if (!this.#gone) await this.#options.pbx.hangUp(this.channelId);
      await this.#stopWhispering();
      await this.#stopListening();
    });
    this.#options.call.ended(this);
  }

  #onPbx(event: ChannelEvent): void {
    switch (event.kind) {
      case 'legAnswered':
        if (this.#state !== 'ringing') break;
        this.#alarm?.cancel();
        this.#state = 'there';
        this.#enter();
        break;
      case 'channelGone':
        this.#gone = true;
        this.stop();
        break;
      case 'digitPressed': {
        const mode = KEYS[event.digit];
        if (mode !== undefined) this.change(mode);
        break;
      }
      case 'holdChanged':
        // Nobody waits for a supervisor.
        break;
      default:
        assertNever(event);
    }
  }

  #enter(): void {
    const mode = this.#mode;
    this.#then(`mode ${mode}`, async () => {
      if (this.#state !== 'there') return;
      await this.#place(mode);
      this.#log.info({ mode }, 'supervisor is with the call');
    });
  }

  async #place(mode: SuperviseMode): Promise<void> {
    const { consult, call } = this.#options;
    switch (mode) {
      case 'listen':
        await this.#stopWhispering();
        await this.#listen();
        return;
      case 'whisper':
        await this.#listen();
        await this.#startWhispering();
        return;
      case 'join': {
        const bridgeId = call.mediaBridgeId();
        if (bridgeId === null) return;
        await this.#stopWhispering();
        await consult.join(this.channelId, bridgeId);
        await this.#stopListening();
        return;
      }
      case 'takeover':
        this.#state = 'taking over';
        await call.takeOver(this.channelId, () => this.#gone);
        // The leg is the PBX's, or the pairs', from now on.
        this.#removeRoute();
        this.#state = 'over';
        await this.#stopWhispering();
        await this.#stopListening();
        call.ended(this);
        return;
      default:
        assertNever(mode);
    }
  }

  async #listen(): Promise<void> {
    if (this.#listening !== null) return;
    const { consult, dial } = this.#options;
    this.#listening = { snoopChannelId: newChannelId(), bridgeId: newBridgeId() };
    const { callerChannelId } = dial;
    await consult.listen({ ...this.#listening, callerChannelId, personChannelId: this.channelId });
  }

  async #startWhispering(): Promise<void> {
    this.#whisper ??= this.#options.call.whisper(this.channelId);
    await this.#whisper?.open();
  }

  async #stopWhispering(): Promise<void> {
    const whisper = this.#whisper;
    this.#whisper = null;
    await whisper?.close();
  }

  async #stopListening(): Promise<void> {
    const listening = this.#listening;
    this.#listening = null;
    if (listening === null) return;
    const { snoopChannelId, bridgeId } = listening;
    await this.#options.pbx.closeMedia({ mediaChannelId: snoopChannelId, bridgeId });
  }

  #then(what: string, work: () => Promise<void>): void {
    this.#work = this.#work.then(async () => {
      try {
        await work();
      } catch (error) {
        this.#log.warn({ err: error, what }, 'supervision failed');
        if (this.#state === 'taking over') this.#state = 'there';
        this.stop();
      }
    });
  }
}

function nothing(): void {
  // Who began it hears of it.
}
