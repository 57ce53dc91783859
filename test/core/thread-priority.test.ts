import { spawn } from 'node:child_process';
import { once } from 'node:events';
import os from 'node:os';
import { expect, test } from 'vitest';
import { setProgramPriority, setThreadPriority } from '../../src/core/thread-priority.js';

test('a program that was started gets the priority it is given, and one that has ended is no error', async () => {
  const child = spawn('sleep', ['30']);
  const pid = child.pid ?? -1;
  expect(setProgramPriority(pid, 10)).toBe(true);
  expect(os.getPriority(pid)).toBe(10);
  child.kill();
  await once(child, 'exit');
  expect(setProgramPriority(pid, 10)).toBe(false);
});

// The last one: who gives way may not be allowed to come back.
test('a thread gives way', () => {
  const own = os.getPriority();
  expect(setThreadPriority(own + 1)).toBe(true);
  expect(os.getPriority()).toBe(own + 1);
});
