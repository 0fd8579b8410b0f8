/**
 * Definitions with slips in them: files of every kind, changed at random, never make the loader throw or take long, and each
 * problem says where it is and what to do. `npm run mutate -- --files 100000` makes more of them; a failure names its seed.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type LoadOutcome, loadDefinitions } from '../../config/load.ts';
import { emptyWorld, type FactsHeard, type World } from '../../core/sources.ts';
import { temporaryTree } from '../support/temporary-tree.ts';

const files = Number(process.env['FILES'] ?? 400);
const from = Number(process.env['FROM'] ?? 1);
/** Milliseconds of CPU, which a busy machine does not change. */
const longest = 1_000;

const base: Record<string, string> = {
  'mendd.yaml': `definitions: { path: . }
ssh: { agent: true, host_keys: accept_new }
notify: { oncall: { webhook: "https://x.example/y" } }
remediation: { mode: auto, brake: { unhealthy_above: 30% } }
`,
  'hosts/all.yaml': `defaults: { user: ops, labels: { os: "{{ facts.os.id | default: 'x' }}" }, vars: { app: { port: 80 } } }
hosts:
  web-[1:3]: { address: "10.0.0.{n}", labels: { role: web } }
  db-1: { address: "{{ host.name }}.example.com", parents: [web-1], labels: { role: db } }
groups: { tier: { hosts: { role: web }, port: 2222, vars: { app: { name: x } } } }
`,
  'runbooks/web.yaml': `runbook: web
hosts: { role: web }
every: "{{ vars.every | default: '30s' }}"
when: labels.role == "web"
checks:
  a: { use: unit, with: { unit: "nginx-{{ host.name }}" } }
  b: { run: "echo {{ facts.os.id }} {% if facts.x > 1 %}y{% endif %}", exit_map: { 3: warning } }
  c: { plugin: check_x, args: [-c, "{{ facts.max }}"], depends_on: [b] }
  d: { http: { url: ":{{ vars.app.port }}/", warn: 1s }, when: facts.os.id == "debian" }
actions:
  r: { use: restart, with: { unit: nginx }, when: { check: a, attempts: 2 } }
  s: { after: r, reboot: 10m, guard: { per: role, max_concurrent: 1 } }
  p: { after: s, notify: oncall }
  t: { on_recovery: true, webhook: "https://x.example/z" }
`,
  'checks/a.yaml':
    'checks: { unit: { params: { unit: }, systemd_unit: "{{ params.unit }}", timeout: 5s } }\n',
  'actions/a.yaml':
    'actions: { restart: { params: { unit: , within: 1m }, systemd_restart: "{{ params.unit }}", verify: { within: "{{ params.within }}" } } }\n',
  'silences/a.yaml':
    'silences: [{ match: { hosts: ["web-*"] }, until: "2100-01-01T00:00:00Z", by: me, reason: moving }]\n',
};

const dictionary = [
  ': ',
  '- ',
  '{',
  '}',
  '[',
  ']',
  '"',
  "'",
  '{{ ',
  ' }}',
  '{% ',
  ' %}',
  '&a ',
  '*a',
  '<<: ',
  '|',
  '>-',
  '#',
  '\n',
  '  ',
  '\t',
  '!!',
  '%',
  ',',
  '?',
  '0',
  '-1',
  '1e999',
  '99999999999999999999',
  'null',
  'true',
  '~',
  '.inf',
  '2100-01-01',
  '__proto__',
  'constructor',
  'facts',
  'facts.os',
  'params.unit',
  'use',
  'with',
  'hosts',
  'checks',
  '1m',
  '80%',
  '3 per 1h',
  '*/5 * * * *',
  '\u0000',
  '\u202e',
  '\ud83d\ude00',
  '${env:X}',
  '${file:/etc/passwd}',
  '| join: " "',
  '| default: 1',
  '(1..99999999)',
  ' for i in ',
  'x'.repeat(300),
];

/** mulberry32: small, and the same everywhere. */
function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below);
  };
}

const corpus = [
  ...Object.values(base),
  ...written(fileURLToPath(new URL('../fixtures/config/cases', import.meta.url))),
];

function written(directory: string): string[] {
  const names = readdirSync(directory, { recursive: true, withFileTypes: true });
  return names
    .filter((entry) => entry.isFile() && entry.name.endsWith('.yaml'))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'));
}

function mutate(text: string, below: (limit: number) => number): string {
  let changed = text;
  for (let left = 1 + below(4); left > 0; left -= 1) {
    const at = below(changed.length + 1);
    const length = below(12);
    const word = dictionary[below(dictionary.length)] ?? '';
    const lines = changed.split('\n');
    const line = below(lines.length);
    const other = corpus[below(corpus.length)] ?? '';
    const piece = other.slice(below(other.length), below(other.length + 1));
    changed =
      [
        () => changed.slice(0, at) + word + changed.slice(at),
        () => changed.slice(0, at) + changed.slice(at + length),
        () => changed.slice(0, at) + word + changed.slice(at + length),
        () => lines.toSpliced(line, 1).join('\n'),
        () => lines.toSpliced(line, 0, lines[below(lines.length)] ?? '').join('\n'),
        () => changed.slice(0, at) + piece + changed.slice(at),
        () => changed.slice(0, at),
        () => other,
      ][below(8)]?.() ?? changed;
  }
  return changed;
}

const worlds: readonly World[] = [
  emptyWorld,
  {
    ...emptyWorld,
    facts: new Map([
      [
        'web-1',
        new Map<string, FactsHeard>([
          ['builtin', { heardAtMs: 1, values: { os: { id: 'debian' }, max: 5, x: [1] } }],
        ]),
      ],
      [
        'web-2',
        new Map<string, FactsHeard>([
          ['builtin', { heardAtMs: 1, values: { os: "'$(id)'", max: { a: 1 } } }],
        ]),
      ],
    ]),
  },
];

function judge(outcome: LoadOutcome, root: string): string | undefined {
  if (outcome.ok) return undefined;
  if (outcome.problems.length === 0) return 'refused without a problem';
  const wrong = outcome.problems.find(
    ({ file, line, column, message, hint }) =>
      relative(root, file).startsWith('..') ||
      line < 1 ||
      column < 1 ||
      message.trim() === '' ||
      (hint ?? '').trim() === '',
  );
  return wrong && `a problem without a place or a hint: ${JSON.stringify(wrong)}`;
}

test(`${files} changed files`, { timeout: 120_000 + files * 50 }, () => {
  const root = temporaryTree(base);
  const names = Object.keys(base);
  let refused = 0;
  for (let seed = from; seed < from + files; seed += 1) {
    const below = randomOf(seed);
    const name = names[below(names.length)] ?? '';
    const text = mutate(base[name] ?? '', below);
    writeFileSync(join(root, name), text);
    const before = process.cpuUsage();
    let wrong: string | undefined;
    try {
      const outcome = loadDefinitions({
        configFile: join(root, 'mendd.yaml'),
        environment: {},
        resolveSecrets: false,
        world: worlds[below(worlds.length)] ?? emptyWorld,
      });
      refused += outcome.ok ? 0 : 1;
      wrong = judge(outcome, root);
    } catch (error) {
      wrong =
        error instanceof Error && 'code' in error && error.code === 'CONFIG_MISSING'
          ? undefined
          : String((error as Error).stack);
    }
    const { user, system } = process.cpuUsage(before);
    const tookMs = (user + system) / 1_000;
    if (tookMs > longest) wrong ??= `took ${Math.round(tookMs)} ms`;
    if (wrong !== undefined)
      throw new Error(`seed ${seed}, ${name}: ${wrong}\n--- the file\n${text.slice(0, 4_000)}`);
    writeFileSync(join(root, name), base[name] ?? '');
  }
  // Both kinds must occur for this to mean anything.
  expect(refused / files).toBeGreaterThan(0.3);
  expect(refused / files).toBeLessThan(0.999);
});
