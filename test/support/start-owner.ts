// `linecard start` with a stand-in for the serving process; environment and working directory are the caller's.
import path from 'node:path';
import { startCommand } from '../../src/cli/start.js';

process.exitCode = await startCommand({ script: path.join(import.meta.dirname, 'serving-stub.mjs') });
