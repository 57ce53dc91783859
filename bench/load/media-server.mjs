// The server process of the media benchmarks: the media engine as Linecard runs it, with the echo agent. Driven by messages of its parent; ends
// with it.
import { getHeapStatistics } from 'node:v8';
import { Session } from 'node:inspector/promises';
import { createServer } from 'node:net';
import { openMediaPool } from '../../dist/compose-pool.js';
import { readConfigObject } from '../../dist/config/index.js';
import { systemClock } from '../../dist/core/clock.js';
import { newCallId, newLegId } from '../../dist/core/ids.js';

const [what = 'linecard', threads = '1'] = process.argv.slice(2);
process.on('disconnect', () => process.exit(0));
let open = () => Promise.reject(new Error('a bare echo takes any caller'));

process.on('message', (message) => {
  if (message.kind === 'usage') {
    globalThis.gc?.();
    const usage = {
      cpu: process.cpuUsage(),
      memory: process.memoryUsage(),
      heapBytes: getHeapStatistics().used_heap_size,
    };
    process.send({ kind: 'usage', ...usage });
  }
  if (message.kind === 'open') void openCalls(message.calls);
  if (message.kind === 'profile') void profile(message.seconds);
});

if (what === 'linecard') await startLinecard(Number(threads));
else startBareEcho();

async function openCalls(count) {
  const targets = [];
  for (let i = 0; i < count; i++) targets.push(await open());
  process.send({ kind: 'opened', targets });
}

async function startLinecard(threadCount) {
  let addresses = [];
  const log = {
    debug: () => undefined,
    info: (fields) => (addresses = fields.addresses ?? addresses),
    warn: (fields, message) => console.error(message, fields),
    error: (fields, message) => console.error(message, fields),
    child: () => log,
  };
  const tree = {
    audiosocket: { host: '127.0.0.1', port: 0, direct: 'loop' },
    agents: { loop: { provider: 'echo' } },
    media: { threads: threadCount },
    webrtc: { enabled: false },
  };
  const reading = readConfigObject(tree, { env: {}, cwd: process.cwd() });
  if (!reading.ok) throw new Error(JSON.stringify(reading.mistakes));
  const pool = await openMediaPool({ config: reading.config, clock: systemClock, log });
  pool.onMessage = (message) => {
    // As control does when the PBX has answered.
    if (message.kind === 'legConnected') pool.send({ kind: 'start', callId: message.callId });
  };
  await pool.start();
  open = async () => {
    const legId = newLegId();
    const { port } = await pool.open({
      callId: newCallId(),
      legId,
      transport: 'audiosocket',
      agent: 'loop',
      caller: { number: '', name: '' },
      extension: '7009',
      digits: 'control',
      format: null,
      history: [],
    });
    return { port, uuid: legId };
  };
  setInterval(() => process.send({ kind: 'reports', reports: pool.reports() }), 1000);
  process.send({ kind: 'ready', port: addresses[0].port });
}

/** What this thread allocates within some seconds, whether it is collected meanwhile or not: bytes by function. */
async function profile(seconds) {
  const session = new Session();
  session.connect();
  await session.post('HeapProfiler.startSampling', {
    samplingInterval: 256,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  });
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const { profile: found } = await session.post('HeapProfiler.stopSampling');
  session.disconnect();
  const bytes = new Map();
  const visit = ({ callFrame, selfSize, children }) => {
    const where = `${callFrame.url.replace(/^.*\/dist\//, 'dist/')}:${callFrame.functionName}`;
    bytes.set(where, (bytes.get(where) ?? 0) + selfSize);
    children.forEach(visit);
  };
  visit(found.head);
  process.send({ kind: 'profiled', bytes: [...bytes] });
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
