// `npm start`: sets up what is missing, then becomes the supervisor. Options go behind two dashes: npm start -- --config x.yaml
import { parseArgs } from 'node:util';
import { watchParent } from './parent.mjs';
import { runSetup } from './run-setup.mjs';

const { values } = parseArgs({ options: { config: { type: 'string', short: 'c' } } });
const startedAtMs = performance.now();
runSetup();
const { startCommand } = await import('../dist/cli/start.js');
const stop = new AbortController();
if (process.env.npm_lifecycle_event === 'start') watchParent(() => stop.abort());
process.exitCode = await startCommand({ ...values, signal: stop.signal, startedAtMs });
