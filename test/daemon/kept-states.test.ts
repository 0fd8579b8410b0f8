import { expect, test } from 'vitest';
import type { HostPlan } from '../../core/definitions.ts';
import { initialHostState } from '../../core/engine.ts';
import { loadStates, type StateSources } from '../../daemon/kept-states.ts';
import { checkStatusOf, hostStatusOf, startMs } from '../store/support/samples.ts';
import { checkOf, planOf, remediationOf } from '../support/definitions.ts';
import { wholeDefinitions } from '../support/whole-definitions.ts';

const status = checkStatusOf({ attempt: 7 });
const hostStatus = hostStatusOf({ lastSeenAtMs: startMs });

function loaded(plans: HostPlan[], places: string[], hosts: string[], inMemory = new Map()) {
  const checks = places.map((place) => {
    const [host = '', check = ''] = place.split(' ');
    return { host, check, status };
  });
  let reads = 0;
  const sources: StateSources = {
    store: {
      loadChecks: () => ((reads += 1), checks),
      loadHosts: () => hosts.map((host) => ({ host, status: hostStatus })),
    },
    coordinator: { summaries: () => [], approvals: () => [] },
    nowMs: startMs,
    memoryMs: 0,
  };
  const outcome = loadStates(wholeDefinitions(plans, remediationOf()), inMemory, sources);
  return { ...outcome, reads };
}

const plan = planOf([checkOf('a'), checkOf('b')], []);

test('what the store knows is taken over, and what it does not know is new', () => {
  const { states } = loaded([plan, planOf([checkOf('a')], [], 'web-2')], ['web-1 app.a'], ['web-1']);
  const fresh = initialHostState(plan, startMs);
  expect(states.get('web-1')).toEqual({
    ...fresh,
    host: hostStatus,
    checks: { 'app.a': status, 'app.b': fresh.checks['app.b'] },
  });
  expect(states.get('web-2')?.host).toEqual(fresh.host);
});

test.each([
  ['nothing is stored', [], [], false],
  ['all that is stored is defined', ['web-1 app.a', 'web-1 app.b'], ['web-1'], false],
  ['a check is gone', ['web-1 app.a', 'web-1 app.gone'], ['web-1'], true],
  ['a host is gone', [], ['web-1', 'web-9'], true],
  ['a check of a host that is gone', ['web-9 app.a'], [], true],
] as const)('others are told of: %s', (_, places, hosts, hasOthers) => {
  expect(loaded([plan], [...places], [...hosts]).hasOthers).toBe(hasOthers);
});

test('the store is not read when all hosts are in memory', () => {
  const state = initialHostState(plan, startMs);
  const { states, reads, hasOthers } = loaded([plan], ['web-1 app.a'], [], new Map([['web-1', state]]));
  expect([states.get('web-1'), reads, hasOthers]).toEqual([state, 0, false]);
});
