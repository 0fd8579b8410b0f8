/** Many small disasters, each from a seed. SEEDS and FROM choose others: `npm run simulate -- --seeds N --from S`. */
import { expect, test } from 'vitest';
import { type Figures, Simulation } from './simulation.ts';

const seeds = Number(process.env['SEEDS'] ?? 200);
const from = Number(process.env['FROM'] ?? 1);
const timeoutMs = 120_000 + seeds * 2_000;

test(
  `${seeds} seeds from ${from}: nothing is done twice, unwritten, unbidden or in the dark, and nothing is lost`,
  async () => {
    const all: Figures[] = [];
    for (let seed = from; seed < from + seeds; seed += 1) all.push(await new Simulation(seed).run());
    const sum = (of: (figures: Figures) => number): number =>
      all.reduce((total, each) => total + of(each), 0);
    const { hosts, events, kills, runs, commands, decisions } = {
      hosts: sum((each) => each.hosts),
      events: sum((each) => each.events),
      kills: sum((each) => each.kills),
      runs: sum((each) => each.runs),
      commands: sum((each) => each.commands),
      decisions: sum((each) => each.decisions),
    };
    process.stdout.write(
      `${seeds} seeds: ${hosts} hosts, ${events} events, ${kills} kills, ${decisions} decisions, ${runs} runs, ${commands} commands\n`,
    );
    // A simulation in which nothing happens would hold everything.
    expect(kills).toBeGreaterThanOrEqual(seeds * 10);
    expect(commands).toBeGreaterThanOrEqual(seeds / 5);
  },
  timeoutMs,
);

test('the same seed goes the same way', async () => {
  for (const seed of [from, from + 1]) {
    const first = await new Simulation(seed).run();
    expect(await new Simulation(seed).run()).toEqual(first);
  }
});
