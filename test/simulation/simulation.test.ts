/** Many small disasters, each from a seed. SEEDS and FROM choose others: `npm run simulate -- --seeds N --from S`. */
import { expect, test } from 'vitest';
import { Figures } from './figures.ts';
import { Simulation } from './simulation.ts';

const seeds = Number(process.env['SEEDS'] ?? 200);
const from = Number(process.env['FROM'] ?? 1);
/** What each some hundred seeds must have come to at least once. */
const seldom = [
  'kills in the opening',
  'kills by power loss',
  'reboots completed',
  'commands drain',
  'commands undrain',
  'approvals approved',
  'approvals lapsed',
  'approvals expired',
  'brakes mass_failure',
  'demotions',
  'refusals duplicate',
];
const timeoutMs = 120_000 + seeds * 5_000;

test(
  `${seeds} seeds from ${from}: nothing is done twice, unwritten, unbidden or in the dark, and nothing is lost`,
  async () => {
    const all = new Figures();
    for (let seed = from; seed < from + seeds; seed += 1) {
      all.add((await new Simulation(seed).run()).figures);
      const done = seed - from + 1;
      if (done % 500 === 0) process.stdout.write(`${done} of ${seeds} seeds passed\n`);
    }
    process.stdout.write(`${seeds} seeds passed\n${all.lines().join('\n')}\n`);
    if (seeds < 100) return;
    // A simulation in which nothing happens would hold everything.
    expect(all.get('kills with a run open')).toBeGreaterThanOrEqual(seeds * 10);
    expect(all.sum('commands ')).toBeGreaterThanOrEqual(seeds * 3);
    for (const what of seldom) expect(all.sum(what), what).toBeGreaterThan(0);
  },
  timeoutMs,
);

test('the same seed goes the same way', { timeout: timeoutMs }, async () => {
  for (const seed of [from, from + 1]) {
    const first = await new Simulation(seed).run();
    expect(await new Simulation(seed).run()).toEqual(first);
  }
});
