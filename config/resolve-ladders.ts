/**
 * Owns the way from the actions of one runbook to ladders: what starts them, the order of rungs, what follows a recovery.
 * Single actions are read in config/resolve-actions.ts.
 */
import {
  hostCheck,
  type LadderDefinition,
  type SourcePlace,
  type TriggerDefinition,
} from '../core/definitions.ts';
import { whenSchema } from './action-schema.ts';
import { findLoops, loopWords } from './loops.ts';
import { formatPlace, suggest } from './problems.ts';
import { type ReadAction, readAction } from './resolve-actions.ts';
import type { ResolvedChecks, RunbookContext } from './resolve-checks.ts';
import { isMapTree, keyPlace, mapEntries, placeOf, treeAt } from './yaml-tree.ts';
import { hasUnknownKey } from './zod-problems.ts';

export function resolveLadders(context: RunbookContext, checks: ResolvedChecks): LadderDefinition[] {
  const actions = new Map<string, ReadAction>();
  for (const [name, entry] of mapEntries(context.tree, ['actions']))
    actions.set(name, readAction(context, name, entry));
  const next = nextRungs(context, actions);
  const ladders: LadderDefinition[] = [];
  for (const root of actions.values()) {
    const trigger = triggerOf(context, root, checks);
    const rungs = rungsOf(root, next);
    if (trigger?.check === hostCheck) refuseOnDownHost(context, rungs);
    warnOfVerify(context, root, rungs, checks);
    if (trigger === undefined || root.action === undefined) continue;
    const definitions = rungs.flatMap(({ action }) => action ?? []);
    ladders.push({ id: root.action.id, runbook: context.id, trigger, rungs: definitions });
  }
  const healed = healedChecks(actions);
  for (const each of actions.values()) ladders.push(...recoveriesOf(context, each, healed, checks.names));
  return ladders;
}

function rungsOf(root: ReadAction, next: ReadonlyMap<string, ReadAction>): ReadAction[] {
  const rungs = new Set<ReadAction>();
  let rung: ReadAction | undefined = root;
  while (rung !== undefined && !rungs.has(rung)) {
    rungs.add(rung);
    rung = next.get(rung.name);
  }
  return [...rungs];
}

/** Each action's next rung. Only one action may follow another, so that the way up is never a choice. */
function nextRungs(
  { problems, tree }: RunbookContext,
  actions: ReadonlyMap<string, ReadAction>,
): Map<string, ReadAction> {
  const next = new Map<string, ReadAction>();
  const edges = new Map<string, string[]>();
  for (const action of actions.values()) {
    const { after } = action.parts;
    if (after === undefined) continue;
    if (!actions.has(after)) {
      const hint = suggest(
        after,
        [...actions.keys()].filter((name) => name !== action.name),
      );
      problems.add(afterPlace(action), `there is no action \`${after}\` in this runbook`, hint);
      continue;
    }
    if (actions.get(after)?.entry.tree.entries.has('on_recovery') === true) {
      const hint = 'it is no rung of a ladder; write `on_recovery` here too';
      problems.add(afterPlace(action), `nothing comes after \`${after}\`, which follows a recovery`, hint);
      continue;
    }
    edges.set(action.name, [after]);
    const taken = next.get(after);
    if (taken === undefined) {
      next.set(after, action);
      continue;
    }
    const hint = `\`${taken.name}\` follows it at ${formatPlace(afterPlace(taken))}; let one come after the other`;
    problems.add(afterPlace(action), `\`${after}\` has a next rung already`, hint);
  }
  for (const loop of findLoops(edges)) {
    const first = actions.get(loop[0] ?? '');
    const place = first === undefined ? tree.place : afterPlace(first);
    problems.add(
      place,
      `\`after\` goes in a circle: ${loopWords(loop)}`,
      'one of them must start with `when`',
    );
  }
  return next;
}

function afterPlace({ entry }: ReadAction): SourcePlace {
  return treeAt(entry.tree, ['after'])?.place ?? entry.keyPlace;
}

function triggerOf(
  context: RunbookContext,
  { entry, parts }: ReadAction,
  { names, checks }: ResolvedChecks,
): TriggerDefinition | undefined {
  const { id, problems } = context;
  // As written: a wrong key beside it must not hide a dangling name.
  const named = treeAt(entry.tree, ['when', 'check']);
  if (typeof named?.value === 'string' && !names.has(named.value)) {
    problems.add(
      named.place,
      `there is no check \`${named.value}\` in this runbook`,
      suggest(named.value, names),
    );
    return undefined;
  }
  if (!checkWhen(context, entry)) return undefined;
  const { when } = parts;
  if (when === undefined || entry.tree.entries.has('after')) return undefined;
  const { state = ['warning', 'critical', 'unknown'], times: count, within: withinMs } = when;
  const check = when.check === undefined ? undefined : checks.get(when.check);
  const fewest = when.host !== undefined || count !== undefined ? 1 : (check?.maxAttempts ?? 3);
  if (count !== undefined && withinMs !== undefined && check?.timing.kind === 'interval') {
    const everyMs = Math.min(check.timing.everyMs, check.retryEveryMs ?? Number.POSITIVE_INFINITY);
    if ((count - 1) * everyMs > withinMs) {
      const hint = 'write a longer `within`, fewer `times`, or let the check run more often';
      problems.add(
        placeOf(entry.tree, ['when', 'times']),
        `\`times\`: \`${check.name}\` does not run that often`,
        hint,
      );
    }
  }
  return {
    check: when.host === undefined ? `${id}.${when.check}` : hostCheck,
    on: 'problem',
    states:
      when.host === undefined ? [...new Set(typeof state === 'string' ? [state] : state)] : ['critical'],
    attempts: when.attempts ?? fewest,
    forMs: when.for ?? 0,
    ...(count === undefined || withinMs === undefined ? {} : { times: { count, withinMs } }),
  };
}

/** Which keys of `when` stand together; false when they make no trigger. */
function checkWhen({ problems }: RunbookContext, { tree }: ReadAction['entry']): boolean {
  const when = treeAt(tree, ['when']);
  if (when === undefined || !isMapTree(when)) return false;
  const found = problems.problems.length;
  const has = (key: string): boolean => when.entries.has(key);
  for (const key of has('host') ? ['check', 'state', 'times', 'within'].filter(has) : []) {
    const hint = `\`host: down\` needs no more than \`for\` and \`attempts\`; delete \`${key}\`, or make two actions`;
    problems.add(keyPlace(when, key), `\`${key}\` stands beside \`host\``, hint);
  }
  for (const [key, other, example] of [
    ['times', 'within', 'within: 10m'],
    ['within', 'times', 'times: 3'],
  ] as const) {
    if (!has(key) || has(other) || has('host')) continue;
    problems.add(keyPlace(when, key), `\`${key}\` stands without \`${other}\``, `write also \`${example}\``);
  }
  if (!has('check') && !has('host') && !hasUnknownKey(whenSchema, when)) {
    const hint = 'write `check:` and its name, or `host: down`';
    problems.add(keyPlace(tree, 'when'), '`check` is missing', hint);
  }
  return problems.problems.length === found;
}

/** Only another result can show that a repair helped, and a passive check cannot be asked for one. */
function warnOfVerify(
  { problems }: RunbookContext,
  root: ReadAction,
  rungs: readonly ReadAction[],
  { checks }: ResolvedChecks,
): void {
  const check = checks.get(root.parts.when?.check ?? '');
  if (check?.probe.kind !== 'passive') return;
  for (const { name, entry, action } of rungs) {
    const isMessage = action?.effect.kind === 'notify' || action?.effect.kind === 'webhook';
    if (action === undefined || isMessage || entry.tree.entries.has('verify')) continue;
    problems.warn(
      entry.keyPlace,
      `\`${name}\` is verified by the next result of \`${check.name}\`, which is passive and may come late`,
      'write `verify: { within: ... }` long enough for it, and let the repair tell a result with `mendd submit` when it has ended',
    );
  }
}

/** What needs the host cannot help while it is down. */
function refuseOnDownHost({ problems }: RunbookContext, rungs: readonly ReadAction[]): void {
  for (const { name, entry, action } of rungs) {
    const kind = action?.effect.kind;
    if (kind === 'reboot' || kind === 'systemd_restart') {
      const hint = 'the host cannot be reached; use `run` with `run_on: local`, `webhook` or `notify`';
      problems.add(keyPlace(entry.tree, kind), `\`${kind}\` in a ladder of \`host: down\``, hint);
    } else if (kind === 'command' && action?.runOn.kind === 'target') {
      const hint = 'the host cannot be reached; use `run_on: local`';
      problems.add(entry.keyPlace, `\`${name}\` would run on a host that is down`, hint);
    }
  }
}

/** Names of the checks, and of the host itself, that some ladder of the runbook is for: with `when` as written. */
function healedChecks(actions: ReadonlyMap<string, ReadAction>): {
  checks: ReadonlySet<string>;
  host: boolean;
} {
  const written = (key: string): string[] =>
    [...actions.values()].flatMap(({ entry }) => {
      const value = treeAt(entry.tree, ['when', key])?.value;
      return typeof value === 'string' ? [value] : [];
    });
  return { checks: new Set(written('check')), host: written('host').length > 0 };
}

/** One ladder of one rung for each problem whose end is waited for. */
function recoveriesOf(
  { id, problems }: RunbookContext,
  { entry, parts, action }: ReadAction,
  healed: ReturnType<typeof healedChecks>,
  names: ReadonlySet<string>,
): LadderDefinition[] {
  const wanted = parts.on_recovery;
  if (wanted === undefined) return [];
  const place = placeOf(entry.tree, ['on_recovery']);
  if (wanted !== true && !names.has(wanted)) {
    problems.add(place, `there is no check \`${wanted}\` in this runbook`, suggest(wanted, names));
    return [];
  }
  if (wanted !== true && !healed.checks.has(wanted)) {
    const hint = 'write an action with `when: { check: ... }` for it, or name another';
    problems.add(
      place,
      `no action of this runbook is for the check \`${wanted}\``,
      suggest(wanted, healed.checks, hint),
    );
    return [];
  }
  if (healed.checks.size === 0 && !healed.host) {
    const hint = 'write an action with `when`, or delete `on_recovery`';
    problems.add(place, 'no action of this runbook is started by a problem', hint);
    return [];
  }
  if (wanted === true && healed.host && healed.checks.has(hostCheck)) {
    const hint = 'give the check another name, or write `on_recovery: host` for the check alone';
    problems.add(
      place,
      `\`on_recovery\`: the check \`${hostCheck}\` and the host itself have one name`,
      hint,
    );
    return [];
  }
  const checks = wanted === true ? [...healed.checks] : [wanted];
  const all = [
    ...checks.map((name): [name: string, check: string] => [name, `${id}.${name}`]),
    ...(wanted === true && healed.host ? [[hostCheck, hostCheck] as [string, string]] : []),
  ];
  if (action === undefined) return [];
  return all.map(([name, check]) => ({
    id: all.length === 1 ? action.id : `${action.id}.${name}`,
    runbook: id,
    trigger: { check, on: 'recovery', states: [], attempts: 0, forMs: 0 },
    rungs: [action],
  }));
}
