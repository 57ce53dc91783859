import { randomUUID } from 'node:crypto';
import type { Clock } from '../../core/clock.js';
import type { LinecardError } from '../../core/errors.js';
import type { ChannelId } from '../../core/ids.js';
import type { ChannelFacts } from './channel-facts.js';
import { APP_VARIABLE, EXTENSION_VARIABLE, MUSIC_VARIABLE, NO_APP, PARK_VARIABLE } from './channel-facts.js';
import { Expected } from './expected.js';

/** A park takes 20 to 60 ms; a loaded switch is given more. */
const PARK_TIME_LIMIT_MS = 2000;

/** Runs an `api` command about a channel; CHANNEL_GONE when there is no such channel any more. */
export type RunOnChannel = (channelId: ChannelId, line: string) => Promise<string>;

/** Parks that were asked for and not told of yet. */
export class Parking {
  readonly #run: RunOnChannel;
  readonly #expected: Expected;
  /** What the awaited park is called; null: any park will do. */
  readonly #names = new Map<ChannelId, string | null>();

  constructor(options: { readonly run: RunOnChannel; readonly clock: Clock }) {
    this.#run = options.run;
    this.#expected = new Expected({
      clock: options.clock,
      limitMs: PARK_TIME_LIMIT_MS,
      failure: 'did not park the caller',
    });
  }

  /**
   * Parks a channel anew, which ends whatever it does; resolves when CHANNEL_PARK has come. One at a time for a channel. By a transfer:
   * `uuid_park` on a channel that is parked by itself leaves it in no state at all, deaf and mute (1.11).
   */
  async park(facts: ChannelFacts): Promise<void> {
    // Each park has a name: one that FreeSWITCH began by itself a moment before must not be taken for ours, which ends it.
    const name = randomUUID();
    await this.#await(facts.channelId, name, () => this.#transferToPark(facts, name));
  }

  /** Resolves when a channel is parked that FreeSWITCH brings back by itself. */
  async returned(channelId: ChannelId): Promise<void> {
    await this.#await(channelId, null, () => Promise.resolve());
  }

  isAwaited(channelId: ChannelId): boolean {
    return this.#expected.has(channelId);
  }

  parked({ channelId, parkName }: ChannelFacts): void {
    const awaited = this.#names.get(channelId);
    if (awaited === null || awaited === parkName) this.#expected.met(channelId);
  }

  fail(channelId: ChannelId, error: LinecardError): void {
    this.#expected.fail(channelId, error);
  }

  failAll(error: LinecardError): void {
    this.#expected.failAll(error);
  }

  async #await(channelId: ChannelId, name: string | null, ask: () => Promise<void>): Promise<void> {
    try {
      await this.#expected.after(channelId, () => {
        this.#names.set(channelId, name);
        return ask();
      });
    } finally {
      if (!this.isAwaited(channelId)) this.#names.delete(channelId);
    }
  }

  async #transferToPark(facts: ChannelFacts, name: string): Promise<void> {
    const { channelId, extension, context } = facts;
    // The transfer changes the dialled number, by which a later process of ours would not know whose call this is.
    await this.#run(channelId, `uuid_setvar ${channelId} ${EXTENSION_VARIABLE} ${word(extension)}`);
    await this.#run(channelId, `uuid_transfer ${channelId} '${wayToPark(facts, name)}' inline ${word(context)}`);
  }
}

/**
 * The actions that park a channel, as the `inline` dialplan has them: those of the drop-in file, so that the fallback comes after `socket`
 * here, too; `park` where the dialplan did not come by it. In quotes where it is an argument.
 */
export function wayToPark({ socket, fallback, context }: ChannelFacts, name: string): string {
  const named = `m:^:set:${PARK_VARIABLE}=${name}`;
  if (socket === null || fallback === null || !/^[\w.:[\]-]+ async full$/.test(socket)) return `${named}^park`;
  const goOn = [
    `set:${APP_VARIABLE}=${NO_APP}`,
    `stop_displace_session:\${${MUSIC_VARIABLE}}`,
    `transfer:${word(fallback)} XML ${word(context)}`,
  ];
  return [named, `socket:${socket}`, ...goOn].join('^');
}

/** An argument that is one word: what a caller or a model said cannot add another. */
export function word(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9_+*#.@-]/g, '');
}
