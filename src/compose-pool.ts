import type { MediaConfig, MediaThreadData } from './compose-media.js';
import type { Config } from './config/index.js';
import type { Clock } from './core/clock.js';
import type { Logger } from './core/logger.js';
import { MediaPool } from './engine/pool.js';
import type { ThreadLink } from './engine/thread-link.js';
import { LocalLink, WorkerLink } from './engine/thread-link.js';

const ENTRY = new URL('./media-thread.js', import.meta.url);

export type MediaPoolSetUp = {
  readonly config: Omit<MediaConfig, 'unicast'> & Pick<Config, 'pbx'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** What the workers run; a test has another one. */
  readonly entry?: URL;
  /** Told of each thread that is started. */
  readonly onLink?: (link: ThreadLink) => void;
};

/** The media engine of a configuration: workers, or with `media.threads: 0` the media side on our own thread. */
export async function openMediaPool(setUp: MediaPoolSetUp): Promise<MediaPool> {
  const { config, clock, log, entry = ENTRY, onLink } = setUp;
  const { agents, audiosocket, destinations, extensions, hours, media, pbx, recording, schedules, tools, webrtc } =
    config;
  const threads = Math.max(1, media.threads);
  // A media thread needs no passwords of a PBX.
  const unicast = pbx.flatMap((each) => (each.kind === 'freeswitch' ? [{ pbx: each.name, ...each.unicast }] : []));
  const mediaConfig: MediaConfig = {
    agents,
    audiosocket,
    destinations,
    extensions,
    hours,
    media,
    recording,
    schedules,
    tools,
    unicast,
    webrtc,
  };
  // To load the media side takes as long as all the rest of control, and callers of before wait for that.
  const here = media.threads === 0 ? await import('./compose-media.js') : null;
  return new MediaPool({
    threads,
    openLink: (index) => {
      const data: MediaThreadData = { index, threads, config: mediaConfig };
      const link =
        here === null
          ? new WorkerLink({ entry, workerData: data })
          : new LocalLink((send) => here.composeMedia(data, send, clock));
      onLink?.(link);
      return link;
    },
    maxSessionsPerThread: media.callsPerThread,
    admission: media.admission,
    clock,
    log,
  });
}
