// A process whose control freezes as soon as its media thread runs.
import { mediaLinks } from '../../src/compose-media.js';
import { systemClock } from '../../src/core/clock.js';
import { silentLogger } from '../../src/core/logger.js';
import { MediaPool } from '../../src/engine/pool.js';

const config = {
  audiosocket: { host: '127.0.0.1', port: 0, allow: ['127.0.0.0/8'], direct: null },
  agents: {},
  maxSessionsPerThread: 1,
};
const entry = new URL('./media-thread.mjs', import.meta.url);
const pool = new MediaPool({
  threads: 1,
  openLink: mediaLinks(config, { threads: 1, entry }),
  maxSessionsPerThread: 1,
  clock: systemClock,
  log: silentLogger,
});
await pool.start();
setTimeout(() => {
  for (;;) Math.random();
}, 1000);
