import { writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import type { MediaThreadData } from './compose-media.js';
import { composeMedia } from './compose-media.js';
import { systemClock } from './core/clock.js';
import { BeatWatch } from './core/beat-watch.js';
import { MEDIA_PRIORITY, setThreadPriority } from './core/thread-priority.js';
import type { FromMedia, ToMedia } from './engine/port.js';
import { ThreadLogger } from './engine/thread-log.js';

const BEAT_INTERVAL_MS = 250;
/**
 * Control sends a heartbeat every 250 ms. A control that is frozen for five seconds answers no call and hands none back; the calls that talk go
 * on meanwhile, so it gets longer than a media thread does. Nothing that control does on purpose takes a second.
 */
const SILENT_BEATS = 20;
const STDERR = 2;

const port = parentPort;
if (port === null) throw new Error('media-thread.js is the inside of a worker; start Linecard with `npm start`');

// Before anything starts a thread or a program. Where it is not permitted, calls are served as well as the machine's other work lets them.
setThreadPriority(MEDIA_PRIORITY);
const send = (message: FromMedia): void => port.postMessage(message);
// A promise that a library forgot, and it has been seen to, is not to end the calls of the whole thread.
const log = new ThreadLogger(send);
process.on('unhandledRejection', (error) => log.error({ err: error }, 'unhandled rejection, going on'));
const host = composeMedia(workerData as MediaThreadData, send);
const watch = new BeatWatch({
  clock: systemClock,
  intervalMs: BEAT_INTERVAL_MS,
  limit: SILENT_BEATS,
  beat: () => undefined,
  onSilence: () => {
    // The logger lives on the thread that is frozen, and so does an orderly exit. The supervisor starts us again.
    writeSync(
      STDERR,
      `${JSON.stringify({ level: 60, msg: 'main thread frozen, ending the process', beats: SILENT_BEATS })}\n`,
    );
    process.kill(process.pid, 'SIGKILL');
  },
});

port.on('message', (message: ToMedia) => {
  watch.heard();
  // The first one shows that control watches us, and thus that we may watch it.
  if (message.kind === 'heartbeat' && message.sequence === 1) watch.start();
  if (message.kind === 'shutDown') {
    watch.stop();
    void host.stop().then(() => process.exit(0));
    return;
  }
  host.handle(message);
});
void host.start();
