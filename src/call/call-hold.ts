import { LinecardError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import type { CallJournal, LastingHold } from '../journal/port.js';
import type { Line } from './call-services.js';
import type { CallLedger } from './ledger.js';
import type { MediaLink } from './media-link.js';

/** Who keeps the agent from talking. */
export type Holder = LastingHold | 'ringing' | 'agent' | 'transfer' | 'supervisor' | 'restart';

export type CallHoldOptions = {
  readonly callId: Parameters<MediaLink['send']>[0]['callId'];
  /** Null: no PBX plays the music. */
  readonly line: Line | null;
  /** own: our media side plays music to this caller (a browser). */
  readonly music: 'pbx' | 'own';
  readonly journal: Pick<CallJournal, 'holdChanged'>;
  readonly ledger: CallLedger;
  readonly media: MediaLink;
  readonly log: Logger;
};

/** Who asked for hold in one call; the agent is on when nobody does. */
export class CallHold {
  readonly #options: CallHoldOptions;
  readonly #holders = new Set<Holder>();

  constructor(options: CallHoldOptions) {
    this.#options = options;
  }

  get held(): boolean {
    return this.#holders.size > 0;
  }

  /** The PBX plays music to the caller at our wish. */
  get hearsMusic(): boolean {
    return this.has('operator') || this.has('transfer') || this.has('agent') || this.has('restart');
  }

  has(by: Holder): boolean {
    return this.#holders.has(by);
  }

  /** Takes the agent away, or gives the caller back to it; the music is the business of whoever asks. */
  change(by: Holder, held: 'held' | 'resumed'): void {
    const { callId, ledger, media } = this.#options;
    const wasHeld = this.held;
    if (held === 'held') this.#holders.add(by);
    else this.#holders.delete(by);
    if (isLasting(by)) this.#remember([...this.#holders]);
    if (wasHeld === this.held) return;
    media.send({ kind: 'hold', callId, held });
    if (ledger.answered) this.show();
  }

  /** Says in the ledger how it is. */
  show(): void {
    const { ledger } = this.#options;
    if (this.has('transfer') || this.has('supervisor')) ledger.changeState('transferring');
    else ledger.changeState(this.held ? 'held' : 'talking');
  }

  /** As it was before a restart, and with music until `restored`. Nobody is told: there is no agent yet. */
  restore(holders: readonly Holder[]): void {
    for (const holder of [...holders, 'restart' as const]) this.#holders.add(holder);
  }

  /** The agent is there. */
  restored(): void {
    this.#holders.delete('restart');
  }

  /** With music, for an operator or at the agent's own wish. Rejects with what the PBX answered, CALL_STATE or PBX_UNSUPPORTED. */
  async hold(by: 'operator' | 'agent', held: 'held' | 'resumed'): Promise<void> {
    const { line, ledger, music } = this.#options;
    if (held === 'resumed' && !this.has(by)) {
      if (by === 'agent') return;
      throw new LinecardError('CALL_STATE', 'the call is not on hold');
    }
    if (held === 'held' && ledger.state !== 'talking') {
      throw new LinecardError('CALL_STATE', `cannot hold: the call is ${ledger.state}, not talking`);
    }
    if (line === null && music !== 'own') throw unsupported();
    // The agent falls silent before the music starts, and speaks after it has ended.
    if (held === 'held') this.change(by, 'held');
    else this.#remember([...this.#holders].filter((holder) => holder !== by));
    try {
      await line?.pbx.hold(line.offer.channelId, held);
    } catch (error) {
      if (held === 'held') this.change(by, 'resumed');
      else this.#remember([...this.#holders]);
      throw error;
    }
    if (held === 'resumed') this.change(by, 'resumed');
  }

  /** The agent that put the caller on hold is gone with its leg: another one must find a caller who hears it. Never rejects. */
  async forgetAgent(): Promise<void> {
    const { line, log } = this.#options;
    if (!this.#holders.delete('agent')) return;
    try {
      await line?.pbx.hold(line.offer.channelId, 'resumed');
    } catch (error) {
      log.warn({ err: error }, 'music could not be ended');
    }
  }

  /** Before it is so: a process that dies over it leaves what was wanted. */
  #remember(holders: readonly Holder[]): void {
    const { callId, journal } = this.#options;
    journal.holdChanged(callId, holders.filter(isLasting));
  }
}

function isLasting(holder: Holder): holder is LastingHold {
  return holder === 'phone' || holder === 'operator';
}

function unsupported(): LinecardError {
  return new LinecardError(
    'PBX_UNSUPPORTED',
    "cannot put on hold: the call came by the dialplan's AudioSocket, which carries audio only; connect the PBX by ARI",
  );
}
