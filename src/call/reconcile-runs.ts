import type { Alarm } from '../core/clock.js';
import type { BridgeId } from '../core/ids.js';
import type { Pbx } from '../pbx/port.js';
import type { ReconcileOptions } from './reconcile.js';
import { reconcile } from './reconcile.js';

/** How often snapshot and registry are compared without a cause: the leak check. */
const INTERVAL_MS = 30_000;
/** And how soon where that, or bringing a caller to the fallback, failed: somebody waits and hears nothing but ringing. */
const AGAIN_MS = 1000;

export type ReconcileRunsOptions = Omit<ReconcileOptions, 'pbx' | 'emptyBefore' | 'onEmpty' | 'offer' | 'absent'> & {
  readonly pbxes: readonly Pbx[];
  readonly offer: (pbx: Pbx, offer: Parameters<ReconcileOptions['offer']>[0]) => void;
};

/** When each PBX is asked what it has: as it connects, every 30 s, and a second after it did not answer. */
export class ReconcileRuns {
  readonly #options: ReconcileRunsOptions;
  readonly #again = new Map<Pbx, Alarm>();
  /** The bridges that were empty when we last looked, of each PBX that has answered since the start. */
  readonly #emptyBridges = new Map<Pbx, ReadonlySet<BridgeId>>();
  /** PBXs that say when they were restarted: who is missing there without it has hung up. */
  readonly #tellsRestarts = new Set<Pbx>();
  #state: 'idle' | 'running' | 'stopped' = 'idle';
  #alarm: Alarm | null = null;

  constructor(options: ReconcileRunsOptions) {
    this.#options = options;
  }

  start(): void {
    this.#state = 'running';
    this.#arm();
  }

  /** Idempotent. */
  stop(): void {
    this.#state = 'stopped';
    this.#alarm?.cancel();
    for (const alarm of this.#again.values()) alarm.cancel();
  }

  /** There is a connection, and events may have been lost before it. Never rejects. */
  async connected(pbx: Pbx, since: 'same' | 'restarted' | 'unknown'): Promise<void> {
    if (since !== 'unknown') this.#tellsRestarts.add(pbx);
    await this.run(pbx);
  }

  /** Never rejects. */
  async run(pbx: Pbx): Promise<void> {
    const { log, offer } = this.#options;
    try {
      await reconcile({
        ...this.#options,
        pbx,
        offer: (each) => offer(pbx, each),
        absent: this.#tellsRestarts.has(pbx) ? 'hung up' : 'lost',
        emptyBefore: this.#emptyBridges.get(pbx) ?? null,
        onEmpty: (bridges) => this.#emptyBridges.set(pbx, bridges),
        log: log.child({ pbx: pbx.name }),
      });
    } catch (error) {
      log.warn({ err: error, pbx: pbx.name }, 'the PBX did not tell what it has, asking again');
      this.soon(pbx);
    }
  }

  /** A PBX that is away by then tells by itself when it is back. */
  soon(pbx: Pbx): void {
    if (this.#state !== 'running') return;
    this.#again.get(pbx)?.cancel();
    const alarm = this.#options.clock.setAlarm(AGAIN_MS, () => {
      this.#again.delete(pbx);
      if (pbx.unready() === null) void this.run(pbx);
    });
    this.#again.set(pbx, alarm);
  }

  #arm(): void {
    this.#alarm = this.#options.clock.setAlarm(INTERVAL_MS, () => {
      for (const pbx of this.#options.pbxes) if (pbx.unready() === null) void this.run(pbx);
      this.#arm();
    });
  }
}
