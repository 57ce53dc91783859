import { LinecardError } from '../../core/errors.js';
import type { ChannelId } from '../../core/ids.js';
import type { Logger } from '../../core/logger.js';
import { APP_VARIABLE, NO_APP } from './channel-facts.js';
import { canLeadSomewhere } from './dialplan-lookup.js';
import type { RunOnChannel } from './parking.js';
import { word } from './parking.js';

/** Codecs for the far end of a transfer: without them a caller on G.722 is refused by a phone that has PCMU only (488). */
const TRANSFER_CODECS = 'OPUS,G722,PCMU,PCMA';

export type HandBackOptions = {
  readonly app: string;
  readonly log: Logger;
  readonly run: RunOnChannel;
  readonly api: (line: string) => Promise<string>;
  /** Who is served by us: whoever is handed back leaves it, and comes again when FreeSWITCH refuses. */
  readonly callers: Set<ChannelId>;
  readonly isThere: (channelId: ChannelId) => boolean;
};

/** Gives callers back to the dialplan, where FreeSWITCH carries them without us. */
export class HandBack {
  readonly #options: HandBackOptions;
  /** Callers of ours whose channel says otherwise: a transfer was refused, and so was taking it back. */
  readonly #unmarked = new Set<ChannelId>();

  constructor(options: HandBackOptions) {
    this.#options = options;
  }

  async handBack(channelId: ChannelId, to: { readonly context: string; readonly extension: string }): Promise<void> {
    const { context, extension } = to;
    await this.needExtension(context, extension);
    const exported = await this.#options.run(channelId, `uuid_getvar ${channelId} export_vars`);
    const codecs = 'nolocal:absolute_codec_string';
    const exports = exported === '_undef_' || exported === '' ? codecs : `${exported},${codecs}`;
    const wasCaller = this.#options.callers.delete(channelId);
    try {
      // A later park of theirs is none of ours.
      await this.#options.run(
        channelId,
        `uuid_setvar_multi ${channelId} ${APP_VARIABLE}=${NO_APP};${codecs}=${TRANSFER_CODECS};export_vars=${exports}`,
      );
      await this.#options.run(channelId, `uuid_transfer ${channelId} ${word(extension)} XML ${word(context)}`);
    } catch (error) {
      if (wasCaller && this.#options.isThere(channelId)) await this.#takeBack(channelId);
      throw error;
    }
  }

  /** A caller sent to an extension that does not exist is hung up by the PBX: refuse while they are still with us. */
  async needExtension(context: string, extension: string): Promise<void> {
    const xml = await this.#options.api(`xml_locate dialplan context name ${word(context)}`);
    if (canLeadSomewhere(xml, word(extension)) === 'yes') return;
    throw new LinecardError(
      'PBX_REFUSED',
      `the PBX has no extension ${extension} in context ${context}: correct the fallback or destination, or the context that the call comes from`,
    );
  }

  /** Says at the channels that could not be told that they are ours. Never rejects. */
  async markAgain(): Promise<void> {
    await Promise.all([...this.#unmarked].map((channelId) => this.#mark(channelId)));
  }

  forget(channelId: ChannelId): void {
    this.#unmarked.delete(channelId);
  }

  /** A transfer that was refused: the caller is ours as before. */
  #takeBack(channelId: ChannelId): Promise<void> {
    this.#options.callers.add(channelId);
    this.#unmarked.add(channelId);
    return this.#mark(channelId);
  }

  /** Says at the channel that it is ours. Never rejects: the call goes on, and the next connection tries again. */
  async #mark(channelId: ChannelId): Promise<void> {
    try {
      await this.#options.run(channelId, `uuid_setvar ${channelId} ${APP_VARIABLE} ${this.#options.app}`);
      this.#unmarked.delete(channelId);
    } catch (error) {
      this.#options.log.warn({ err: error, channelId }, 'caller could not be marked as ours again');
    }
  }
}
