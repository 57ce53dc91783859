import type { ChannelId } from '../../core/ids.js';
import type { ReceivedSound, UplinkPbx } from '../port.js';
import { field } from './ari-events.js';
import { AriRefusal, type AriClient } from './ari-library.js';
import { refused } from './refusals.js';

export type AsteriskUplinkOptions = {
  readonly run: <T>(operation: (client: AriClient) => Promise<T>) => Promise<T>;
  /** As `run`; a channel that is not there any more is CHANNEL_GONE. */
  readonly onChannel: (
    channelId: ChannelId,
    what: string,
    operation: (client: AriClient) => Promise<unknown>,
  ) => Promise<void>;
};

/** "Unsupported channel type", "RTP info not found": a Local channel, an analogue line, a channel without media yet. */
const NO_RTP: readonly number[] = [403, 404];

/**
 * Gives an Asterisk back its ears. Debian's and Ubuntu's Asterisk carry a patch in `main/translate.c` (`2016_opus_plc.patch`) that takes the frames of an RTP
 * source whose sequence begins behind the last one's for late ones, and drops them until the sequence has caught up: up to eleven minutes in which a
 * channel that is transcoded, as each one to AudioSocket is, hands on nothing. A channel that leaves its bridge and comes in again gets a new translation, which
 * knows of no sequence yet.
 */
export class AsteriskUplink implements UplinkPbx {
  readonly #options: AsteriskUplinkOptions;

  constructor(options: AsteriskUplinkOptions) {
    this.#options = options;
  }

  async received(channelId: ChannelId): Promise<ReceivedSound | null> {
    let answer: unknown;
    try {
      answer = await this.#options.run(async (client) => client.channels.rtpstatistics?.({ channelId }));
    } catch (error) {
      if (error instanceof AriRefusal && NO_RTP.includes(error.status)) return null;
      throw refused(error, 'asking what a channel received');
    }
    const packets = field(answer, 'rxcount');
    const bytes = field(answer, 'rxoctetcount');
    if (typeof packets !== 'number') return null;
    return { packets, bytes: typeof bytes === 'number' ? bytes : null };
  }

  /**
   * `addChannel` takes a channel out of the bridge it is in, be it this one, and puts it in (`control_swap_channel_in_bridge`). Both of them: an Opus caller's
   * sound is translated on either side of the bridge, and each translation knows the sequence.
   */
  refresh({ callerChannelId, mediaChannelId, bridgeId }: Parameters<UplinkPbx['refresh']>[0]): Promise<void> {
    const channel = `${mediaChannelId},${callerChannelId}`;
    return this.#options.onChannel(callerChannelId, 'bringing a caller into their bridge anew', (client) =>
      client.bridges.addChannel({ bridgeId, channel }),
    );
  }
}
