/** The keys under `api` of the daemon file. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadDefinitions } from '../../config/load.ts';
import { formatProblem } from '../../config/problems.ts';
import { temporaryTree } from '../support/temporary-tree.ts';

function load(api: string) {
  const root = temporaryTree({
    'mendd.yaml': `ssh: { agent: true, host_keys: accept_new }\napi: ${api}\n`,
    'definitions/hosts/all.yaml': 'hosts: { web-1: {} }\n',
    'definitions/runbooks/web.yaml': 'runbook: web\nhosts: [web-1]\nchecks: { a: { run: "true" } }\n',
  });
  return { root, ...loadDefinitions({ configFile: join(root, 'mendd.yaml'), environment: {} }) };
}

test('where the API is, and as what people know it', () => {
  const outcome = load(
    '{ listen: "[::1]:443", socket: /run/a.sock, public_url: "https://Ops.Example.com:8443/", tls: { certificate: c.pem, key: /k.pem } }',
  );
  expect(outcome.ok && outcome.definitions.daemon.api).toEqual({
    listen: { host: '::1', port: 443 },
    socket: '/run/a.sock',
    tls: { certificate: join(outcome.root, 'c.pem'), key: '/k.pem' },
    publicUrl: 'https://ops.example.com:8443',
  });
  const alone = load('{ listen: none, socket: /run/a.sock }');
  expect(alone.ok && alone.definitions.daemon.api).toEqual({ socket: '/run/a.sock' });
});

test.each([
  ['{ listen: none }', 'nobody could reach the API'],
  ['{ listen: 0.0.0.0 }', 'is not an address and port'],
  ['{ public_url: mendd.example.com }', 'is no http or https URL'],
  ['{ public_url: "ftp://x" }', 'is no http or https URL'],
  ['{ public_url: "https://x/?a=1" }', 'has a query'],
  ['{ public_url: "https://x/mendd" }', 'has a path'],
  ['{ public_url: "https://ann:pw@x" }', 'holds a user or password'],
  ['{ tls: { certificate: a.pem } }', 'key'],
  ['{ socket: api.sock }', 'is not an absolute path'],
])('api: %s is refused, with where and why', (api, told) => {
  const outcome = load(api);
  const problems = outcome.ok ? [] : outcome.problems.map(formatProblem);
  expect(problems).toEqual([expect.stringMatching(/mendd\.yaml:2:\d+/)]);
  expect(problems[0]).toContain(told);
});
