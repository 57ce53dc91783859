// A process whose control freezes as soon as its media thread runs.
import { openMediaPool } from '../../src/compose-pool.js';
import { configSchema } from '../../src/config/schema.js';
import { systemClock } from '../../src/core/clock.js';
import { silentLogger } from '../../src/core/logger.js';

const pool = await openMediaPool({
  config: {
    audiosocket: { host: '127.0.0.1', port: 0, allow: ['127.0.0.0/8'] },
    agents: {},
    destinations: {},
    tools: {},
    extensions: {},
    schedules: {},
    media: { threads: 1, callsPerThread: 10, admission: 'load' },
    pbx: [],
    recording: { enabled: false },
    webrtc: configSchema.parse({}).webrtc,
  },
  clock: systemClock,
  log: silentLogger,
  entry: new URL('./media-thread.mjs', import.meta.url),
});
await pool.start();
setTimeout(() => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}, 1000);
