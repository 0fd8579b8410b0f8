import { join } from 'node:path';
import { expect, test } from 'vitest';
import { diffDefinitions } from '../../config/diff.ts';
import { loadDefinitions } from '../../config/load.ts';
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

const nothing = { added: [], removed: [], changed: [] };

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
    hosts: { added: ['web-0'], removed: ['web-1'], changed: ['web-2'] },
    checks: { added: ['web.c'], removed: ['web.b'], changed: ['web.a'] },
    actions: { added: [], removed: [], changed: ['web.x', 'web.y'] },
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
    added: ['silences/a.yaml:3'],
    removed: ['silences/a.yaml:2'],
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
