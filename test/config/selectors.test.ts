import { expect, test } from 'vitest';
import { matcherProblem, matchesCheck, matchHosts } from '../../config/selectors.ts';
import type { HostDefinition } from '../../core/definitions.ts';
import type { Matcher } from '../../core/safety.ts';

function host(name: string, labels: Record<string, string>): [string, HostDefinition] {
  const rest = {
    port: 22,
    user: 'mendd',
    zone: 'default',
    parents: [],
    batch: true,
    vars: {},
    origin: 'hosts',
  };
  return [name, { name, transport: 'ssh', address: name, labels, ...rest }];
}

const hosts = new Map([
  host('web-1', { role: 'web', env: 'prod' }),
  host('web-2', { role: 'web', env: 'test' }),
  host('db-1', { role: 'db', env: 'prod' }),
]);

function matcher(more: Partial<Matcher>): Matcher {
  return { hosts: [], labels: {}, checks: [], ...more };
}

test.each<[string, Partial<Matcher>, string[]]>([
  ['nothing said is nobody, never everybody', {}, []],
  ['all', { hosts: ['*'] }, ['web-1', 'web-2', 'db-1']],
  ['a name', { hosts: ['db-1'] }, ['db-1']],
  ['names in any order', { hosts: ['db-1', 'web-1'] }, ['web-1', 'db-1']],
  ['a glob', { hosts: ['web-?'] }, ['web-1', 'web-2']],
  ['all but one', { hosts: ['*', '!web-2'] }, ['web-1', 'db-1']],
  ['leaving out comes last, wherever it stands', { hosts: ['!web-2', '*'] }, ['web-1', 'db-1']],
  ['only leaving out takes nobody', { hosts: ['!web-2'] }, []],
  ['all of the labels', { labels: { role: 'web', env: 'prod' } }, ['web-1']],
  ['names and labels', { hosts: ['*-1'], labels: { role: 'web' } }, ['web-1']],
  ['a label of nobody', { labels: { constructor: 'Object' } }, []],
  ['checks on every host', { checks: ['web.nginx'] }, ['web-1', 'web-2', 'db-1']],
])('%s', (_name, more, expected) => {
  expect(matchHosts(matcher(more), hosts)).toEqual(expected);
});

test.each<[Partial<Matcher>, string, boolean]>([
  [{}, 'web.nginx', false],
  [{ hosts: ['*'] }, 'web.nginx', true],
  [{ hosts: ['*'] }, 'host', true],
  [{ checks: ['web.nginx'] }, 'web.nginx', true],
  [{ checks: ['web.nginx'] }, 'web.nginx-2', false],
  [{ checks: ['web.*'] }, 'web.nginx', true],
  [{ checks: ['web.*'] }, 'host', false],
  [{ checks: ['host'] }, 'host', true],
  [{ checks: ['*', '!host'] }, 'web.nginx', true],
  [{ checks: ['*', '!host'] }, 'host', false],
])('%j covers %s: %s', (more, check, expected) => {
  expect(matchesCheck(matcher(more), check)).toBe(expected);
});

test.each<[Partial<Matcher>, string | undefined]>([
  [{ hosts: ['*'] }, undefined],
  [{ labels: { role: 'db' } }, undefined],
  [{ checks: ['web.*'] }, undefined],
  [{}, 'The matcher is empty; write `hosts`, `labels` or `checks`; `hosts: ["*"]` means all.'],
  [{ hosts: ['web-3'] }, 'The matcher covers no host; did you mean `web-1`?'],
  [{ labels: { role: 'cache' } }, 'The matcher covers no host; mend its names or labels.'],
  [{ hosts: ['*', '!*'] }, 'The matcher covers no host; mend its names or labels.'],
  [{ hosts: ['!web-1'] }, '`!web-1` only leaves out; put "*" before it, to leave out of all.'],
  [
    { hosts: ['*'], checks: ['*a*b*c*d*e'] },
    '`*a*b*c*d*e`: a glob has at most 4 stars; write a simpler glob, or several.',
  ],
  [
    { hosts: ['!web-(1|2)', '*'] },
    '`!web-(1|2)`: brackets `()` are not known in globs; write a simpler glob, or several.',
  ],
  [{ hosts: ['', '!'] }, 'The matcher covers no host; mend its names.'],
])('%j: %s', (more, expected) => {
  expect(matcherProblem(matcher(more), hosts)).toBe(expected);
});

test('a fleet of 20,000 hosts is matched at once, and a check a million times', () => {
  const fleet = new Map(
    Array.from({ length: 20_000 }, (_, n) => host(`web-${n}`, { role: n % 2 === 0 ? 'web' : 'db' })),
  );
  const match = matcher({ hosts: ['web-*', '!*-1*'], labels: { role: 'web' }, checks: ['web.*', '!web.a'] });
  expect(matchHosts(match, fleet).length).toBe(4_445);
  let covered = 0;
  for (let n = 0; n < 100_000; n += 1) if (matchesCheck(match, `web.${n}`)) covered += 1;
  expect(covered).toBe(100_000);
});
