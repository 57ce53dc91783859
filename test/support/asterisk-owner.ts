// A process that starts an Asterisk, prints its pid and directory and waits to be killed.
import { startAsterisk } from './asterisk.js';

const asterisk = await startAsterisk();
process.stdout.write(`${asterisk.pid} ${asterisk.runDir}\n`);
await asterisk.ended;
