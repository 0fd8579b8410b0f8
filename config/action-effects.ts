/**
 * Owns what an action does: exactly one kind, and the way from its keys to an effect. When and how often is in
 * config/resolve-actions.ts.
 */
import type { EffectDefinition, HookDefinition } from '../core/definitions.ts';
import {
  type ActionInput,
  actionSchema,
  type EffectKey,
  effectKeys,
  type HookInput,
} from './action-schema.ts';
import { milliseconds } from './fields.ts';
import { suggest } from './problems.ts';
import type { RunbookContext } from './resolve-checks.ts';
import { type Entry, keyPlace, treeAt } from './yaml-tree.ts';
import { hasUnknownKey } from './zod-problems.ts';

/** The one thing the action does; undefined with the reason among the problems. */
export function effectKey({ problems }: RunbookContext, name: string, entry: Entry): EffectKey | undefined {
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

export function effectOf(
  { problems, secrets, notifyNames, areNotifyNamesOpen }: RunbookContext,
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
    if (typeof reboot === 'number')
      return { kind: 'reboot', backWithinMs: reboot, command: 'systemctl reboot' };
    return {
      kind: 'reboot',
      backWithinMs: reboot.back_within,
      command: reboot.command,
      ...(reboot.drain === undefined ? {} : { drain: hookOf(reboot.drain) }),
      ...(reboot.undrain === undefined ? {} : { undrain: hookOf(reboot.undrain) }),
    };
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
  if (areNotifyNamesOpen === true) {
    const hint = 'without the daemon file it is not known whether it is';
    problems.warn(place, `\`notify\`: \`${to}\` has to be under \`notify\` of the daemon file`, hint);
  }
  if (notifyNames.includes(to) || areNotifyNamesOpen === true) return { kind: 'notify', to };
  const hint =
    notifyNames.length === 0 ? 'define it under `notify` of the daemon file' : suggest(to, notifyNames);
  problems.add(place, `\`notify\`: \`${to}\` is not under \`notify\` of the daemon file`, hint);
  return undefined;
}

function hookOf(input: HookInput): HookDefinition {
  if (typeof input === 'string')
    return { run: input, runOn: { kind: 'target' }, timeoutMs: milliseconds('2m') };
  return { run: input.run, runOn: { kind: input.run_on }, timeoutMs: input.timeout };
}
