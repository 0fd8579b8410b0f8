/** Answers which hosts and checks a matcher is for, by the definitions in force. Changes nothing. */
import { hostMatcher, matcherProblem, matchesCheck, matchHosts } from '../config/selectors.ts';
import type { CoveragePort } from '../core/coverage-port.ts';
import type { Definitions } from '../core/definitions.ts';
import type { Clock } from '../core/ports.ts';
import type { Matcher, Suppression } from '../core/safety.ts';
import { PlannedDowntimes } from './planned-downtimes.ts';

/** Named in an answer; the numbers count all. */
const examplesLimit = 20;

export function createCoveragePort(
  definitions: () => Definitions,
  suppressions: () => readonly Suppression[],
  clock: Pick<Clock, 'nowMs'>,
): CoveragePort {
  const planned = new PlannedDowntimes(definitions, suppressions);
  return {
    downtimes: (beforeMs) => planned.between(clock.nowMs(), beforeMs),
    of(match) {
      const { hosts, byHost } = definitions();
      const problem = matcherProblem(match, hosts);
      const names = problem === undefined ? matchHosts(match, hosts) : [];
      const examples: { host: string; check: string }[] = [];
      let checks = 0;
      for (const host of names) {
        for (const { id } of byHost.get(host)?.checks ?? []) {
          if (!isForCheck(match, id)) continue;
          checks += 1;
          if (examples.length < examplesLimit) examples.push({ host, check: id });
        }
      }
      return { hosts: names.length, checks, examples, ...(problem === undefined ? {} : { problem }) };
    },
    isFor(suppression, hosts, check) {
      if (suppression.kind === 'acknowledgement')
        return hosts.has(suppression.host) && (check === undefined || suppression.check === check);
      if (check !== undefined && !isForCheck(suppression.match, check)) return false;
      const known = definitions().hosts;
      const covers = hostMatcher(suppression.match);
      return [...hosts].some((name) => {
        const host = known.get(name);
        return host !== undefined && covers(host);
      });
    },
  };
}

function isForCheck(match: Matcher, check: string): boolean {
  return match.checks.length === 0 || matchesCheck(match, check);
}
