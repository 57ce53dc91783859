// Says hello and ends when its parent is gone.
import { watchParent } from '../../scripts/parent.mjs';

const alive = setInterval(() => undefined, 60_000);
watchParent(() => clearInterval(alive));
process.stdout.write(`${process.pid}\n`);
