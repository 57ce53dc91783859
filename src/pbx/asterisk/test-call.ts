import { randomUUID } from 'node:crypto';
import type { Clock } from '../../core/clock.js';
import { wait } from '../../core/clock.js';
import { LinecardError, toLinecardError } from '../../core/errors.js';
import type { ChannelId } from '../../core/ids.js';
import type { Logger } from '../../core/logger.js';
import type { WatchedCall, Whereabouts } from '../whereabouts.js';
import type { AriConnection } from './ari-connection.js';
import { connectAri } from './ari-connection.js';
import { readChannels } from './ari-events.js';
import { AriRefusal } from './ari-library.js';

/** Where phones dial, on the PBXs that we know. */
const USUAL_CONTEXTS = ['from-internal', 'linecard-demo', 'internal', 'phones', 'default', 'linecard'] as const;
const RING_SECONDS = 20;
const SETTLED_MS = 300;

export type TestCallOptions = {
  readonly ari: { readonly url: string; readonly username: string; readonly password: string };
  /** Whose Stasis is the agent's. */
  readonly app: string;
  readonly extension: string;
  /** Where it is dialled; null: wherever the PBX knows it. */
  readonly context: string | null;
  readonly clock: Clock;
  readonly log: Logger;
};

/** A call of nobody to an extension: a Local channel, whose one half waits in an application of its own and whose other half goes the way of every caller. */
export class TestCall implements WatchedCall {
  readonly context: string;
  readonly #connection: AriConnection;
  readonly #channelId: ChannelId;
  readonly #prefix: string;
  readonly #app: string;
  readonly #clock: Clock;

  private constructor(connection: AriConnection, options: TestCallOptions, context: string) {
    this.#connection = connection;
    this.#app = options.app;
    this.#clock = options.clock;
    this.context = context;
    this.#prefix = `Local/${options.extension}@${context}`;
    // Not of the form of Linecard's own: those it takes away when it knows no call of theirs.
    this.#channelId = `unplug-${randomUUID()}` as ChannelId;
  }

  /** Resolves when the PBX has begun to call. Rejects with a LinecardError that says what to change. */
  static async place(options: TestCallOptions): Promise<TestCall> {
    const { ari, extension, context, clock, log } = options;
    const app = `linecard-unplug-${randomUUID()}`;
    const listener = { onEvent: () => undefined, onLost: () => undefined };
    const connection = await connectAri({ ...ari, app, clock, log }, new AbortController().signal, listener);
    connection.begin();
    const contexts = context === null ? USUAL_CONTEXTS : [context];
    try {
      for (const candidate of contexts) {
        const call = new TestCall(connection, options, candidate);
        if (await call.#begin(extension, app)) return call;
      }
    } catch (error) {
      await connection.close();
      throw toLinecardError(error, 'PBX_REFUSED');
    }
    await connection.close();
    const where = `the PBX has no extension ${extension} in ${contexts.join(', ')}`;
    throw new LinecardError('PBX_REFUSED', `${where}: say by --context where your phones dial it`);
  }

  /** Returns false where the PBX knows no such extension. */
  async #begin(extension: string, app: string): Promise<boolean> {
    try {
      await this.#connection.run((client) =>
        client.channels.originateWithId({
          channelId: this.#channelId,
          // n: it stays two halves, whatever it is bridged with.
          endpoint: `Local/${extension}@${this.context}/n`,
          app,
          callerId: 'Linecard test <0000>',
          timeout: RING_SECONDS,
        }),
      );
      // An extension that is not there ends at once, after the PBX has said yes.
      await wait(this.#clock, SETTLED_MS);
      return (await this.whereabouts()).kind !== 'gone';
    } catch (error) {
      if (error instanceof AriRefusal) return false;
      throw error;
    }
  }

  async whereabouts(): Promise<Whereabouts> {
    const channels = readChannels(await this.#connection.run((client) => client.channels.list()));
    const far = channels.find(({ name }) => name.startsWith(this.#prefix) && name.endsWith(';2'));
    if (far === undefined) return { kind: 'gone' };
    if (far.appName === 'Stasis' && far.appData.split(',')[0] === this.#app) return { kind: 'with Linecard' };
    return { kind: 'in the dialplan', extension: far.extension };
  }

  /** Hangs up, and leaves nothing. */
  async end(): Promise<void> {
    try {
      await this.#connection.run((client) => client.channels.hangup({ channelId: this.#channelId, reason: 'normal' }));
    } catch {
      // It has ended by itself, which `whereabouts` has told.
    } finally {
      await this.#connection.close();
    }
  }
}
