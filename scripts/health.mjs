// The container's health check. Docker starts nothing again that is unwell, only what has ended: when there has been no answer three times in a row, supervisor and serving
// process are killed (both must be stopped or frozen: a frozen serving process alone is the supervisor's business), the container ends, and Docker starts it again.
// Needs an init (`init: true`, `--init`): the first process of a container cannot be killed from within.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** Below Docker's own limit for the check. */
const ANSWER_LIMIT_MS = 2500;
const MAX_FAILURES = 3;

const dataDir = process.env.LINECARD_DATA_DIR ?? '/data';
/** How often in a row it did not answer; absent until it has answered once: a start may take its time. */
const stateFile = path.join(os.tmpdir(), 'linecard-health');

if (await isWell()) {
  remember(0);
} else {
  const failures = read(stateFile);
  if (failures !== null && failures + 1 >= MAX_FAILURES) restart();
  else if (failures !== null) remember(failures + 1);
  process.exitCode = 1;
}

async function isWell() {
  const url = `http://127.0.0.1:${process.env.LINECARD_HTTP_PORT || 8080}/healthz`;
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) })).ok;
  } catch {
    return false;
  }
}

function restart() {
  process.stderr.write(`no answer ${MAX_FAILURES} times in a row: supervisor and serving process are killed\n`);
  rmSync(stateFile, { force: true });
  // The supervisor first: it would start the other one again.
  for (const name of ['supervisor.pid', 'linecard.pid']) {
    const pid = read(path.join(dataDir, name));
    if (pid === null || pid <= 1) continue;
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      process.stderr.write(`${name}: ${error.message}\n`);
    }
  }
}

function remember(failures) {
  try {
    writeFileSync(stateFile, `${failures}\n`);
  } catch (error) {
    process.stderr.write(`${error.message}\n`); // the disk is full: not what is asked here
  }
}

/** The number in a file; null where there is none. */
function read(file) {
  try {
    const number = Number(readFileSync(file, 'utf8'));
    return Number.isInteger(number) ? number : null;
  } catch {
    return null;
  }
}
