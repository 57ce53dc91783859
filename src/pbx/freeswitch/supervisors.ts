import type { Clock } from '../../core/clock.js';
import { LinecardError } from '../../core/errors.js';
import type { ChannelId } from '../../core/ids.js';
import { LEG_VARIABLE } from './channel-facts.js';
import { Expected } from './expected.js';
import type { RunOnChannel } from './parking.js';
import { word } from './parking.js';

export type SupervisorsOptions = {
  readonly app: string;
  readonly clock: Clock;
  readonly run: RunOnChannel;
  /** Runs a command in the background; a BACKGROUND_JOB with this id tells how it ended. */
  readonly runInBackground: (line: string, jobId: string) => Promise<void>;
};

/** Nobody rings: the channel is made, answered and parked within a few steps of 20 ms. */
const EAR_TIME_LIMIT_MS = 2000;

/** People who hear a call (`eavesdrop`), are heard in it, and are heard themselves. */
export class Supervisors {
  readonly #options: SupervisorsOptions;
  /** Those who listen: nothing is read from them. */
  readonly #muted = new Set<ChannelId>();
  readonly #ears: Expected;

  constructor(options: SupervisorsOptions) {
    this.#options = options;
    const { clock } = options;
    this.#ears = new Expected({ clock, limitMs: EAR_TIME_LIMIT_MS, failure: 'did not make an ear' });
  }

  /** For tests of leaks. */
  get size(): number {
    return this.#muted.size;
  }

  /** Muted first: keys 1 to 3 are `eavesdrop`'s own and would let the listener be heard, with us or without. */
  async listen(personChannelId: ChannelId, callerChannelId: ChannelId): Promise<void> {
    this.#muted.add(personChannelId);
    await this.#options.run(personChannelId, `uuid_audio ${personChannelId} start read mute 1`);
    await this.#eavesdrop(personChannelId, callerChannelId, 'unheard');
  }

  async join(personChannelId: ChannelId, callerChannelId: ChannelId): Promise<void> {
    await this.#eavesdrop(personChannelId, callerChannelId, 'heard');
    await this.unmute(personChannelId);
  }

  /** Idempotent. */
  async unmute(personChannelId: ChannelId): Promise<void> {
    if (!this.#muted.has(personChannelId)) return;
    await this.#options.run(personChannelId, `uuid_audio ${personChannelId} stop`);
    this.#muted.delete(personChannelId);
  }

  /**
   * A channel of ours that hears what this person says and nothing else. It listens at the far half of the person's loopback channel, to what is written
   * there: before the near half is muted.
   */
  async overhear(personChannelId: ChannelId, earChannelId: ChannelId, rateHz: number): Promise<void> {
    const { app, run, runInBackground } = this.#options;
    const farHalf = await run(personChannelId, `uuid_getvar ${personChannelId} other_loopback_leg_uuid`);
    if (!/^[\w-]+$/.test(farHalf) || farHalf === '_undef_') {
      throw new LinecardError('PBX_REFUSED', `channel ${personChannelId} has no other half to listen at`);
    }
    const variables = [
      `origination_uuid=${earChannelId}`,
      `${LEG_VARIABLE}=${word(app)}`,
      'loopback_bowout=false',
      'loopback_bowout_on_execute=false',
      `loopback_initial_codec=L16@${rateHz}h`,
    ];
    const hear = `m:^:answer^set:eavesdrop_enable_dtmf=false^set:eavesdrop_bridge_bleg=true^eavesdrop:${farHalf}`;
    await this.#ears.after(earChannelId, () =>
      runInBackground(`originate {${variables.join(',')}}loopback/${hear}/default/inline 'park' inline`, earChannelId),
    );
  }

  parked(channelId: ChannelId): void {
    this.#ears.met(channelId);
  }

  gone(channelId: ChannelId, error: LinecardError): void {
    this.#muted.delete(channelId);
    this.#ears.fail(channelId, error);
  }

  failAll(error: LinecardError): void {
    this.#ears.failAll(error);
  }

  async #eavesdrop(personChannelId: ChannelId, callerChannelId: ChannelId, how: 'heard' | 'unheard'): Promise<void> {
    const isHeard = String(how === 'heard');
    const actions = [
      `set:eavesdrop_whisper_aleg=${isHeard}`,
      `set:eavesdrop_whisper_bleg=${isHeard}`,
      `eavesdrop:${callerChannelId}`,
    ];
    await this.#options.run(
      personChannelId,
      `uuid_transfer ${personChannelId} 'm:^:${actions.join('^')}' inline default`,
    );
  }
}
