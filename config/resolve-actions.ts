/**
 * Owns the way from the actions of one runbook to ladders: one kind each, defaults, `after` chains. Whether a rung may act
 * is decided in core/.
 */
import type {
  ActionDefinition,
  EffectDefinition,
  LadderDefinition,
  SourcePlace,
} from '../core/definitions.ts';
import { type ActionInput, actionSchema, type EffectKey, effectKeys } from './action-schema.ts';
import { milliseconds } from './fields.ts';
import { findLoops, loopWords } from './loops.ts';
import { itemNamePattern } from './names.ts';
import { formatPlace, suggest } from './problems.ts';
import { type ResolvedChecks, type RunbookContext, sudoOf } from './resolve-checks.ts';
import { type Entry, isMapTree, keyPlace, mapEntries, treeAt } from './yaml-tree.ts';
import { hasUnknownKey, readPartly } from './zod-problems.ts';

interface ReadAction {
  name: string;
  entry: Entry;
  parts: Partial<ActionInput>;
  /** Absent when something is wrong with it. */
  action?: ActionDefinition;
}

export function resolveLadders(context: RunbookContext, checks: ResolvedChecks): LadderDefinition[] {
  const written = mapEntries(context.tree, ['actions']);
  const actions = new Map<string, ReadAction>();
  for (const [name, entry] of written) actions.set(name, readAction(context, name, entry));
  const next = nextRungs(context, actions);
  const ladders: LadderDefinition[] = [];
  for (const root of actions.values()) {
    const trigger = triggerOf(context, root, checks);
    if (trigger === undefined || root.action === undefined) continue;
    const rungs: ActionDefinition[] = [];
    const seen = new Set<string>();
    for (
      let rung: ReadAction | undefined = root;
      rung !== undefined && !seen.has(rung.name);
      rung = next.get(rung.name)
    ) {
      seen.add(rung.name);
      if (rung.action !== undefined) rungs.push(rung.action);
    }
    ladders.push({ id: root.action.id, runbook: context.id, trigger, rungs });
  }
  return ladders;
}

function readAction(context: RunbookContext, name: string, entry: Entry): ReadAction {
  const { problems } = context;
  if (typeof entry.tree.value === 'string') {
    problems.add(
      entry.tree.place,
      'shared actions by name are not supported yet',
      'write the action itself here',
    );
    return { name, entry, parts: {} };
  }
  const { whole, parts } = readPartly(actionSchema, entry.tree, name, problems);
  if (!isMapTree(entry.tree)) return { name, entry, parts };
  const place = (key: string): SourcePlace => entry.tree.entries.get(key)?.keyPlace ?? entry.keyPlace;
  if (entry.tree.entries.has('when') && entry.tree.entries.has('after')) {
    problems.add(
      place('when'),
      '`when` stands beside `after`',
      'a later rung starts when the one before is exhausted; delete `when`',
    );
  } else if (!startsSomehow(entry) && !hasUnknownKey(actionSchema, entry.tree)) {
    problems.add(
      entry.keyPlace,
      `the action \`${name}\` is never started`,
      'write `when: { check: ... }`, or `after:` the action before it',
    );
  }
  const key = effectKey(context, name, entry);
  if (key !== undefined) refuseUseless(context, key, entry, parts);
  const effect = key === undefined ? undefined : effectOf(context, key, parts, entry);
  if (whole === undefined || effect === undefined || !itemNamePattern.test(name))
    return { name, entry, parts };
  const sudo = sudoOf(whole.sudo);
  const action: ActionDefinition = {
    id: `${context.id}.${name}`,
    runbook: context.id,
    name,
    effect,
    enabled: whole.enabled,
    mode: whole.mode,
    timeoutMs: whole.timeout,
    ...(sudo === undefined ? {} : { sudo }),
    runOn: { kind: whole.run_on ?? 'target' },
    verify: { withinMs: whole.verify.within, staysOkMs: whole.verify.stays_ok },
    cooldownMs: whole.cooldown,
    maxRuns: whole.max_runs ?? {
      runs: effect.kind === 'reboot' ? 1 : 3,
      perMs: milliseconds(effect.kind === 'reboot' ? '6h' : '1h'),
    },
    ...(whole.before === undefined ? {} : { before: whole.before }),
    env: whole.env ?? {},
    source: entry.keyPlace,
  };
  return { name, entry, parts, action };
}

function startsSomehow({ tree }: Entry): boolean {
  return tree.entries.has('when') || tree.entries.has('after');
}

function effectKey({ problems }: RunbookContext, name: string, entry: Entry): EffectKey | undefined {
  const keys = (Object.keys(effectKeys) as EffectKey[]).filter((key) => entry.tree.entries.has(key));
  const [first, second] = keys;
  if (first === undefined) {
    if (hasUnknownKey(actionSchema, entry.tree)) return undefined;
    const hint = `write one of ${Object.keys(effectKeys).join(', ')}`;
    problems.add(entry.keyPlace, `the action \`${name}\` does nothing`, hint);
  } else if (second !== undefined) {
    const hint = 'an action does one thing; make it two rungs with `after`';
    problems.add(keyPlace(entry.tree, second), `\`${second}\` stands beside \`${first}\``, hint);
    return undefined;
  }
  return first;
}

/** Keys that would be ignored are refused. */
function refuseUseless(
  { problems }: RunbookContext,
  kind: EffectKey,
  entry: Entry,
  parts: Partial<ActionInput>,
): void {
  const tellsOnly = kind === 'webhook' || kind === 'notify';
  for (const key of tellsOnly ? ['sudo', 'run_on', 'env', 'before', 'verify'] : []) {
    if (!entry.tree.entries.has(key)) continue;
    problems.add(keyPlace(entry.tree, key), `\`${key}\` means nothing for \`${kind}\``, 'delete it');
  }
  if (kind === 'reboot' && parts.run_on === 'local') {
    const place = treeAt(entry.tree, ['run_on'])?.place ?? entry.keyPlace;
    problems.add(place, '`reboot` on `local` would reboot the ops box', 'delete `run_on`');
  }
}

function effectOf(
  { problems, secrets, notifyNames }: RunbookContext,
  key: EffectKey,
  parts: Partial<ActionInput>,
  entry: Entry,
): EffectDefinition | undefined {
  const place = treeAt(entry.tree, [key])?.place ?? entry.keyPlace;
  if (key === 'run') return parts.run === undefined ? undefined : { kind: 'command', run: parts.run };
  if (key === 'systemd_restart') {
    return parts.systemd_restart === undefined
      ? undefined
      : { kind: 'systemd_restart', unit: parts.systemd_restart };
  }
  if (key === 'reboot') {
    const { reboot } = parts;
    if (reboot === undefined) return undefined;
    return typeof reboot === 'number'
      ? { kind: 'reboot', backWithinMs: reboot, command: 'systemctl reboot' }
      : { kind: 'reboot', backWithinMs: reboot.back_within, command: reboot.command };
  }
  if (key === 'webhook') {
    const { webhook } = parts;
    if (webhook === undefined) return undefined;
    const [text, method] = 'url' in webhook ? [webhook.url, webhook.method] : [webhook, 'POST' as const];
    const url = secrets.read(text, 'url', 'webhook', treeAt(entry.tree, ['webhook', 'url'])?.place ?? place);
    return url === undefined ? undefined : { kind: 'webhook', url, method };
  }
  const to = parts.notify;
  if (to === undefined || notifyNames === undefined) return undefined;
  if (notifyNames.includes(to)) return { kind: 'notify', to };
  const hint =
    notifyNames.length === 0 ? 'define it under `notify` of the daemon file' : suggest(to, notifyNames);
  problems.add(place, `\`notify\`: \`${to}\` is not under \`notify\` of the daemon file`, hint);
  return undefined;
}

/** Each action's next rung. Only one action may follow another, so that the way up is never a choice. */
function nextRungs(
  { problems, tree }: RunbookContext,
  actions: ReadonlyMap<string, ReadAction>,
): Map<string, ReadAction> {
  const next = new Map<string, ReadAction>();
  const edges = new Map<string, string[]>();
  const afterPlace = ({ entry }: ReadAction): SourcePlace =>
    treeAt(entry.tree, ['after'])?.place ?? entry.keyPlace;
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

function triggerOf(
  { id, problems }: RunbookContext,
  { entry, parts }: ReadAction,
  { names, checks }: ResolvedChecks,
): LadderDefinition['trigger'] | undefined {
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
  const { when } = parts;
  if (when === undefined || entry.tree.entries.has('after')) return undefined;
  const { state = ['warning', 'critical', 'unknown'] } = when;
  return {
    check: `${id}.${when.check}`,
    states: [...new Set(typeof state === 'string' ? [state] : state)],
    attempts: when.attempts ?? checks.get(when.check)?.maxAttempts ?? 3,
  };
}
