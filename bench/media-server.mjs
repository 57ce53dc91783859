// The server process of the media benchmarks: the media engine as Linecard runs it, with the echo agent behind the dialplan's door. Driven by
// messages of its parent; ends with it.
import { createServer } from 'node:net';
import { mediaLinks } from '../dist/compose-media.js';
import { systemClock } from '../dist/core/clock.js';
import { MediaPool } from '../dist/engine/pool.js';

const [what = 'linecard', threads = '1'] = process.argv.slice(2);
process.on('disconnect', () => process.exit(0));

if (what === 'linecard') await startLinecard(Number(threads));
else startBareEcho();

process.on('message', (message) => {
  if (message === 'usage') process.send({ kind: 'usage', cpu: process.cpuUsage(), memory: process.memoryUsage() });
});

async function startLinecard(count) {
  const config = {
    audiosocket: { host: '127.0.0.1', port: 0, allow: ['127.0.0.0/8'], direct: 'loop' },
    agents: { loop: { provider: 'echo' } },
    maxSessionsPerThread: 2000,
  };
  const log = {
    debug: () => undefined,
    info: () => undefined,
    warn: (fields, message) => console.error(message, fields),
    error: (fields, message) => console.error(message, fields),
    child: () => log,
  };
  const openLink = mediaLinks(config, { threads: count, entry: new URL('../dist/media-thread.js', import.meta.url) });
  let port = 0;
  const pool = new MediaPool({
    threads: Math.max(1, count),
    openLink: (index) => {
      const link = openLink(index);
      return link;
    },
    maxSessionsPerThread: 2000,
    clock: systemClock,
    log: { ...log, info: (fields) => (port = fields.addresses?.[0].port ?? port), child: () => log },
  });
  await pool.start();
  setInterval(() => process.send({ kind: 'report', report: pool.reports()[0] }), 1000);
  process.send({ kind: 'ready', port });
}

/** What the same load costs Node without any of Linecard: every chunk is written back as it comes. */
function startBareEcho() {
  const server = createServer({ noDelay: true }, (socket) => {
    let first = true;
    socket.on('data', (chunk) => {
      socket.write(first ? chunk.subarray(19) : chunk);
      first = false;
    });
    socket.on('error', () => socket.destroy());
  });
  server.listen(0, '127.0.0.1', () => process.send({ kind: 'ready', port: server.address().port }));
}
