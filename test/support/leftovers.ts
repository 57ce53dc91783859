import { expect } from 'vitest';
import type { TestAsterisk } from './asterisk.js';
import { leftovers } from './left-behind.js';

/** Asterisk takes a moment to take a channel away. */
export async function expectNothingLeft(asterisk: TestAsterisk): Promise<void> {
  await expect.poll(() => leftovers(asterisk), { timeout: 5000, interval: 50 }).toEqual([]);
}
