import type { Clock } from '../../core/clock.js';
import { LinecardError } from '../../core/errors.js';
import type { Logger } from '../../core/logger.js';
import type { OpenMedia } from '../port.js';
import { AriRefusal, type AriClient } from './ari-library.js';
import type { ChannelBook } from './channel-book.js';

export type MediaBuilderOptions = {
  readonly app: string;
  readonly book: ChannelBook;
  readonly clock: Clock;
  readonly log: Logger;
  readonly run: <T>(operation: (client: AriClient) => Promise<T>) => Promise<T>;
};

type RateHz = 8000 | 16_000;

/** Asterisk connects to us within 2.0 s or gives up; after that the event follows in a millisecond. */
const ARRIVAL_LIMIT_MS = 3000;
/** A refusal that took so long was about the address: another format would take as long again. */
const QUICK_REFUSAL_MS = 500;

/** Builds a caller's audio connection on the PBX: bridge, media channel, both parties in it. Takes nothing away: that is `closeMedia`. */
export class MediaBuilder {
  /** Best first. Set at every connect; shrinks when the PBX refuses the best one and takes the next. */
  ratesHz: readonly RateHz[] = [16_000, 8000];
  readonly #options: MediaBuilderOptions;

  constructor(options: MediaBuilderOptions) {
    this.#options = options;
  }

  /** Resolves when both are in the bridge. When it rejects nothing is under way any more, but something may have been built. */
  async open(request: OpenMedia): Promise<void> {
    const { app, book, run } = this.#options;
    const { bridgeId, mediaChannelId, callerChannelId } = request;
    const [media, bridge] = await Promise.allSettled([
      this.#startMedia(request),
      run((client) => client.bridges.createWithId({ bridgeId, type: 'mixing', name: app })),
    ]);
    if (media.status === 'rejected') throw media.reason;
    if (bridge.status === 'rejected') throw bridge.reason;
    await run((client) => client.bridges.addChannel({ bridgeId, channel: `${mediaChannelId},${callerChannelId}` }));
    if (!book.has(callerChannelId)) throw new LinecardError('CHANNEL_GONE', 'the caller hung up meanwhile');
  }

  /** Resolves when the media channel is in our application: before that a bridge sometimes refuses it (422). */
  async #startMedia(request: OpenMedia): Promise<void> {
    const { clock, log } = this.#options;
    const [best = 8000, next] = this.ratesHz;
    const startedAtMs = clock.nowMs();
    try {
      await this.#startMediaAt(request, best);
    } catch (error) {
      const quick = clock.nowMs() - startedAtMs < QUICK_REFUSAL_MS;
      if (next === undefined || !(error instanceof AriRefusal) || error.status === 404 || !quick) throw error;
      await this.#startMediaAt(request, next);
      this.ratesHz = [next];
      log.warn({ err: error, rateHz: next }, 'the PBX refuses wideband media, narrowband is used from now on');
    }
  }

  async #startMediaAt(request: OpenMedia, rateHz: RateHz): Promise<void> {
    const { app, book, run } = this.#options;
    const { mediaChannelId, legId, address } = request;
    const host = address.host.includes(':') ? `[${address.host}]` : address.host;
    const [arrived, asked] = await Promise.allSettled([
      book.expect(mediaChannelId, ARRIVAL_LIMIT_MS),
      run((client) =>
        client.channels.externalMedia({
          channelId: mediaChannelId,
          app,
          external_host: `${host}:${address.port}`,
          encapsulation: 'audiosocket',
          transport: 'tcp',
          format: rateHz === 16_000 ? 'slin16' : 'slin',
          data: legId,
        }),
      ).catch((error: unknown) => {
        book.giveUp(mediaChannelId);
        throw error;
      }),
    ]);
    if (asked.status === 'rejected') throw asked.reason;
    if (arrived.status === 'rejected') throw arrived.reason;
  }
}
