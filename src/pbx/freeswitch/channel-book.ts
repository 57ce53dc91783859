import { LinecardError } from '../../core/errors.js';
import type { ChannelId } from '../../core/ids.js';
import type { ChannelFacts } from './channel-facts.js';
import { afterDeafness, applyEvent } from './channel-facts.js';
import type { EslEvent } from './esl-connection.js';
import { readDump } from './snapshot.js';

/** What is known of every live channel that events told of, the PBX's other calls too: a few hundred bytes each. And how one is asked or told something. */
export class ChannelBook {
  readonly #facts = new Map<ChannelId, ChannelFacts>();
  readonly #api: (line: string) => Promise<string>;

  /** @param api a command of FreeSWITCH's and its answer; rejects with PBX_REFUSED or with why it cannot be asked */
  constructor(api: (line: string) => Promise<string>) {
    this.#api = api;
  }

  get size(): number {
    return this.#facts.size;
  }

  get ids(): Iterable<ChannelId> {
    return this.#facts.keys();
  }

  get(channelId: ChannelId): ChannelFacts | undefined {
    return this.#facts.get(channelId);
  }

  has(channelId: ChannelId): boolean {
    return this.#facts.has(channelId);
  }

  set(facts: ChannelFacts): void {
    this.#facts.set(facts.channelId, facts);
  }

  delete(channelId: ChannelId): void {
    this.#facts.delete(channelId);
  }

  /** What the event makes of what is known; undefined when the channel is over with it. */
  apply(channelId: ChannelId, event: EslEvent): ChannelFacts | undefined {
    const facts = applyEvent(this.#facts.get(channelId), event);
    if (facts !== undefined) this.set(facts);
    return facts;
  }

  /** Nobody told us of events: what they change is not known any more. */
  deafened(): void {
    for (const [id, facts] of this.#facts) this.#facts.set(id, afterDeafness(facts));
  }

  /** Asks FreeSWITCH for what no event told; undefined when the channel is not there. */
  async ask(channelId: ChannelId): Promise<ChannelFacts | undefined> {
    let dump: string;
    try {
      dump = await this.run(channelId, `uuid_dump ${channelId} json`);
    } catch (error) {
      if (error instanceof LinecardError && error.code === 'CHANNEL_GONE') return undefined;
      throw error;
    }
    const event = readDump(dump);
    // What events told meanwhile, of a park above all, is kept.
    return event === null ? undefined : this.apply(channelId, event);
  }

  /** A command about a channel: a refusal because it is not there any more is CHANNEL_GONE. */
  async run(channelId: ChannelId, line: string): Promise<string> {
    try {
      return await this.#api(line);
    } catch (error) {
      const isRefusal = error instanceof LinecardError && error.code === 'PBX_REFUSED';
      if (isRefusal && !(await this.exists(channelId))) throw gone(channelId, error);
      throw error;
    }
  }

  async exists(channelId: ChannelId): Promise<boolean> {
    return (await this.#api(`uuid_exists ${channelId}`)) === 'true';
  }
}

export function gone(channelId: ChannelId, cause?: unknown): LinecardError {
  return new LinecardError('CHANNEL_GONE', `channel ${channelId} has hung up`, { cause });
}
