/** Owns the way from `messages` to its checked form: names that exist, schedules that fire, templates that can be rendered. */
import type {
  DigestRule,
  MessageRoute,
  MessagesConfig,
  MessageWords,
  QuietRule,
} from '../core/messages-config.ts';
import { isTimezone, judgeCron, refuseTimezone } from './cron.ts';
import { judgeMessageTemplate } from './message-templates.ts';
import type { MessagesInput } from './messages-schema.ts';
import { formatPlace, type ProblemList, suggest } from './problems.ts';
import type { QuietInput } from './quiet-schema.ts';
import { globHint, globProblem, onlyLeavesOut, onlyLeavesOutHint, withoutMark } from './selectors.ts';
import { placeOf, type Tree, treeAt } from './yaml-tree.ts';

interface Context {
  /** Of the whole daemon file. */
  tree: Tree;
  /** Absent when `notify` has problems. */
  targets: readonly string[] | undefined;
  nowMs: number;
  problems: ProblemList;
}

/** The reasons against what is wrong are among the problems. */
export function resolveMessages(input: MessagesInput, context: Context): MessagesConfig {
  const known = new Map<string, readonly string[]>();
  const routes = input.routes.map((route, index) => {
    const path = ['messages', 'routes', String(index)];
    judgeName(route.name, path, known, context);
    return resolveRoute(route, path, context);
  });
  const open = routes.findIndex((route) => !route.continues && matchesAll(route));
  const behind = open < 0 ? undefined : routes[open + 1];
  if (behind !== undefined) {
    const place = placeOf(context.tree, ['messages', 'routes', String(open + 1)]);
    const hint = `\`${routes[open]?.name}\` before it matches everything; move that one to the end, or give it \`continue: true\``;
    context.problems.warn(place, `the route \`${behind.name}\` is never looked at`, hint);
  }
  const digest = input.digest && resolveDigest(input.digest, context);
  return { routes, ...(digest === undefined ? {} : { digest }) };
}

function matchesAll({ match }: MessageRoute): boolean {
  const { hosts, labels, runbooks, severities } = match;
  return hosts.length + runbooks.length + severities.length + Object.keys(labels).length === 0;
}

function judgeName(
  name: string,
  path: readonly string[],
  known: Map<string, readonly string[]>,
  { tree, targets, problems }: Context,
): void {
  const place = placeOf(tree, [...path, 'name']);
  const earlier = known.get(name);
  if (earlier !== undefined) {
    const at = formatPlace(placeOf(tree, [...earlier, 'name']));
    problems.add(place, `there are two routes \`${name}\``, `the other is at ${at}; give one another name`);
  } else if (targets?.includes(name) === true) {
    const hint = 'a `notify` action names either; give the route another name';
    problems.add(place, `\`${name}\` is a name under \`notify\` as well`, hint);
  }
  known.set(name, path);
}

function resolveRoute(
  input: MessagesInput['routes'][number],
  path: readonly string[],
  context: Context,
): MessageRoute {
  const { tree } = context;
  const { name, match, group, repeat, page_after: pageAfterMs } = input;
  judgeTargets(input.to, [...path, 'to'], context);
  for (const key of ['hosts', 'runbooks'] as const) judgeGlobs(match[key], [...path, 'match', key], context);
  const words = resolveWords(input, treeAt(tree, path), context.problems);
  return {
    name,
    match: {
      hosts: match.hosts,
      labels: match.labels,
      runbooks: match.runbooks,
      severities: match.severity,
    },
    to: [...new Set(input.to)],
    continues: input.continue,
    ...(group === undefined
      ? {}
      : { group: { by: group.by, waitMs: group.wait, intervalMs: group.interval } }),
    ...(repeat === undefined ? {} : { repeat: { everyMs: repeat.every, times: repeat.times } }),
    quiet: resolveQuiet(input.quiet, [...path, 'quiet'], context),
    ...(pageAfterMs === undefined ? {} : { pageAfterMs }),
    ...(words === undefined ? {} : { words }),
  };
}

/** Of a route or a target. `path`: where they stand in the daemon file. */
export function resolveQuiet(
  inputs: readonly QuietInput[],
  path: readonly string[],
  context: Pick<Context, 'tree' | 'nowMs' | 'problems'>,
): QuietRule[] {
  return inputs.map((input, index) => {
    judgeSchedule(input, [...path, String(index)], context);
    const { schedule: cron, timezone, lasts: lastsMs, pass } = input;
    return { cron, timezone, lastsMs, pass };
  });
}

/** Where templates of messages stand in the daemon file: of a target, and of a route. */
export function isMessageWords(path: readonly string[]): boolean {
  const [section, , third, fourth] = path;
  const key = section === 'notify' ? third : fourth;
  const depth = section === 'notify' ? 3 : 4;
  const isThere = section === 'notify' || section === 'messages';
  return isThere && path.length === depth && (key === 'subject' || key === 'text');
}

/** Of a route or a target; undefined when neither is written. */
export function resolveWords(
  { subject, text }: { subject?: string | undefined; text?: string | undefined },
  tree: Tree | undefined,
  problems: ProblemList,
): MessageWords | undefined {
  judgeMessageTemplate(tree?.entries.get('subject')?.tree, problems);
  judgeMessageTemplate(tree?.entries.get('text')?.tree, problems);
  if (subject === undefined && text === undefined) return undefined;
  return { ...(subject === undefined ? {} : { subject }), ...(text === undefined ? {} : { text }) };
}

function resolveDigest(input: NonNullable<MessagesInput['digest']>, context: Context): DigestRule {
  const { schedule: cron, timezone, to, empty } = input;
  judgeTargets(to, ['messages', 'digest', 'to'], context);
  judgeSchedule(input, ['messages', 'digest'], context);
  return { cron, timezone, to: [...new Set(to)], empty };
}

function judgeTargets(
  names: readonly string[],
  path: readonly string[],
  { tree, targets, problems }: Context,
): void {
  if (targets === undefined) return;
  names.forEach((name, index) => {
    if (targets.includes(name)) return;
    const place = placeOf(tree, [...path, String(index)]);
    const hint = targets.length === 0 ? 'define it under `notify`' : suggest(name, targets);
    problems.add(place, `\`to\`: \`${name}\` is not under \`notify\``, hint);
  });
}

function judgeGlobs(patterns: readonly string[], path: readonly string[], { tree, problems }: Context): void {
  patterns.forEach((written, index) => {
    const problem = globProblem(withoutMark(written));
    if (problem !== undefined)
      problems.add(placeOf(tree, [...path, String(index)]), `\`${written}\`: ${problem}`, globHint);
  });
  if (onlyLeavesOut(patterns))
    problems.add(placeOf(tree, path), `\`${patterns[0]}\` only leaves out`, onlyLeavesOutHint);
}

function judgeSchedule(
  { schedule, timezone }: { schedule: string; timezone: string },
  path: readonly string[],
  { tree, nowMs, problems }: Pick<Context, 'tree' | 'nowMs' | 'problems'>,
): void {
  const isKnown = isTimezone(timezone);
  if (!isKnown) refuseTimezone(timezone, placeOf(tree, [...path, 'timezone']), problems);
  const verdict = judgeCron(schedule, isKnown ? timezone : 'UTC', nowMs);
  const place = placeOf(tree, [...path, 'schedule']);
  if ('problem' in verdict) problems.add(place, `\`schedule\`: ${verdict.problem}`, verdict.hint);
  else if (verdict.warning !== undefined)
    problems.warn(place, `\`schedule\`: ${verdict.warning.text}`, `use ${verdict.warning.hint}`);
}
