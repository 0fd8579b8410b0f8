/** Says which routes a problem takes, and of each route why or why not. Pure; globs are matched by what is handed in. */
import type { Severity } from './daemon-config.ts';
import type { MessageRoute } from './messages-config.ts';

export interface RouteSubject {
  host: string;
  labels: Readonly<Record<string, string>>;
  runbook: string;
  check: string;
  severity: Severity;
}

export interface RouteVerdict {
  route: string;
  taken: boolean;
  /** A sentence's end: `the severity is warning, not critical`. */
  why: string;
}

/** Whether a name is covered by a list of names and globs, where an empty list covers all. */
export type Covers = (patterns: readonly string[], name: string) => boolean;

/** Of all routes, in order; those behind the deciding one are not looked at. */
export function judgeRoutes(
  routes: readonly MessageRoute[],
  subject: RouteSubject,
  covers: Covers,
): RouteVerdict[] {
  let decided: string | undefined;
  return routes.map((route) => {
    const { name } = route;
    if (decided !== undefined) return { route: name, taken: false, why: `${decided} decided already` };
    const misfit = misfitOf(route, subject, covers);
    if (misfit !== undefined) return { route: name, taken: false, why: misfit };
    if (!route.continues) decided = name;
    return { route: name, taken: true, why: route.continues ? 'it matches, and goes on' : 'it matches' };
  });
}

/** Those that are taken. */
export function routesOf(
  routes: readonly MessageRoute[],
  subject: RouteSubject,
  covers: Covers,
): MessageRoute[] {
  const verdicts = judgeRoutes(routes, subject, covers);
  return routes.filter((_route, index) => verdicts[index]?.taken === true);
}

function misfitOf({ match }: MessageRoute, subject: RouteSubject, covers: Covers): string | undefined {
  const { host, labels, runbook, severity } = subject;
  if (!covers(match.hosts, host)) return `${host} is not among its hosts`;
  const label = Object.entries(match.labels).find(([name, value]) => labels[name] !== value);
  if (label !== undefined) return `the label ${label[0]} is ${labels[label[0]] ?? 'absent'}, not ${label[1]}`;
  if (!covers(match.runbooks, runbook)) return `${runbook} is not among its runbooks`;
  if (match.severities.length > 0 && !match.severities.includes(severity))
    return `the severity is ${severity}, not ${match.severities.join(' or ')}`;
  return undefined;
}

/** What members of one group share, by `group.by`; undefined without a group. */
export function sharedBy(
  { group }: MessageRoute,
  { host, labels, runbook, check }: RouteSubject,
): Record<string, string> | undefined {
  if (group === undefined) return undefined;
  const of = (word: string): string => {
    if (word === 'host') return host;
    if (word === 'runbook') return runbook;
    return word === 'check' ? check : (labels[word.replace(/^label:/, '')] ?? '');
  };
  return Object.fromEntries(group.by.map((word) => [word.replace(/^label:/, ''), of(word)]));
}
