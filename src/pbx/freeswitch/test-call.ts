import { randomUUID } from 'node:crypto';
import type { Clock } from '../../core/clock.js';
import { wait } from '../../core/clock.js';
import { LinecardError } from '../../core/errors.js';
import type { Logger } from '../../core/logger.js';
import type { WatchedCall, Whereabouts } from '../whereabouts.js';
import { APP_VARIABLE } from './channel-facts.js';
import { canLeadSomewhere } from './dialplan-lookup.js';
import { EslConnection } from './esl-connection.js';
import { word } from './parking.js';
import { readDump } from './snapshot.js';

/** Where phones dial in the vanilla configuration. */
const USUAL_CONTEXTS = ['default', 'public'] as const;
/** Both halves are there within some steps of 20 ms. */
const HALVES_LIMIT_MS = 2000;
/** Should the one who watches it die. */
const CALL_LIMIT_S = 120;

export type FreeSwitchTestCallOptions = {
  readonly esl: { readonly host: string; readonly port: number; readonly password: string };
  /** Whose callers are the agent's. */
  readonly app: string;
  readonly extension: string;
  /** Where it is dialled; null: wherever the PBX knows it. */
  readonly context: string | null;
  readonly clock: Clock;
  readonly log: Logger;
};

/** A loopback channel: one half waits in a park, the other is the caller. */
export class FreeSwitchTestCall implements WatchedCall {
  readonly context: string;
  readonly #options: FreeSwitchTestCallOptions;
  readonly #connection: EslConnection;
  readonly #nearHalf = randomUUID();
  #farHalf = '';

  private constructor(options: FreeSwitchTestCallOptions, connection: EslConnection, context: string) {
    this.#options = options;
    this.#connection = connection;
    this.context = context;
  }

  /** Resolves when the caller is there. Rejects with a LinecardError that says what to change. */
  static async place(options: FreeSwitchTestCallOptions): Promise<FreeSwitchTestCall> {
    const { esl, extension, clock, log } = options;
    const ignore = (): void => undefined;
    const connection = await EslConnection.open({ ...esl, clock, log, onEvent: ignore, onClosed: ignore });
    try {
      const contexts = options.context === null ? USUAL_CONTEXTS : [options.context];
      for (const context of contexts) {
        const xml = await connection.api(`xml_locate dialplan context name ${word(context)}`);
        if (!xml.startsWith('<context') || canLeadSomewhere(xml, word(extension)) === 'no') continue;
        const call = new FreeSwitchTestCall(options, connection, context);
        await call.#begin();
        return call;
      }
      const where = `FreeSWITCH has no extension ${extension} in ${contexts.join(', ')}`;
      throw new LinecardError('PBX_REFUSED', `${where}: say by --context where your phones dial it`);
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  async whereabouts(): Promise<Whereabouts> {
    const { app, extension } = this.#options;
    const caller = await this.#dump();
    if (caller === null) return { kind: 'gone' };
    const number = caller['Caller-Destination-Number'] ?? '';
    // Between our end and the fallback there are actions of the same extension.
    const isOurs = caller[`variable_${APP_VARIABLE}`] === app || number === extension;
    return isOurs ? { kind: 'with Linecard' } : { kind: 'in the dialplan', extension: number };
  }

  async end(): Promise<void> {
    try {
      await this.#connection.api(`uuid_kill ${this.#nearHalf}`);
    } catch {
      // It has ended by itself, which `whereabouts` has told.
    } finally {
      this.#connection.close();
    }
  }

  async #begin(): Promise<void> {
    const { extension, clock } = this.#options;
    const variables = [
      `origination_uuid=${this.#nearHalf}`,
      'loopback_bowout=false',
      'loopback_bowout_on_execute=false',
      "origination_caller_id_name='Linecard test'",
      'origination_caller_id_number=0000',
    ];
    const way = `m:^:set:park_timeout=${CALL_LIMIT_S}^park`;
    const number = `${word(extension)}/${word(this.context)}`;
    await this.#connection.command(`bgapi originate {${variables.join(',')}}loopback/${number} '${way}' inline`);
    const untilMs = clock.nowMs() + HALVES_LIMIT_MS;
    while (this.#farHalf === '') {
      this.#farHalf = await this.#otherHalf();
      if (clock.nowMs() > untilMs) {
        throw new LinecardError('PBX_REFUSED', 'FreeSWITCH made no call: is mod_loopback loaded?');
      }
      await wait(clock, 10);
    }
  }

  /** Empty while there is none. */
  async #otherHalf(): Promise<string> {
    const other = await this.#orNull(`uuid_getvar ${this.#nearHalf} other_loopback_leg_uuid`);
    return other === null || other === '_undef_' ? '' : other;
  }

  async #dump(): Promise<ReturnType<typeof readDump>> {
    const dump = await this.#orNull(`uuid_dump ${this.#farHalf} json`);
    return dump === null ? null : readDump(dump);
  }

  /** Null: there is no such channel, or not yet. */
  async #orNull(line: string): Promise<string | null> {
    try {
      return await this.#connection.api(line);
    } catch (error) {
      if (error instanceof LinecardError && (error.code === 'CHANNEL_GONE' || error.code === 'PBX_REFUSED'))
        return null;
      throw error;
    }
  }
}
