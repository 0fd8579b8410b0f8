import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadDefinitions } from '../../config/load.ts';
import { planDefinitions } from '../../config/plan-definitions.ts';
import type { Definitions } from '../../core/definitions.ts';
import { temporaryTree, writeInto } from '../support/temporary-tree.ts';

const base = {
  'mendd.yaml':
    'ssh: { agent: true, host_keys: accept_new }\nnotify: { a: { webhook: "https://x/${env:T}" } }\n',
  'definitions/hosts/all.yaml':
    'hosts:\n  web-1: { labels: { role: web } }\n  web-2: { labels: { role: web } }\n',
  'definitions/runbooks/web.yaml':
    'runbook: web\nhosts: { role: web }\nchecks:\n  a: { run: "true" }\n  b: { run: "true" }\nactions:\n  x: { when: { check: a }, run: "true" }\n  y: { after: x, notify: a }\n',
};

function load(root: string, token = 'one'): Definitions {
  const outcome = loadDefinitions({ configFile: join(root, 'mendd.yaml'), environment: { T: token } });
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems));
  return outcome.definitions;
}

function diffDefinitions(before: Definitions, after: Definitions) {
  const { hosts, checks, actions, suppressions, daemon } = planDefinitions(before, after);
  const names = ({ gained, lost, changed }: typeof checks) => ({
    gained: gained.names,
    lost: lost.names,
    changed: changed.names,
  });
  return {
    hosts: names(hosts),
    checks: names(checks),
    actions: names(actions),
    suppressions: names(suppressions),
    daemon,
  };
}

const nothing = { gained: [], lost: [], changed: [] };

test('nothing changed, though lines moved', () => {
  const root = temporaryTree(base);
  const before = load(root);
  for (const [path, text] of Object.entries(base)) writeInto(root, path, `# moved\n\n${text}`);
  expect(diffDefinitions(before, load(root))).toEqual({
    hosts: nothing,
    checks: nothing,
    actions: nothing,
    suppressions: nothing,
    daemon: [],
  });
});

test('what was added, removed and changed, by name', () => {
  const root = temporaryTree(base);
  const before = load(root);
  writeInto(
    root,
    'definitions/hosts/all.yaml',
    'hosts:\n  web-2: { labels: { role: web }, port: 23 }\n  web-0: {}\n',
  );
  writeInto(
    root,
    'definitions/runbooks/web.yaml',
    base['definitions/runbooks/web.yaml']
      .replace('b: { run: "true" }', 'c: { run: "true" }')
      .replace('check: a', 'check: c'),
  );
  expect(diffDefinitions(before, load(root))).toEqual({
    hosts: { gained: ['web-0'], lost: ['web-1'], changed: ['web-2'] },
    checks: { gained: ['web.c'], lost: ['web.b'], changed: [] },
    actions: { gained: [], lost: [], changed: ['web.x', 'web.y'] },
    suppressions: nothing,
    daemon: [],
  });
});

test('one check changed, and nothing else', () => {
  const root = temporaryTree(base);
  const before = load(root);
  const text = base['definitions/runbooks/web.yaml'].replace(
    'b: { run: "true" }',
    'b: { run: "true", timeout: 3s }',
  );
  writeInto(root, 'definitions/runbooks/web.yaml', text);
  const { checks, actions, hosts } = diffDefinitions(before, load(root));
  expect([checks, actions, hosts]).toEqual([{ ...nothing, changed: ['web.b'] }, nothing, nothing]);
});

test('a secret that changed counts, and is not shown', () => {
  const root = temporaryTree(base);
  const diff = diffDefinitions(load(root, 'one'), load(root, 'two'));
  expect(diff.daemon).toEqual(['notify']);
  expect(JSON.stringify(diff)).not.toContain('two');
});

function silence(host: string, year: number): string {
  return `  - { match: { hosts: ['${host}'] }, until: ${year}-01-01T00:00:00Z, by: me, reason: x }\n`;
}

test('a silence that only moved did not change, and one with another end did', () => {
  const path = 'definitions/silences/a.yaml';
  const root = temporaryTree({
    ...base,
    [path]: `silences:\n${silence('web-1', 2100)}${silence('web-2', 2100)}`,
  });
  const before = load(root);
  writeInto(root, path, `# moved\nsilences:\n${silence('web-1', 2100)}${silence('web-2', 2100)}`);
  const moved = load(root);
  expect(diffDefinitions(before, moved).suppressions).toEqual(nothing);
  writeInto(root, path, `# moved\nsilences:\n${silence('web-1', 2100)}${silence('web-2', 2101)}`);
  expect(diffDefinitions(moved, load(root)).suppressions).toEqual({
    ...nothing,
    changed: ['silences/a.yaml:4'],
  });
  writeInto(root, path, `silences:\n${silence('web-2', 2100)}${silence('*-1', 2100)}`);
  expect(diffDefinitions(before, load(root)).suppressions).toEqual({
    gained: ['silences/a.yaml:3'],
    lost: ['silences/a.yaml:2'],
    changed: [],
  });
});

test('an action that follows several recoveries changes with each of them', () => {
  const path = 'definitions/runbooks/web.yaml';
  const text = (check: string): string =>
    `${base[path].replace('check: a', `check: ${check}`)}  w: { when: { check: b }, notify: a }\n  z: { on_recovery: true, notify: a }\n`;
  const root = temporaryTree({ ...base, [path]: text('a') });
  const before = load(root);
  expect(before.runbooks[0]?.ladders.map(({ id }) => id)).toEqual(['web.x', 'web.w', 'web.z.a', 'web.z.b']);
  writeInto(root, path, text('b'));
  expect(diffDefinitions(before, load(root)).actions).toEqual({
    ...nothing,
    changed: ['web.x', 'web.y', 'web.z'],
  });
});

const fleet = (count: number, role = 'web'): string =>
  `hosts:\n${Array.from({ length: count }, (_each, index) => `  web-${index}: { labels: { role: ${role} } }\n`).join('')}`;

function planAfter(change: (root: string) => void, hosts = 10) {
  const root = temporaryTree({ ...base, 'definitions/hosts/all.yaml': fleet(hosts) });
  const before = load(root);
  change(root);
  return planDefinitions(before, load(root));
}

const hostsFile = 'definitions/hosts/all.yaml';
const runbookFile = 'definitions/runbooks/web.yaml';

test('state goes by host and id: what is kept, begins anew, is forgotten', () => {
  const plan = planAfter((root) => {
    writeInto(root, hostsFile, fleet(9));
    writeInto(
      root,
      runbookFile,
      base[runbookFile].replace('a: { run: "true" }', 'a: { run: "false" }').replace('b: {', 'c: {'),
    );
  });
  expect(plan.state).toEqual({
    before: 20,
    after: 18,
    kept: 9,
    changed: 9,
    fresh: 9,
    forgotten: 11,
    renamed: [{ from: 'web.b', to: 'web.c', hosts: 10 }],
  });
  expect(plan.selectors).toEqual([
    {
      runbook: 'web',
      before: 10,
      after: 9,
      gained: { count: 0, names: [] },
      lost: { count: 1, names: ['web-9'] },
    },
  ]);
});

test('a check that is asked the same under another name loses its state, which is told', () => {
  const text = base[runbookFile].replace('b: { run: "true" }', 'b: { run: "date" }');
  const root = temporaryTree({ ...base, [runbookFile]: text });
  const before = load(root);
  writeInto(root, runbookFile, text.replace('runbook: web', 'runbook: web servers'));
  const { state } = planDefinitions(before, load(root));
  expect([state.kept, state.renamed]).toEqual([
    0,
    [
      { from: 'web.a', to: 'web-servers.a', hosts: 2 },
      { from: 'web.b', to: 'web-servers.b', hosts: 2 },
    ],
  ]);
});

test('an uploaded plugin is the same at another path, and another with other content', () => {
  const runbook = 'runbook: web\nhosts: { role: web }\nchecks: { a: { plugin: check_a } }\n';
  const made = (text: string) =>
    load(
      temporaryTree({ ...base, [runbookFile]: runbook, 'definitions/plugins/check_a': text }, [
        'definitions/plugins/check_a',
      ]),
    );
  expect(planDefinitions(made('one'), made('one')).checks.changed.count).toBe(0);
  expect(planDefinitions(made('one'), made('two')).checks.changed.names).toEqual(['web.a']);
});

test.each([
  ['8 of 10 hosts stay', 10, 8, 0],
  ['7 of 10 hosts stay', 10, 7, 2],
  ['1 of 2 hosts stays: one may always go', 2, 1, 1],
])('%s', (_what, before, after, reasons) => {
  const plan = planAfter((root) => writeInto(root, hostsFile, fleet(after)), before);
  expect(plan.hold).toHaveLength(reasons);
});

test('what drops too much names the figures; the limits are those in force, not the new ones', () => {
  const plan = planAfter((root) => {
    writeInto(root, hostsFile, fleet(3));
    writeInto(
      root,
      'mendd.yaml',
      `${base['mendd.yaml']}definitions: { hold: { hosts: 100%, checks: 100% } }\n`,
    );
  });
  expect(plan.hold).toEqual([
    'it drops 7 of 10 hosts; up to 20% may go without a word',
    'it drops 14 of 20 checks on hosts; up to 20% may go without a word',
  ]);
});

test('a runbook that is switched off drops its checks', () => {
  const plan = planAfter((root) => writeInto(root, runbookFile, `${base[runbookFile]}enabled: false\n`));
  expect([plan.checks.lost.names, plan.state.forgotten, plan.hold.length]).toEqual([
    ['web.a', 'web.b'],
    20,
    1,
  ]);
});
