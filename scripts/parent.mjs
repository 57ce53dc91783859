// npm that is killed with SIGKILL tells nobody. Its child, this process or the shell between them, then belongs to another parent.
import { readFileSync } from 'node:fs';

/** Long enough to cost nothing, short enough that nobody sees leftovers. */
const POLL_MS = 250;

/** Calls `onGone` once, when the process that started this one, or the shell it did it with, is gone. */
export function watchParent(onGone) {
  const parent = process.ppid;
  const shell = /^(sh|dash|bash)$/.test(readProc(parent, 'comm').trim());
  const grandparent = shell ? parentOf(parent) : null;
  const timer = setInterval(() => {
    if (process.ppid === parent && (grandparent === null || parentOf(parent) === grandparent)) return;
    clearInterval(timer);
    onGone();
  }, POLL_MS);
  timer.unref();
}

/** proc(5): the parent is the second field behind the name, which is in brackets and may hold anything. */
function parentOf(pid) {
  return Number(readProc(pid, 'stat').split(')').pop().trim().split(' ')[1] ?? 0);
}

function readProc(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
