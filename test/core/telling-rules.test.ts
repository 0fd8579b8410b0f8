import { expect, test } from 'vitest';
import { judgeRoutes, type RouteSubject, routesOf, sharedBy } from '../../core/message-routes.ts';
import type { MessageRoute } from '../../core/messages-config.ts';

const anywhere = { hosts: [], labels: {}, runbooks: [], severities: [] };
const covers = (patterns: readonly string[], name: string): boolean =>
  patterns.length === 0 ||
  patterns.some((each) => each === name || (each.endsWith('*') && name.startsWith(each.slice(0, -1))));

function routeOf(
  name: string,
  match: Partial<MessageRoute['match']> = {},
  more: Partial<MessageRoute> = {},
): MessageRoute {
  return { name, match: { ...anywhere, ...match }, to: [name], continues: false, quiet: [], ...more };
}

const subject: RouteSubject = {
  host: 'web-1',
  labels: { role: 'web', env: 'prod' },
  runbook: 'nginx',
  check: 'nginx.http',
  severity: 'critical',
};

test('the first route that matches decides, and those that go on are taken beside it', () => {
  const routes = [
    routeOf('db', { labels: { role: 'db' } }),
    routeOf('all-prod', { labels: { env: 'prod' } }, { continues: true }),
    routeOf('web', { hosts: ['web-*'], runbooks: ['nginx'], severities: ['critical', 'error'] }),
    routeOf('rest'),
  ];
  expect(routesOf(routes, subject, covers).map(({ name }) => name)).toEqual(['all-prod', 'web']);
  expect(judgeRoutes(routes, subject, covers)).toEqual([
    { route: 'db', taken: false, why: 'the label role is web, not db' },
    { route: 'all-prod', taken: true, why: 'it matches, and goes on' },
    { route: 'web', taken: true, why: 'it matches' },
    { route: 'rest', taken: false, why: 'web decided already' },
  ]);
  const mild = routesOf(routes, { ...subject, severity: 'warning' }, covers);
  expect(mild.map(({ name }) => name)).toEqual(['all-prod', 'rest']);
});

const why = (match: Partial<MessageRoute['match']>): string | undefined =>
  judgeRoutes([routeOf('r', match)], subject, covers)[0]?.why;

test('each thing that does not fit is named', () => {
  expect(why({ hosts: ['db-*'] })).toBe('web-1 is not among its hosts');
  expect(why({ labels: { team: 'a' } })).toBe('the label team is absent, not a');
  expect(why({ runbooks: ['disk'] })).toBe('nginx is not among its runbooks');
  expect(why({ severities: ['warning'] })).toBe('the severity is critical, not warning');
});

test('what a group shares: labels, host, runbook, check; nothing makes one group', () => {
  const group = (by: string[]) => routeOf('r', {}, { group: { by, waitMs: 1, intervalMs: 1 } });
  expect(sharedBy(routeOf('r'), subject)).toBeUndefined();
  expect(sharedBy(group([]), subject)).toEqual({});
  expect(sharedBy(group(['label:role', 'label:none', 'host', 'runbook', 'check']), subject)).toEqual({
    role: 'web',
    none: '',
    host: 'web-1',
    runbook: 'nginx',
    check: 'nginx.http',
  });
});
