import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          // One project after the other: those in real time are not to share the machine with those that fill it.
          sequence: { groupOrder: 0 },
          include: ['test/**/*.test.ts'],
          exclude: ['test/pbx/**', 'test/web/**', 'test/soak/**'],
          testTimeout: 15_000,
          // A worker a processor; without a word vitest leaves one idle, which of two is half.
          maxWorkers: '100%',
        },
      },
      {
        test: {
          // A real Asterisk and real time: one file after the other, so that they do not disturb each other's clocks.
          name: 'pbx',
          sequence: { groupOrder: 1 },
          include: ['test/pbx/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 300_000,
          expect: { poll: { timeout: 10_000, interval: 20 } },
        },
      },
      {
        test: {
          // A real browser against the built program, in real time.
          name: 'web',
          sequence: { groupOrder: 2 },
          include: ['test/web/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          expect: { poll: { timeout: 10_000, interval: 20 } },
        },
      },
    ],
  },
});
