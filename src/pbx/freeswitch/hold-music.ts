import { LinecardError } from '../../core/errors.js';
import type { ChannelId } from '../../core/ids.js';
import type { Logger } from '../../core/logger.js';
import { MUSIC_VARIABLE } from './channel-facts.js';
import type { RunOnChannel } from './parking.js';

/** Where the PBX has no music: a short soft tone every five seconds tells that the line is alive. */
const TONE = 'tone_stream://v=-20;%(200,4800,440);loops=-1';

/**
 * Music by `uuid_displace`, which replaces what is played to the caller and leaves the park and its unicast as they are; `uuid_broadcast` and
 * `uuid_hold` would end both. It stays with the caller wherever they go, so what plays is written on the channel: the fallback's dialplan, or
 * a later process of ours, ends it.
 */
export class HoldMusic {
  readonly #run: RunOnChannel;
  readonly #log: Logger;
  /** What is playing to whom: it is stopped by its name. */
  readonly #playing = new Map<ChannelId, string>();

  constructor(options: { readonly run: RunOnChannel; readonly log: Logger }) {
    this.#run = options.run;
    this.#log = options.log;
  }

  /** Idempotent. */
  async start(channelId: ChannelId): Promise<void> {
    if (this.#playing.has(channelId)) return;
    const music = await this.#musicOf(channelId);
    try {
      await this.#play(channelId, music);
    } catch (error) {
      if (music === TONE || !(error instanceof LinecardError) || error.code !== 'PBX_REFUSED') throw error;
      this.#log.warn({ err: error, music }, 'hold music does not play, a tone does instead');
      await this.#play(channelId, TONE);
    }
  }

  /** Idempotent. */
  async stop(channelId: ChannelId): Promise<void> {
    const music = this.#playing.get(channelId);
    if (music === undefined) return;
    this.#playing.delete(channelId);
    await this.#end(channelId, music);
  }

  /** Ends what an earlier process of ours began. */
  async stopLeftOver(channelId: ChannelId): Promise<void> {
    const music = await this.#run(channelId, `uuid_getvar ${channelId} ${MUSIC_VARIABLE}`);
    if (music !== '_undef_' && music !== '') await this.#end(channelId, music);
  }

  forget(channelId: ChannelId): void {
    this.#playing.delete(channelId);
  }

  async #end(channelId: ChannelId, music: string): Promise<void> {
    await this.#run(channelId, `uuid_displace ${channelId} stop ${music}`);
    await this.#run(channelId, `uuid_setvar ${channelId} ${MUSIC_VARIABLE}`);
  }

  async #play(channelId: ChannelId, music: string): Promise<void> {
    await this.#run(channelId, `uuid_setvar ${channelId} ${MUSIC_VARIABLE} ${music}`);
    await this.#run(channelId, `uuid_displace ${channelId} start ${music} 0`);
    this.#playing.set(channelId, music);
  }

  async #musicOf(channelId: ChannelId): Promise<string> {
    const own = await this.#run(channelId, `uuid_getvar ${channelId} hold_music`);
    const music = own === '_undef_' ? await this.#globalMusic(channelId) : own;
    // A blank would end the argument.
    return music === '' || music === 'silence' || /\s/.test(music) ? TONE : music;
  }

  async #globalMusic(channelId: ChannelId): Promise<string> {
    try {
      return await this.#run(channelId, 'global_getvar hold_music');
    } catch (error) {
      if (error instanceof LinecardError && error.code === 'PBX_REFUSED') return ''; // so it says that there is none
      throw error;
    }
  }
}
