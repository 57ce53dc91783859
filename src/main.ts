import { startLinecard } from './compose.js';
import { configNotices, EXIT_CONFIG_INVALID, loadConfig } from './config/index.js';
import { systemClock } from './core/clock.js';
import { toLinecardError } from './core/errors.js';
import { createLog, logOptions } from './observe/log.js';

const READY_POLL_MS = 50;
const EXIT_FAILED = 1;

/**
 * The serving process, started and watched by `linecard start`, systemd or Docker. It tells its parent when calls can come, ends in order on
 * SIGTERM and SIGINT, and ends with its parent, so that nobody serves calls that no one watches.
 */
async function main(): Promise<void> {
  const config = loadConfig();
  const processLog = createLog(logOptions(process.env, process.stdout.isTTY));
  const { log } = processLog;
  for (const notice of configNotices(config)) log.warn({ notice }, 'configuration');
  const linecard = await startLinecard({ config, clock: systemClock, log: processLog });
  log.info({ url: linecard.http.url, dataDir: config.dataDir }, 'Linecard started');

  let ending: Promise<void> | null = null;
  const end = (reason: string): void => {
    ending ??= (async () => {
      log.info({ reason }, 'Linecard is shutting down');
      await linecard.stop(config.shutdown.drainSeconds * 1000);
      process.exit(0);
    })().catch((error: unknown) => {
      log.error({ err: error }, 'shutting down failed');
      process.exit(EXIT_FAILED);
    });
  };
  process.once('SIGTERM', () => end('SIGTERM'));
  process.once('SIGINT', () => end('SIGINT'));
  process.once('disconnect', () => end('the supervisor is gone'));

  // One mistake of ours must not take the other callers with it; it is said once and loudly.
  process.on('uncaughtException', (error) => log.error({ err: error }, 'uncaught exception, going on'));
  process.on('unhandledRejection', (error) => log.error({ err: error }, 'unhandled rejection, going on'));

  const tellWhenReady = (): void => {
    if (linecard.unready().length > 0) systemClock.setAlarm(READY_POLL_MS, tellWhenReady);
    else process.send?.({ kind: 'ready', beats: 'answered' });
  };
  // A sign of life for the supervisor, from the event loop that everything else needs, too.
  process.on('message', (beat) => process.send?.(beat));
  if (process.send !== undefined) tellWhenReady();
}

main().catch((thrown: unknown) => {
  const error = toLinecardError(thrown);
  process.stderr.write(`linecard: ${error.message}\n`);
  if (error.code === 'INVARIANT' && error.stack !== undefined) process.stderr.write(`${error.stack}\n`);
  process.exit(error.fault === 'config' ? EXIT_CONFIG_INVALID : EXIT_FAILED);
});
