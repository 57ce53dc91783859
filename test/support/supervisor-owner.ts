// A process that supervises a stub, says when it is ready and waits to be killed.
import { Supervisor } from '../../src/cli/supervisor.js';

const [, , script = '', dataDir = ''] = process.argv;
const supervisor = new Supervisor({
  script,
  dataDir,
  onEvent: (event) => {
    if (event.kind === 'ready') process.stdout.write('ready\n');
  },
});
await supervisor.run();
