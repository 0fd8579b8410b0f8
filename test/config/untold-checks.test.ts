/** Which checks `mendd validate` counts as those that nobody would be told of. */
import { expect, test } from 'vitest';
import { untoldChecks } from '../../config/untold-checks.ts';
import type { HostPlan } from '../../core/definitions.ts';
import type { MessageRoute } from '../../core/messages-config.ts';
import { checkOf, ladderOf, page, planOf, remediationOf, restart } from '../support/definitions.ts';
import { wholeDefinitions } from '../support/whole-definitions.ts';

const running = checkOf('running');
const other = checkOf('other');
const everything = { hosts: [], labels: {}, runbooks: [], severities: [] };

function count(
  plan: HostPlan,
  { match, to }: { match?: Partial<MessageRoute['match']>; to?: string } = {},
): string | undefined {
  const made = wholeDefinitions([plan], remediationOf(to === undefined ? {} : { page: to }));
  const route = { name: 'a', to: ['x'], continues: false, quiet: [], match: { ...everything, ...match } };
  const messages = { routes: match === undefined ? [] : [route] };
  return untoldChecks({ ...made, daemon: { ...made.daemon, messages } }, 'mendd.yaml')?.message;
}

test('a check without an action is counted unless a route takes it in some state', () => {
  const plan = planOf([running, other], [], 'web-1');
  const both = 'nobody would be told of a problem of 2 of 2 checks: web-1/app.running and 1 more';
  expect(count(plan)).toBe(both);
  expect(count(plan, { to: 'oncall' })).toBe(both);
  expect(count(plan, { match: { hosts: ['db-*'] } })).toBe(both);
  expect(count(plan, { match: { runbooks: ['web'] } })).toBe(both);
  expect(count(plan, { match: { severities: ['warning'] } })).toBeUndefined();
  expect(count(plan, { match: { hosts: ['web-*'] } })).toBeUndefined();
});

test('an action is enough when it tells itself, or when `remediation.page` hears that it gave up', () => {
  const repaired = planOf([running], [ladderOf([restart])], 'web-1');
  expect(count(repaired)).toBe('nobody would be told of a problem of 1 of 1 checks: web-1/app.running');
  expect(count(repaired, { to: 'oncall' })).toBeUndefined();
  expect(count(planOf([running], [ladderOf([restart, page])], 'web-1'))).toBeUndefined();
  expect(count(planOf([running], [ladderOf([restart, { ...page, enabled: false }])], 'web-1'))).toContain(
    '1 of 1',
  );
});
