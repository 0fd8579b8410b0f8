/** `mendd notify route`: who would be told of a check, who is told of it now, and why. */
import { type Command, Option } from 'commander';
import { formatDuration } from '../core/duration.ts';
import { type ApiOptions, addCommand, openSession, withApi } from './command.ts';
import { usageError } from './exit.ts';
import type { RouteStory } from './message-types.ts';
import { resolveTarget, splitTarget } from './names.ts';
import { plain } from './plain-text.ts';
import { showWhen } from './times.ts';

interface RouteOptions extends ApiOptions {
  severity?: string;
}

export function addRoute(notify: Command): void {
  const route = addCommand(notify, 'route <host/check>', 'who would be told of it, and why', [
    'notify route web-1/web.http',
    'notify route web-1/host --severity warning',
  ]);
  withApi(route)
    .addOption(
      new Option('--severity <severity>', 'as if it were so bad').choices([
        'critical',
        'error',
        'warning',
        'info',
      ]),
    )
    .action(tell);
}

async function tell(target: string, { severity, ...options }: RouteOptions): Promise<void> {
  const wanted = splitTarget(target);
  if (wanted.check === undefined) throw usageError(`\`${target}\` names no check.`, 'Write HOST/CHECK.');
  const { client, out } = await openSession(options);
  const { host, check = '' } = wanted.check === 'host' ? wanted : await resolveTarget(client, wanted);
  const path = `/api/v1/notify/route/${encodeURIComponent(host)}/${encodeURIComponent(check)}`;
  const answer = await client.get<RouteStory>(path, { severity });
  out.value(answer, () => linesOf(answer));
}

export function linesOf({ host, check, severity, observing, ladders }: RouteStory): string[] {
  return [
    `${plain(`${host}/${check}`)}, as it would be told when ${severity}:`,
    ...(observing === true ? ['  not yet: in mode observe nobody is told (`remediation.mode`)'] : []),
    ...ladders.flatMap((each) => [
      `  ${each.unwatched === true ? 'no action watches it' : plain(each.ladder)}`,
      ...ladderLines(each).map((line) => `    ${line}`),
    ]),
  ];
}

function ladderLines({ unwatched, own, routes, targets, told }: RouteStory['ladders'][number]): string[] {
  const judged =
    own === undefined
      ? routes.map(({ route, taken, why }) => `${taken ? '+' : '-'} route ${plain(route)}: ${plain(why)}`)
      : [`its own notify action names ${plain(own)}; other routes do not matter`];
  return [
    ...judged,
    ...(targets.length === 0 ? [nobody(unwatched)] : []),
    ...targets.map((target) => targetLine(target, unwatched)),
    ...told.map(({ target, since, hold }) => {
      const fate = since === undefined ? 'is about to be told' : `is told of it since ${showWhen(since)}`;
      return `now: ${plain(target)} ${fate}${hold === undefined ? '' : `; held: ${plain(hold)}`}`;
    }),
  ];
}

function nobody(unwatched: true | undefined): string {
  return unwatched === true
    ? 'nobody is told: no route matches, and remediation.page is not for it'
    : 'nobody is told: no route matches, and there is no remediation.page';
}

type Target = RouteStory['ladders'][number]['targets'][number];

function targetLine(
  { target, route, quietEndsAt, waitMs, pageAfterMs }: Target,
  unwatched: true | undefined,
): string {
  const afterRepairs =
    pageAfterMs === undefined
      ? 'once no repair is left'
      : `after ${formatDuration(pageAfterMs)}, or once no repair is left`;
  const notes = [
    route === undefined ? 'no route matches' : `by ${plain(route)}`,
    ...(waitMs === undefined ? [] : [`in a group, ${formatDuration(waitMs)} after its first problem`]),
    ...(quietEndsAt === undefined ? [] : [`quiet hours until ${showWhen(quietEndsAt)}`]),
    unwatched === true ? 'at once, once it is hard' : afterRepairs,
  ];
  return `=> ${plain(target)}: ${notes.join('; ')}`;
}
