/**
 * Owns the way from one action as it is written to its definition: defaults by kind, keys that would mean nothing.
 * Ladders are built in config/resolve-ladders.ts; whether a rung may act is decided in core/.
 */
import type { ActionDefinition, EffectDefinition, GuardDefinition, RunLimit } from '../core/definitions.ts';
import { effectKey, effectOf } from './action-effects.ts';
import { type ActionInput, actionSchema, type EffectKey } from './action-schema.ts';
import { milliseconds } from './fields.ts';
import { itemNamePattern } from './names.ts';
import { type RunbookContext, sudoOf } from './resolve-checks.ts';
import { type Entry, isMapTree, keyPlace, placeOf } from './yaml-tree.ts';
import { hasUnknownKey, readPartly } from './zod-problems.ts';

export interface ReadAction {
  name: string;
  entry: Entry;
  parts: Partial<ActionInput>;
  /** Absent when something is wrong with it. */
  action?: ActionDefinition;
}

/** Messages change nothing on a host. */
const messages: readonly string[] = ['webhook', 'notify'] satisfies EffectKey[];
const recoveries: readonly string[] = ['run', ...messages];

const uselessForMessages = [
  'sudo',
  'run_on',
  'env',
  'verify',
  'guard',
  'before',
  'require_evidence',
  'min_uptime',
  'human_intent',
  'chronic',
  'demote',
];

export function readAction(context: RunbookContext, name: string, entry: Entry): ReadAction {
  const { problems } = context;
  const { tree } = entry;
  if (typeof tree.value === 'string') {
    problems.add(tree.place, 'shared actions by name are not supported yet', 'write the action itself here');
    return { name, entry, parts: {} };
  }
  const { whole, parts } = readPartly(actionSchema, tree, name, problems);
  if (!isMapTree(tree)) return { name, entry, parts };
  checkStart(context, name, entry);
  const key = effectKey(context, name, entry);
  if (key !== undefined) refuseUseless(context, key, entry, parts);
  checkGuard(context, entry, parts);
  const effect = key === undefined ? undefined : effectOf(context, key, parts, entry);
  if (whole === undefined || effect === undefined || !itemNamePattern.test(name))
    return { name, entry, parts };
  return { name, entry, parts, action: actionOf(context.id, name, entry, whole, effect) };
}

/** Exactly one of the three says when an action is considered. */
function checkStart({ problems }: RunbookContext, name: string, { tree, keyPlace: place }: Entry): void {
  const has = (key: string): boolean => tree.entries.has(key);
  if (has('when') && has('after')) {
    const hint = 'a later rung starts when the one before is exhausted; delete `when`';
    problems.add(keyPlace(tree, 'when'), '`when` stands beside `after`', hint);
  }
  if (has('on_recovery') && (has('when') || has('after'))) {
    const other = has('when') ? 'when' : 'after';
    const hint = `what follows a recovery is no rung of a ladder; delete \`${other}\`, or make two actions`;
    problems.add(keyPlace(tree, 'on_recovery'), `\`on_recovery\` stands beside \`${other}\``, hint);
  }
  if (['when', 'after', 'on_recovery'].some(has) || hasUnknownKey(actionSchema, tree)) return;
  const hint = 'write `when: { check: ... }`, or `after:` the action before it, or `on_recovery: true`';
  problems.add(place, `the action \`${name}\` is never started`, hint);
}

/** Keys that would be ignored are refused. */
function refuseUseless(
  { problems }: RunbookContext,
  kind: EffectKey,
  { tree }: Entry,
  parts: Partial<ActionInput>,
): void {
  const refuse = (key: string, why: string): void => {
    if (tree.entries.has(key))
      problems.add(keyPlace(tree, key), `\`${key}\` means nothing ${why}`, 'delete it');
  };
  const recovery = tree.entries.has('on_recovery');
  if (messages.includes(kind)) {
    for (const key of uselessForMessages) refuse(key, `for \`${kind}\``);
  } else if (recovery) {
    for (const key of ['chronic', 'demote']) refuse(key, 'beside `on_recovery`');
  }
  if (recovery && !recoveries.includes(kind)) {
    const hint = 'after a recovery write `run`, `webhook` or `notify`';
    problems.add(keyPlace(tree, kind), `\`${kind}\` stands beside \`on_recovery\``, hint);
  }
  if (parts.require_evidence === true && parts.before === false) {
    const hint = 'it would never run; delete one of the two';
    problems.add(
      keyPlace(tree, 'require_evidence'),
      '`require_evidence` stands beside `before: false`',
      hint,
    );
  }
  if (parts.run_on !== 'local' || messages.includes(kind)) return;
  if (kind === 'reboot') {
    const place = placeOf(tree, ['run_on']);
    problems.add(place, '`reboot` on `local` would reboot the ops box', 'delete `run_on`');
  }
  if (parts.human_intent === true) refuse('human_intent', 'with `run_on: local`');
  if ((parts.min_uptime ?? 0) > 0) refuse('min_uptime', 'with `run_on: local`');
  if (parts.require_evidence === true && parts.before === undefined) {
    const hint = 'it would never run; write `before`, or delete it';
    problems.add(
      keyPlace(tree, 'require_evidence'),
      '`require_evidence`: with `run_on: local` there is none without `before`',
      hint,
    );
  }
}

function checkGuard({ problems }: RunbookContext, { tree }: Entry, { guard }: Partial<ActionInput>): void {
  if (guard === undefined) return;
  if (guard.max_concurrent === undefined && guard.min_healthy === undefined) {
    const hint = 'write `max_concurrent`, `min_healthy` or both';
    problems.add(keyPlace(tree, 'guard'), '`guard` has no limit', hint);
  }
  if (guard.min_healthy !== 100) return;
  const hint = 'the host it is for is not healthy itself; write less';
  problems.add(placeOf(tree, ['guard', 'min_healthy']), '`min_healthy`: with 100% it would never run', hint);
}

function actionOf(
  runbook: string,
  name: string,
  entry: Entry,
  input: ActionInput,
  effect: EffectDefinition,
): ActionDefinition {
  const message = messages.includes(effect.kind);
  const reboots = effect.kind === 'reboot';
  const runOn = input.run_on ?? 'target';
  const onHost = !message && runOn === 'target';
  const repairs = !message && input.on_recovery === undefined;
  const sudo = sudoOf(input.sudo);
  const guard = guardOf(input.guard);
  return {
    id: `${runbook}.${name}`,
    runbook,
    name,
    effect,
    enabled: input.enabled,
    mode: input.mode,
    approveWithinMs: input.approve_within,
    timeoutMs: input.timeout,
    ...(sudo === undefined ? {} : { sudo }),
    runOn: { kind: runOn },
    verify: { withinMs: input.verify.within, staysOkMs: input.verify.stays_ok },
    cooldownMs: input.cooldown,
    maxRuns: input.max_runs ?? (reboots ? perTime(1, '6h') : perTime(3, '1h')),
    ...(guard === undefined ? {} : { guard }),
    evidence: evidenceOf(input.before, onHost),
    requireEvidence: input.require_evidence,
    minUptimeMs: input.min_uptime ?? (reboots ? milliseconds('5m') : 0),
    humanIntent: input.human_intent ?? onHost,
    chronic: repairs ? orNever(input.chronic, perTime(reboots ? 3 : 5, '1d')) : null,
    demote: repairs ? orNever(input.demote, { failures: 5, recurrences: 10 }) : null,
    env: input.env ?? {},
    source: entry.keyPlace,
  };
}

function perTime(runs: number, time: string): RunLimit {
  return { runs, perMs: milliseconds(time) };
}

/** `false` is never; nothing written is the default. */
function orNever<T>(written: T | false | undefined, otherwise: T): T | null {
  return written === false ? null : (written ?? otherwise);
}

function evidenceOf(before: ActionInput['before'], onHost: boolean): ActionDefinition['evidence'] {
  if (typeof before === 'string') return { kind: 'command', run: before };
  return { kind: before === undefined && onHost ? 'standard' : 'none' };
}

function guardOf(input: ActionInput['guard']): GuardDefinition | undefined {
  if (input === undefined) return undefined;
  const { per, max_concurrent: maxConcurrent, min_healthy: minHealthyPercent } = input;
  return {
    ...(per === undefined ? {} : { per }),
    ...(maxConcurrent === undefined ? {} : { maxConcurrent }),
    ...(minHealthyPercent === undefined ? {} : { minHealthyPercent }),
  };
}
