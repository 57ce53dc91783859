import type { Logger } from '../core/logger.js';

/** For work whose failure changes nothing but the log. Never rejects. */
export async function orLog(log: Logger, work: Promise<unknown>, message: string): Promise<void> {
  try {
    await work;
  } catch (error) {
    log.warn({ err: error }, message);
  }
}
