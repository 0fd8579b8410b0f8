import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Most tests wait for something real; more of them than there are cores can wait at once.
    maxWorkers: 4,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/fleet/**', 'test/simulation/**', 'test/page/**'],
          // Deadlines for what hangs; a busy machine must not meet them.
          testTimeout: 120_000,
          hookTimeout: 120_000,
          setupFiles: 'test/support/patience.ts',
          expect: { poll: { timeout: 30_000 } },
          env: { TZ: 'UTC' },
        },
      },
      {
        test: {
          name: 'simulation',
          include: ['test/simulation/**/*.test.ts'],
          env: { TZ: 'UTC' },
        },
      },
      {
        test: {
          name: 'page',
          include: ['test/page/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          setupFiles: 'test/support/patience.ts',
          // As long as playwright waits: the page asks less often the slower the daemon answers.
          expect: { poll: { timeout: 15_000 } },
          fileParallelism: false,
          env: { TZ: 'UTC' },
        },
      },
      {
        test: {
          name: 'fleet',
          include: ['test/fleet/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          // Each file has a fleet of its own, in namespaces of its own; machines boot and wait more than they compute.
          maxWorkers: 2,
          env: { TZ: 'UTC' },
        },
      },
    ],
  },
});
