import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { type LoadOutcome, loadDefinitions } from '../../config/load.ts';
import { SecretValue } from '../../config/secrets.ts';
import { temporaryTree } from '../support/temporary-tree.ts';

const key = '-----BEGIN OPENSSH PRIVATE KEY-----\nsuper-secret-key\n-----END OPENSSH PRIVATE KEY-----\n';
const files = {
  'definitions/hosts/all.yaml': 'hosts: { web-1: {} }\n',
  'definitions/runbooks/web.yaml':
    'runbook: web\nhosts: [web-1]\nchecks: { a: { run: "true" } }\nactions: { t: { when: { check: a }, webhook: "https://x/${env:TOKEN}" } }\n',
  key,
  'key.pub': 'ssh-ed25519 AAAA me\n',
  empty: '\n',
  password: 'hunter2\n',
};

function load(root: string, environment: Record<string, string>, resolveSecrets?: boolean): LoadOutcome {
  const options = resolveSecrets === undefined ? {} : { resolveSecrets };
  return loadDefinitions({ configFile: join(root, 'mendd.yaml'), environment, ...options });
}

function problems(outcome: LoadOutcome): string[] {
  return outcome.ok
    ? []
    : outcome.problems.map(({ line, column, message, code }) => `${line}:${column}: ${message}${code ?? ''}`);
}

function keyTree(identity: string): string {
  const root = temporaryTree({
    ...files,
    'mendd.yaml': `ssh: { identity: "${identity}", host_keys: accept_new }\n`,
  });
  chmodSync(join(root, 'key'), 0o600);
  return root;
}

test('a secret never shows in any text', () => {
  const secret = new SecretValue('hunter2', '${env:X}');
  const shown = [
    String(secret),
    JSON.stringify({ secret }),
    inspect(secret),
    inspect({ secret }, { depth: 9, showHidden: true }),
    inspect([secret], { customInspect: false, showHidden: true, depth: 9 }),
    JSON.stringify(Object.entries(secret)),
    JSON.stringify(Object.assign({}, secret)),
  ];
  for (const text of shown) expect(text).not.toContain('hunter2');
  expect(shown[0]).toBe('<secret>');
  expect(JSON.stringify(secret)).toBe('"<secret>"');
  expect(secret.reveal()).toBe('hunter2');
});

test('nothing of a load shows a secret: definitions, problems, warnings', () => {
  const root = temporaryTree({
    ...files,
    'mendd.yaml': `ssh: { identity: "\${file:./key}", passphrase: "\${file:./password}", host_keys: accept_new }
notify: { a: { webhook: "https://x/\${env:TOKEN}" }, b: { smtp: { host: h, from: a@b, to: [a@b], user: u, password: "\${cred:password}" } } }
`,
  });
  chmodSync(join(root, 'key'), 0o600);
  const environment = { TOKEN: 'token-value', CREDENTIALS_DIRECTORY: root };
  const outcome = load(root, environment);
  expect(problems(outcome)).toEqual([]);
  const shown = inspect(outcome, { depth: 20, showHidden: true });
  for (const value of ['super-secret-key', 'hunter2', 'token-value']) expect(shown).not.toContain(value);
  if (!outcome.ok) return;
  const { daemon, runbooks } = outcome.definitions;
  expect(daemon.ssh.identity?.reveal()).toBe(key);
  expect(daemon.ssh.passphrase?.reveal()).toBe('hunter2');
  const [a, b] = [daemon.notify.get('a'), daemon.notify.get('b')];
  expect(a?.kind === 'webhook' && a.url.reveal()).toBe('https://x/token-value');
  expect(b?.kind === 'smtp' && b.password?.reveal()).toBe('hunter2');
  const effect = runbooks[0]?.ladders[0]?.rungs[0]?.effect;
  expect(effect?.kind === 'webhook' && effect.url.reveal()).toBe('https://x/token-value');
});

test.each([0o644, 0o640, 0o660, 0o604, 0o601])('a key file with mode %o is KEY_UNUSABLE', (mode) => {
  const root = keyTree('${file:./key}');
  chmodSync(join(root, 'key'), mode);
  const outcome = load(root, { TOKEN: 'x' });
  const octal = mode.toString(8).padStart(4, '0');
  expect(problems(outcome)).toEqual([
    `1:18: \`identity\`: ${root}/key can be read by others (mode ${octal})KEY_UNUSABLE`,
  ]);
  expect(outcome.ok ? '' : outcome.problems[0]?.hint).toBe(`run: chmod 600 ${root}/key`);
});

test.each([0o600, 0o400])('a key file with mode %o is used', (mode) => {
  const root = keyTree('${file:./key}');
  chmodSync(join(root, 'key'), mode);
  expect(problems(load(root, { TOKEN: 'x' }))).toEqual([]);
});

test.each([
  ['${file:./key.pub}', /can be read by others/],
  ['${file:./none}', /none does not exist/],
  ['${file:.}', /is a directory, not a file/],
  ['${env:PUBLIC}', /this is a public key/],
  ['${env:TOKEN}', /this is no private key/],
  ['${file:}', /the path is empty/],
  ['${file:./empty}', /can be read by others/],
])('%s is no usable key', (identity, message) => {
  const outcome = load(keyTree(identity), { TOKEN: 'x', PUBLIC: 'ssh-ed25519 AAAA' });
  expect(problems(outcome)).toEqual([expect.stringMatching(message)]);
});

test('offline, references are checked in form and nothing is read', () => {
  const outcome = load(keyTree('${file:/nonexistent}'), {}, false);
  expect(problems(outcome)).toEqual([]);
  if (outcome.ok) expect(() => outcome.definitions.daemon.ssh.identity?.reveal()).toThrow('without secrets');
  expect(problems(load(keyTree('plain text'), {}, false))).toEqual([
    '1:18: `identity`: a secret stands here in plain text',
  ]);
  expect(problems(load(keyTree('${envv:X}'), {}, false))).toEqual([
    '1:18: `identity`: this is no secret reference',
  ]);
});

test('a problem with a secret written in plain text does not repeat it', () => {
  const outcome = load(keyTree('hunter2-in-the-file'), { TOKEN: 'x' });
  expect(outcome.ok).toBe(false);
  expect(JSON.stringify(outcome)).not.toContain('hunter2');
});
