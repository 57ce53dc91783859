// The real media thread from its TypeScript source, with an ear for what no real one listens to. (`--import tsx` does not reach workers.)
import { parentPort } from 'node:worker_threads';
import { register } from 'tsx/esm/api';

register();
await import('../../src/media-thread.ts');

parentPort?.on('message', (message) => {
  if (message.kind === 'freezeForTest') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  if (message.kind === 'notify' && message.text === 'forget a promise') void Promise.reject(new Error('nobody asked'));
});
