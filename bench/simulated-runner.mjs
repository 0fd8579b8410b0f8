// A far side without SSH: every command answers after 20 to 200 ms, OK but for one in ten of those that say `waver`. As the Runner
// of core/ports.ts.
const quickestMs = 20;
const slowestMs = 200;

/** When each command ran on each host, for the probe to tell; forgotten by `forget`. Milliseconds. */
const runs = new Map();

function answerOf(script, random) {
  const isBad = script.includes('waver') && random() < 0.1;
  return isBad ? { exitCode: 2, stdout: 'CRITICAL\n' } : { exitCode: 0, stdout: 'OK\n' };
}

export function createRunner({ clock, random }) {
  const seen = new Set();
  globalThis.menddRuns = runs;
  return {
    run({ target, script, purpose }) {
      if (target.kind === 'ssh') seen.add(target.host.name);
      const key = `${target.host?.name} ${script}`;
      if (purpose === 'check' && script.includes('echo OK'))
        runs.set(key, [...(runs.get(key) ?? []), clock.monotonicMs()]);
      const startedAtMs = clock.nowMs();
      const durationMs = Math.round(quickestMs + random() * (slowestMs - quickestMs));
      return new Promise((resolve) => {
        clock.after(durationMs, () =>
          resolve({
            kind: 'exited',
            ...answerOf(script, random),
            stderr: '',
            truncated: false,
            startedAtMs,
            durationMs,
          }),
        );
      });
    },
    update: () => undefined,
    connections: () => ({ open: seen.size, connecting: 0, waiting: 0, evicted: 0, turnedAway: 0 }),
    batches: () => ({ execs: 0, checks: 0, again: 0 }),
    close: async () => undefined,
  };
}
