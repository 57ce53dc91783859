import { readlinkSync } from 'node:fs';
import os from 'node:os';

/**
 * Above everything that may wait, below what keeps the machine alive: 20 ms of sound are due every 20 ms, whoever else wants the processor.
 * Threads and programs that a thread starts inherit its priority.
 */
export const MEDIA_PRIORITY = -10;
export const NORMAL_PRIORITY = 0;

/**
 * Sets the nice value (-20 to 19) of the calling thread alone. Raising it takes CAP_SYS_NICE or `LimitNICE=` of systemd; without
 * that, and where the system has no threads with priorities of their own, it returns false.
 *
 * Source: setpriority(2), "C library/kernel differences": on Linux the nice value belongs to the thread.
 */
export function setThreadPriority(nice: number): boolean {
  return attempt(() => os.setPriority(Number(readlinkSync('/proc/thread-self').split('/').at(-1)), nice));
}

/** The same for a program that this process has started; false also when it has ended already. */
export function setProgramPriority(pid: number, nice: number): boolean {
  return attempt(() => os.setPriority(pid, nice));
}

function attempt(change: () => void): boolean {
  try {
    change();
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error) return false;
    throw error;
  }
}
