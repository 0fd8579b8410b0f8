import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { assertBuilt, mendd } from '../support/mendd.ts';
import { freePort, removeSshd, type Sshd, startSshd } from '../support/sshd.ts';
import { temporaryTree, writeInto } from '../support/temporary-tree.ts';

let sshd: Sshd;

beforeAll(async () => {
  assertBuilt();
  sshd = await startSshd();
});
afterAll(() => removeSshd(sshd));

const escape = String.fromCharCode(27);

async function tree(): Promise<string> {
  const root = temporaryTree({
    'hosts/all.yaml': `hosts:
  web-1: { address: 127.0.0.1, port: ${sshd.port}, labels: { role: web } }
  gone-1: { address: 127.0.0.1, port: ${await freePort()}, labels: { role: web } }
`,
    'runbooks/w.yaml': `runbook: w
hosts: { role: web }
checks:
  fine: { run: "printf '%s\\\\n' \\"all good | load=0.50;1;2;0 'two words'=3KB\\"" }
  warm: { run: "echo WARNING: warm; exit 1" }
  dead: { run: "echo dead; exit 2" }
  lost: { run: "echo lost; exit 3" }
  hostile: { run: 'printf "\\033[2J\\033]0;owned\\007evil\\tx\\nline two\\n"' }
  slow: { run: "sleep 30", timeout: 300ms }
  shipped: { plugin: check_shipped, args: ["it's", "$(id)"] }
`,
    'runbooks/x.yaml': 'runbook: x\nhosts: { role: web }\nchecks:\n  warm: { run: "true" }\n',
    'plugins/check_shipped': '#!/bin/sh\necho "SHIPPED OK $1 $2"\n',
    id: sshd.identity,
  });
  chmodSync(join(root, 'id'), 0o600);
  chmodSync(join(root, 'plugins/check_shipped'), 0o755);
  writeInto(
    root,
    'mendd.yaml',
    `definitions: { path: . }
store: { path: ./state/mendd.db }
ssh: { user: ${sshd.user}, identity: "\${file:./id}", known_hosts: ${sshd.knownHosts}, connect_timeout: 20s }
`,
  );
  return root;
}

test('one check is a Nagios plugin: its line, its perfdata, its exit code', async () => {
  const cwd = await tree();
  const asked = async (name: string): Promise<[number | null, string]> => {
    const { code, stdout } = await mendd(['check', 'web-1', name], { cwd });
    return [code, stdout];
  };
  expect(await asked('fine')).toEqual([0, "OK: all good|load=0.5;1;2;0 'two words'=3KB\n"]);
  expect(await asked('w.warm')).toEqual([1, 'WARNING: warm\n']);
  expect(await asked('dead')).toEqual([2, 'CRITICAL: dead\n']);
  expect(await asked('lost')).toEqual([3, 'UNKNOWN: lost\n']);
  expect(await asked('slow')).toEqual([3, 'UNKNOWN: timed out after 300ms\n']);
  expect(await asked('shipped')).toEqual([0, "SHIPPED OK it's $(id)\n"]);
});

test('what a plugin prints cannot act on the terminal', async () => {
  const cwd = await tree();
  const line = await mendd(['check', 'web-1/hostile'], { cwd });
  expect([line.code, line.stdout]).toEqual([0, 'OK: ]0;ownedevil x\nline two\n']);
  const json = await mendd(['check', 'web-1', 'hostile', '-o', 'json'], { cwd });
  expect(json.stdout).not.toContain(escape);
});

test('all checks of a host: each verdict, and the worst as exit code', async () => {
  const cwd = await tree();
  const table = await mendd(['check', 'web-1'], { cwd });
  expect(table.code).toBe(2);
  const lines = table.stdout.trimEnd().split('\n');
  expect(lines[0]).toMatch(/^STATE\s+CHECK\s+TOOK\s+TEXT$/);
  expect(lines.find((line) => line.includes('w.dead'))).toMatch(/^CRITICAL\s+web-1\/w\.dead\s+\S+\s+dead$/);
  expect(lines).toHaveLength(9);
  const json = await mendd(['check', 'web-1', '-o', 'json'], { cwd });
  expect(JSON.parse(json.stdout)).toMatchObject({
    version: 1,
    results: [
      { host: 'web-1', check: 'w.fine', state: 'ok', text: 'all good' },
      { state: 'warning' },
      { state: 'critical' },
      { state: 'unknown' },
      { check: 'w.hostile' },
      { check: 'w.slow' },
      { check: 'w.shipped' },
      { check: 'x.warm' },
    ],
  });
  const ndjson = await mendd(['check', 'web-1', '-o', 'ndjson'], { cwd });
  expect(
    ndjson.stdout
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { version: number }).version),
  ).toEqual(Array(8).fill(1));
});

test('a host that cannot be asked is UNKNOWN with the stage and what to do, never a verdict', async () => {
  const cwd = await tree();
  const gone = await mendd(['check', 'gone-1', 'fine'], { cwd });
  expect([gone.code, gone.stdout]).toEqual([
    3,
    expect.stringMatching(/^UNKNOWN: gone-1 cannot be asked \(connect\): .+\. .+\n$/),
  ]);
  writeFileSync(join(cwd, 'known_hosts'), '');
  const config = join(cwd, 'mendd.yaml');
  writeInto(cwd, 'strange.yaml', '');
  const text = `definitions: { path: . }\nssh: { user: ${sshd.user}, identity: "\${file:./id}", known_hosts: ./known_hosts }\n`;
  writeFileSync(config, text);
  const strange = await mendd(['check', 'web-1', 'fine', '-o', 'json'], { cwd });
  expect(strange.code).toBe(3);
  expect(JSON.parse(strange.stdout)).toMatchObject({
    results: [{ state: 'unknown', failure: { stage: 'host_key' } }],
  });
});

test('names that are none get the nearest; short names must be clear', async () => {
  const cwd = await tree();
  mkdirSync(join(cwd, 'state'));
  expect(await mendd(['check', 'web1'], { cwd })).toMatchObject({
    code: 64,
    stderr: 'mendd: There is no host `web1`.\nDid you mean `web-1`?\n',
  });
  expect(await mendd(['check', 'web-1', 'ded'], { cwd })).toMatchObject({
    code: 64,
    stderr: expect.stringContaining('`dead`'),
  });
  expect(await mendd(['check', 'web-1/warm'], { cwd })).toMatchObject({
    code: 64,
    stderr: expect.stringContaining('w.warm or x.warm'),
  });
});

test('what others tell is left out unless it is named', async () => {
  const cwd = await tree();
  writeInto(
    cwd,
    'runbooks/told.yaml',
    'runbook: told\nhosts: [ops]\nchecks:\n  job: { passive: { ttl: 1h } }\n',
  );
  writeInto(cwd, 'hosts/more.yaml', 'hosts: { ops: { transport: local } }\n');
  writeInto(cwd, 'runbooks/ops.yaml', 'runbook: ops\nhosts: [ops]\nchecks:\n  here: { run: "true" }\n');
  const all = await mendd(['check', 'ops', '-o', 'json'], { cwd });
  expect([all.code, (JSON.parse(all.stdout) as { results: { check: string }[] }).results]).toEqual([
    0,
    [expect.objectContaining({ check: 'ops.here' })],
  ]);
  expect(await mendd(['check', 'ops', 'job'], { cwd })).toMatchObject({
    code: 3,
    stdout: expect.stringContaining('not asked'),
  });
});
