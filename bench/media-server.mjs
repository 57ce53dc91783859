// The server process of the media benchmarks: the media engine as Linecard runs it, with the echo agent behind the dialplan's door. Driven by
// messages of its parent; ends with it.
import { createServer } from 'node:net';
import { openMediaPool } from '../dist/compose-media.js';
import { systemClock } from '../dist/core/clock.js';

const [what = 'linecard', threads = '1'] = process.argv.slice(2);
process.on('disconnect', () => process.exit(0));

if (what === 'linecard') await startLinecard(Number(threads));
else startBareEcho();

process.on('message', (message) => {
  if (message === 'usage') process.send({ kind: 'usage', cpu: process.cpuUsage(), memory: process.memoryUsage() });
});

async function startLinecard(count) {
  let port = 0;
  const log = {
    debug: () => undefined,
    info: (fields) => (port = fields.addresses?.[0].port ?? port),
    warn: (fields, message) => console.error(message, fields),
    error: (fields, message) => console.error(message, fields),
    child: () => log,
  };
  const config = {
    audiosocket: { host: '127.0.0.1', port: 0, allow: ['127.0.0.0/8'], direct: 'loop' },
    agents: { loop: { provider: 'echo', tools: [] } },
    destinations: {},
    extensions: {},
    media: { threads: count },
  };
  const pool = openMediaPool({ config, clock: systemClock, log });
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
