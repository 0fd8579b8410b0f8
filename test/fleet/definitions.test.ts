/** Definitions in git, on real machines: a push runs there, a broken one changes nothing, the mend runs. */
import { renameSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Wire } from '../../api/wire.ts';
import type { ConfigView } from '../../core/views.ts';
import { Repository } from '../sources/git-repository.ts';
import { Daemon, requireBuild } from './daemon.ts';
import { type Fleet, patienceMs, until, upFleet } from './harness.ts';
import { freely, unlimited } from './runbooks.ts';

let fleet: Fleet;
let daemon: Daemon;
let repository: Repository;
const ends: (() => void)[] = [];

const watching = `
runbook: watching
hosts: ["*"]
every: 500ms
timeout: 2s
checks:
  running: { systemd_unit: worker, flapping: false }
`;
const healing = `${watching}
actions:
  restart:
    when: { check: running, attempts: 2 }
    systemd_restart: worker
    sudo: true${freely}
`;

const config = (): Promise<Wire<ConfigView>> => daemon.get('/api/v1/config');

async function inForce(commit: string): Promise<Wire<ConfigView>> {
  const isThere = async (): Promise<Wire<ConfigView> | undefined> => {
    const answer = await config();
    return answer.source.kind === 'git' && answer.source.commit?.id === commit ? answer : undefined;
  };
  return daemon.explained(until(`commit ${commit} is in force`, isThere));
}

beforeAll(async () => {
  requireBuild();
  fleet = await upFleet({ machines: ['a', 'b'] });
  repository = new Repository((end) => ends.push(end));
  const hosts = fleet.machines.map(({ name, address }) => `  ${name}: { address: ${address} }\n`);
  repository.push({ 'hosts/fleet.yaml': `hosts:\n${hosts.join('')}`, 'runbooks/watching.yaml': watching });
  daemon = await Daemon.start({
    fleet,
    runbooks: [],
    definitions: `{ git: { url: ${repository.url}, every: 1s, directory: ./from-git } }`,
    settings: `remediation: { ${unlimited}, brake: false, self_doubt: { changed_min: 1000 } }`,
  });
  await daemon.settled();
});

afterAll(async () => {
  await daemon.close();
  await fleet.down();
  for (const end of ends) end();
});

test('a push heals what nobody healed before; a broken push changes nothing, and its place is shown; the mend runs', async () => {
  await fleet.machine('a').crashUnit('worker');
  await daemon.waitFor('a is critical', ({ type, host }) => type === 'state.changed' && host === 'a');
  expect(await daemon.runs('a')).toEqual([]);

  const second = repository.push({ 'runbooks/watching.yaml': healing }, 'heal it');
  expect(await inForce(second)).toMatchObject({ lastReloadOk: true, problems: [] });
  await daemon.waitFor('a was healed', ({ type, host }) => type === 'action.ended' && host === 'a');
  expect((await daemon.runs('a')).map(({ status }) => status)).toEqual(['verified']);

  repository.push({
    'runbooks/watching.yaml': healing.replace('systemd_unit: worker', 'systemd_unti: worker'),
    'hosts/fleet.yaml': 'hosts: {}\n',
  });
  const refused = await daemon.waitFor('the push is refused', ({ type }) => type === 'definitions.rejected');
  expect(JSON.stringify(refused.data)).toContain('runbooks/watching.yaml:7:');
  const shown = await config();
  expect(shown).toMatchObject({ lastReloadOk: false, source: { commit: { id: second } } });
  expect(shown.problems.join('\n')).toMatch(/^runbooks\/watching\.yaml:7:\d+: /m);
  // The definitions before go on healing.
  const seen = daemon.events.at(-1)?.id ?? 0;
  await fleet.machine('b').crashUnit('worker');
  await daemon.waitFor(
    'b was healed',
    ({ type, host }) => type === 'action.ended' && host === 'b',
    patienceMs,
    seen,
  );
  expect((await daemon.runs('b')).map(({ status }) => status)).toEqual(['verified']);

  repository.git('revert', '--no-edit', 'HEAD');
  const mend = repository.push({ 'runbooks/more.yaml': watching.replace('watching', 'more') }, 'mend it');
  expect(await inForce(mend)).toMatchObject({ lastReloadOk: true, problems: [] });
  await daemon.settled();
  expect((await daemon.checks()).map(({ host, check }) => `${host} ${check}`).toSorted()).toEqual([
    'a more.running',
    'a watching.running',
    'b more.running',
    'b watching.running',
  ]);
});

test('a commit that drops half of the fleet waits; a restart without the repository keeps the commit', async () => {
  const before = await config();
  repository.push(
    { 'hosts/fleet.yaml': `hosts:\n  a: { address: ${fleet.machine('a').address} }\n` },
    'half',
  );
  // One of two hosts may go, two checks of four may not.
  const held = await daemon.waitFor('it is held', ({ type }) => type === 'definitions.held');
  expect(JSON.stringify(held.data)).toContain('it drops 2 of 4 checks on hosts');
  await daemon.stop();
  renameSync(repository.url, `${repository.url}.away`);
  await daemon.start();
  const { source } = await config();
  expect(source).toMatchObject({
    kind: 'git',
    commit: before.source.kind === 'git' ? before.source.commit : {},
  });
  await daemon.settled();
  renameSync(`${repository.url}.away`, repository.url);
  await until('it is held again', async () => ((await config()).held === undefined ? undefined : true));
  const { held: waiting } = await config();
  const answer = await daemon.ask('POST', '/api/v1/reload', { confirm: waiting?.revision });
  expect(answer.status).toBe(200);
  expect((await daemon.checks()).map(({ host }) => host)).toEqual(['a', 'a']);
});
