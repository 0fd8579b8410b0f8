/**
 * Finds the host or check that a path names, or says that there is none and which name may have been meant.
 */

import { fullNames } from '../core/names.ts';
import type { CheckView, DaemonPort, HostView } from '../core/views.ts';
import { RequestProblem } from './problems.ts';

/** Edit distance of `a` and `b` (insert, delete, replace: 1 each). */
function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const replaced = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}

/** Limits: looks at the first 2,000 names; suggests only what differs in at most a third of its letters. */
function nearest(wanted: string, names: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.ceil(wanted.length / 3) + 1;
  for (const name of names.slice(0, 2_000)) {
    if (Math.abs(name.length - wanted.length) >= bestDistance) continue;
    const steps = distance(wanted.toLowerCase(), name.toLowerCase());
    if (steps < bestDistance) {
      best = name;
      bestDistance = steps;
    }
  }
  return best;
}

function notFound(what: string, name: string, names: readonly string[]): RequestProblem {
  const suggestion = nearest(name, names);
  return new RequestProblem(
    404,
    `${what}_unknown`,
    `There is no ${what} "${name}".`,
    suggestion === undefined ? {} : { hint: `Did you mean "${suggestion}"?` },
  );
}

export function findHost(daemon: DaemonPort, name: string): HostView {
  const hosts = daemon.hosts();
  const found = hosts.find((host) => host.name === name);
  if (found !== undefined) return found;
  throw notFound(
    'host',
    name,
    hosts.map((host) => host.name),
  );
}

/** The full name of an action by its short one, where that is clear on this host; what is no name is for the daemon to refuse. */
export function actionName(daemon: DaemonPort, host: string, action: string): string {
  findHost(daemon, host);
  if (action.includes('.')) return action;
  const rungs = daemon.explain(host).flatMap((each) => each.rungs);
  const meant = fullNames(action, [...new Set(rungs.map((rung) => rung.action))]);
  const [only = action] = meant;
  if (meant.length < 2) return only;
  const hint = 'Write the full name.';
  throw new RequestProblem(404, 'not_found', `"${action}" could be ${meant.join(' or ')}.`, { hint });
}

/** By its full name, or by the short one where that is clear on this host. */
export function findCheck(daemon: DaemonPort, host: string, check: string): CheckView {
  const onHost: CheckView[] = [];
  for (const view of daemon.eachCheck(host)) {
    if (view.host !== host) break;
    onHost.push(view);
  }
  const names = onHost.map((view) => view.check);
  const meant = fullNames(check, names);
  const found = onHost.find((view) => view.check === meant[0]);
  if (found !== undefined && meant.length === 1) return found;
  findHost(daemon, host);
  if (found === undefined) throw notFound('check', check, names);
  const hint = 'Write the full name.';
  throw new RequestProblem(404, 'check_unknown', `"${check}" could be ${meant.join(' or ')}.`, { hint });
}
