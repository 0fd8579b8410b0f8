/**
 * Owns the way from one silences file to suppressions: times, windows, what they cover. Whether one is in force is decided
 * in core/.
 */
import { type HostDefinition, hostCheck } from '../core/definitions.ts';
import type { DowntimeWindow, Matcher, Suppression } from '../core/safety.ts';
import { readSchedule } from './cron.ts';
import { type ProblemList, suggest } from './problems.ts';
import {
  anyOf,
  coversSome,
  emptyMatcherHint,
  globHint,
  globProblem,
  onlyLeavesOut,
  onlyLeavesOutHint,
  saysNothing,
  withoutMark,
} from './selectors.ts';
import {
  type DowntimeInput,
  downtimeSchema,
  type MatchInput,
  silenceSchema,
  silencesFileSchema,
} from './suppression-schema.ts';
import { type Entry, keyPlace, placeOf, type Tree, treeAt } from './yaml-tree.ts';
import { readPartly } from './zod-problems.ts';

export interface SuppressionContext {
  /** Relative to the definitions; with the line it makes the id. */
  file: string;
  problems: ProblemList;
  nowMs: number;
  /** Absent when hosts files have problems: then what is covered is not judged. */
  hosts?: ReadonlyMap<string, HostDefinition>;
  /** Absent when runbooks have problems. */
  checkIds?: readonly string[];
}

/** All that are right; the reasons against the others are among the problems. */
export function resolveSuppressions(tree: Tree, context: SuppressionContext): Suppression[] {
  const { problems } = context;
  readPartly(silencesFileSchema, tree, 'silences file', problems);
  const entries = (key: string): Entry[] => {
    const list = treeAt(tree, [key]);
    return Array.isArray(list?.value) ? [...list.entries.values()] : [];
  };
  const read = [
    ...entries('silences').map((entry) => readSilence(context, entry.tree)),
    ...entries('downtimes').map((entry) => readDowntime(context, entry.tree)),
  ];
  const lines = new Set<number>();
  for (const { place } of [...entries('silences'), ...entries('downtimes')].map((entry) => entry.tree)) {
    if (lines.has(place.line)) {
      const hint = 'start each on a line of its own; its name is its line';
      problems.add(place, 'another silence or downtime begins on this line', hint);
    }
    lines.add(place.line);
  }
  return read.filter((each) => each !== undefined);
}

function readSilence(context: SuppressionContext, tree: Tree): Suppression | undefined {
  const { whole, parts } = readPartly(silenceSchema, tree, 'silence', context.problems);
  const { from: startsAtMs = 0, until: endsAtMs } = parts;
  const match = parts.match && matcherOf(context, parts.match, tree);
  checkSpan(context, tree, parts, 'silence');
  if (whole === undefined || match === undefined || endsAtMs === undefined) return undefined;
  return { ...said(context, tree, whole), kind: 'silence', match, startsAtMs, endsAtMs };
}

function readDowntime(context: SuppressionContext, tree: Tree): Suppression | undefined {
  const { whole, parts } = readPartly(downtimeSchema, tree, 'downtime', context.problems);
  const match = parts.match && matcherOf(context, parts.match, tree);
  const window = windowOf(context, tree, parts);
  if (whole === undefined || match === undefined || window === undefined) return undefined;
  return { ...said(context, tree, whole), kind: 'downtime', match, window };
}

function said(
  { file }: SuppressionContext,
  tree: Tree,
  { by, reason }: { by: string; reason: string },
): Pick<Suppression, 'id' | 'by' | 'reason' | 'createdAtMs' | 'origin'> {
  return { id: `${file}:${tree.place.line}`, by, reason, createdAtMs: 0, origin: 'definitions' };
}

/** One of three forms; keys of the others are refused. */
function windowOf(
  context: SuppressionContext,
  tree: Tree,
  parts: Partial<DowntimeInput>,
): DowntimeWindow | undefined {
  const { problems, nowMs } = context;
  const has = (key: string): boolean => tree.entries.has(key);
  if (has('schedule')) {
    for (const key of ['from', 'until', 'flexible'].filter(has)) {
      const hint = 'a downtime has one form; make two of it';
      problems.add(keyPlace(tree, key), `\`${key}\` stands beside \`schedule\``, hint);
    }
    if (!has('lasts')) {
      const hint = 'write how long it lasts each time, for example `lasts: 2h`';
      problems.add(keyPlace(tree, 'schedule'), '`schedule` stands without `lasts`', hint);
    }
    return recurringOf(context, tree, parts);
  }
  for (const key of ['timezone', 'lasts'].filter(has)) {
    const hint = key === 'lasts' ? 'write `flexible`, or a `schedule`' : 'delete it; a time says its offset';
    problems.add(keyPlace(tree, key), `\`${key}\` means nothing without \`schedule\``, hint);
  }
  const missing = ['from', 'until'].filter((key) => !has(key));
  if (missing.length > 0) {
    const hint = 'write `from` and `until`, or `schedule` and `lasts`';
    problems.add(
      tree.place,
      `\`${missing.join('` and `')}\` ${missing.length > 1 ? 'are' : 'is'} missing`,
      hint,
    );
  }
  const { from: startsAtMs, until: endsAtMs, flexible: lastsMs } = parts;
  checkSpan({ problems, nowMs }, tree, parts, 'downtime');
  if (startsAtMs === undefined || endsAtMs === undefined) return undefined;
  return lastsMs === undefined
    ? { kind: 'fixed', startsAtMs, endsAtMs }
    : { kind: 'flexible', startsAtMs, endsAtMs, lastsMs };
}

function recurringOf(
  { problems, nowMs }: SuppressionContext,
  tree: Tree,
  { schedule, timezone = 'UTC', lasts: lastsMs }: Partial<DowntimeInput>,
): DowntimeWindow | undefined {
  if (schedule === undefined) return undefined;
  const place = placeOf(tree, ['schedule']);
  if (schedule.trim().split(/\s+/).length === 6) {
    const hint = 'write five fields: minute, hour, day, month and weekday';
    problems.add(place, '`schedule`: a downtime begins with a minute, not a second', hint);
    return undefined;
  }
  const timezonePlace = placeOf(tree, ['timezone']);
  const read = readSchedule({ schedule, place, timezone, timezonePlace }, nowMs, problems);
  return read && lastsMs !== undefined ? { kind: 'recurring', ...read, lastsMs } : undefined;
}

function checkSpan(
  { problems, nowMs }: Pick<SuppressionContext, 'problems' | 'nowMs'>,
  tree: Tree,
  { from = 0, until }: { from?: number | undefined; until?: number | undefined },
  what: string,
): void {
  if (until === undefined) return;
  const place = placeOf(tree, ['until']);
  if (until <= from) problems.add(place, '`until` is not after `from`', 'swap them, or mend one');
  else if (until <= nowMs) problems.warn(place, `this ${what} is over`, 'delete it');
}

function matcherOf(
  context: SuppressionContext,
  { hosts = [], labels = {}, checks = [] }: MatchInput,
  tree: Tree,
): Matcher | undefined {
  const { problems } = context;
  const found = problems.problems.length;
  const match: Matcher = { hosts, labels, checks };
  const place = placeOf(tree, ['match']);
  if (saysNothing(match)) problems.add(place, '`match` is empty', emptyMatcherHint);
  for (const [key, patterns] of [
    ['hosts', hosts],
    ['checks', checks],
  ] as const) {
    if (onlyLeavesOut(patterns))
      problems.add(placeOf(tree, ['match', key]), `\`${key}\` only leaves out`, onlyLeavesOutHint);
    for (const [index, written] of patterns.entries()) {
      const problem = globProblem(withoutMark(written));
      if (problem === undefined) continue;
      problems.add(placeOf(tree, ['match', key, index]), `\`${written}\`: ${problem}`, globHint);
    }
  }
  if (problems.problems.length > found) return undefined;
  warnOfNothing(context, match, tree);
  return match;
}

/** What covers nothing now may do so later, when hosts and runbooks change; told it is all the same. */
function warnOfNothing({ hosts, checkIds, problems }: SuppressionContext, match: Matcher, tree: Tree): void {
  const names = hosts && [...hosts.keys()];
  const known = checkIds && [hostCheck, ...checkIds];
  let warned = false;
  for (const [key, patterns, things, thing] of [
    ['hosts', match.hosts, names, 'host'],
    ['checks', match.checks, known, 'check'],
  ] as const) {
    for (const [index, written] of patterns.entries()) {
      const pattern = withoutMark(written);
      if (things === undefined || things.some(anyOf([pattern]))) continue;
      const place = placeOf(tree, ['match', key, index]);
      problems.warn(
        place,
        `\`${written}\` matches no ${thing}`,
        suggest(pattern, things, 'delete it, or mend it'),
      );
      warned = true;
    }
  }
  if (warned || hosts === undefined || coversSome(match, hosts)) return;
  problems.warn(placeOf(tree, ['match']), 'this covers no host at present', 'mend it, or delete it');
}
