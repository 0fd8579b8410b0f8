// Table 5: how long a dead worker stays dead, on real systemd machines: from its death to the action and to the proof.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describeMachine, percentile, short, table } from './report.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const everySec = 2;
const attempts = 2;
const staysOkSec = 2 * everySec;

/** Everything that would hold back so many repairs of one machine is off: they are made to happen here. */
const settings = `remediation:
  mode: auto
  max_runs: 1000 per 1h
  max_runs_per_host: 1000 per 1h
  brake: false
  self_doubt: { changed_min: 1000 }
`;

const runbook = `
runbook: worker
hosts: ["m*"]
every: ${everySec}s
checks:
  running: { systemd_unit: worker, flapping: false }
actions:
  restart:
    when: { check: running, attempts: ${attempts} }
    systemd_restart: worker
    sudo: true
    verify: { within: 20s, stays_ok: ${staysOkSec}s }
    cooldown: 0s
    max_runs: 1000 per 1h
    chronic: false
    demote: false
`;

/** `{ title, markdown }`. Flags: small. Throws where no machines can be made: the words of the fleet say why. */
export async function benchRepair(flags, directory) {
  const machine = describeMachine();
  if (
    spawnSync('node', [join(root, 'scripts/fleet-ready.mjs')], { stdio: ['ignore', 'ignore', 'inherit'] })
      .status !== 0
  )
    throw new Error('no machines can be made here; the lines above say what they need');
  const { Daemon, upFleet } = await loadHarness(directory);
  const names = Array.from({ length: flags.small ? 2 : 5 }, (_, i) => `m${i + 1}`);
  const fleet = await upFleet({ machines: names });
  try {
    const daemon = await Daemon.start({ fleet, runbooks: [runbook], settings });
    try {
      await daemon.settled(60_000);
      const perMachine = flags.small ? 2 : 6;
      const found = await Promise.all(
        fleet.machines.map((one, i) =>
          repairAgainAndAgain(daemon, one, perMachine, (i * everySec * 1000) / names.length),
        ),
      );
      return { title: 'Time to repair', markdown: report(found.flat(), names.length, machine) };
    } finally {
      await daemon.close();
    }
  } finally {
    await fleet.down();
  }
}

/** The harness of the fleet tests, built into a directory: this Node.js runs no TypeScript. */
async function loadHarness(directory) {
  const out = join(directory, 'harness');
  const source = join(root, 'test/fleet');
  const files = ['daemon.ts', 'harness.ts'].map((name) => join(source, name));
  const options =
    '--ignoreConfig --noCheck --target es2023 --module nodenext --types node --rewriteRelativeImportExtensions';
  const args = [...options.split(' '), '--rootDir', root, '--outDir', out, ...files];
  execFileSync(join(root, 'node_modules/.bin/tsc'), args, { stdio: ['ignore', 2, 2] });
  const built = join(out, 'test/fleet');
  mkdirSync(built, { recursive: true });
  symlinkSync(join(source, 'relay.mjs'), join(built, 'relay.mjs'));
  // It finds its neighbours by its own path.
  writeFileSync(join(built, 'fleet.sh'), `#!/bin/sh\nexec '${join(source, 'fleet.sh')}' "$@"\n`, {
    mode: 0o755,
  });
  writeFileSync(join(out, 'package.json'), '{ "type": "module" }');
  process.env.MENDD_PROGRAM ??= join(root, 'dist/cli/main.js');
  const load = (name) => import(pathToFileURL(join(built, name)).href);
  return { ...(await load('daemon.js')), ...(await load('harness.js')) };
}

/** Kills the worker at any moment of the interval, and waits until that is mended and proven. Times in ms after the death. */
async function repairAgainAndAgain(daemon, machine, count, delayMs) {
  const repairs = [];
  for (let turn = 0; turn < count; turn += 1) {
    await new Promise((resolve) => {
      setTimeout(resolve, delayMs + Math.random() * everySec * 1000);
    });
    const lastId = daemon.events.at(-1)?.id ?? 0;
    const diedAtMs = Number(await machine.must('date +%s%3N; systemctl kill --signal=KILL worker'));
    const ended = await daemon.waitFor(
      `the repair of ${machine.name}`,
      ({ type, host }) => type === 'action.ended' && host === machine.name,
      60_000,
      lastId,
    );
    if (ended.data.status !== 'verified') throw new Error(`${machine.name}: ${JSON.stringify(ended.data)}`);
    const [{ id }] = await daemon.runs(machine.name);
    const run = await daemon.run(id);
    const shown = await machine.must('systemctl show worker -P ExecMainStartTimestamp --timestamp=us+utc');
    const startedAt = /(\d{4}-\d\d-\d\d) ([\d:.]+) UTC/.exec(shown);
    repairs.push({
      sentMs: Date.parse(run.dispatchedAt) - diedAtMs,
      aliveMs: Date.parse(`${startedAt[1]}T${startedAt[2].slice(0, 12)}Z`) - diedAtMs,
      verifiedMs: Date.parse(run.endedAt) - diedAtMs,
    });
    console.error(
      `${machine.name}: ${Object.entries(repairs.at(-1))
        .map((entry) => entry.join(' '))
        .join(', ')}`,
    );
  }
  return repairs;
}

function report(repairs, machines, machine) {
  const row = (name, key) => {
    const values = repairs.map((repair) => repair[key]);
    const cells = [50, 99].map((percent) => percentile(values, percent));
    return [name, ...cells.flatMap((ms) => [`${short(ms / 1000)} s`, `**${short(ms / everySec / 1000)}**`])];
  };
  return [
    table(
      ['from the death of a worker to', 'p50', 'intervals', 'p99', 'intervals'],
      [
        row('the action is sent', 'sentMs'),
        row('the new worker runs', 'aliveMs'),
        row(`proven: OK, and OK for ${staysOkSec} s after that`, 'verifiedMs'),
      ],
    ),
    '',
    `${machine.text()} ${repairs.length} repairs on ${machines} machines with systemd, all verified; the check runs every ${everySec} s, ` +
      `the action when it failed ${attempts} times in a row, and a worker dies at any moment of the interval: ` +
      `${attempts - 0.5} intervals are the least to expect on average.`,
  ].join('\n');
}
