/**
 * Owns the way from `remediation` to its checked form: groups, brake, self-doubt, what its keys mean together. The limits
 * are kept in core/.
 */
import type { HostDefinition } from '../core/definitions.ts';
import type { BrakeRule, GroupLimit, RemediationConfig } from '../core/remediation-config.ts';
import { formatPlace, type ProblemList, suggest } from './problems.ts';
import { type RemediationInput, remediationKeys } from './remediation-schema.ts';
import type { SecretReader } from './secrets.ts';
import { placeOf, type Tree, treeAt } from './yaml-tree.ts';
import { readPartly } from './zod-problems.ts';

export interface RemediationContext {
  /** Of the whole daemon file. */
  tree: Tree;
  /** Absent when hosts files have problems: then no label is judged. */
  hosts: ReadonlyMap<string, HostDefinition> | undefined;
  /** Absent when `notify` has problems. */
  notifyNames: readonly string[] | undefined;
  secrets: SecretReader;
  problems: ProblemList;
}

/** The checked form, or undefined with every reason among the problems. */
export function resolveRemediation(
  whole: RemediationInput | undefined,
  context: RemediationContext,
): RemediationConfig | undefined {
  const { tree, notifyNames, secrets, problems } = context;
  const written = treeAt(tree, ['remediation']);
  const parts =
    whole ?? (written && readPartly(remediationKeys, written, 'remediation', problems).parts) ?? {};
  const { page } = parts;
  if (page !== undefined && notifyNames?.includes(page) === false) {
    problems.add(
      placeOf(tree, ['remediation', 'page']),
      `\`page\`: \`${page}\` is not under \`notify\``,
      suggest(page, notifyNames, 'define it under `notify`'),
    );
  }
  const webhookPlace = placeOf(tree, ['remediation', 'audit_webhook']);
  const auditWebhook =
    parts.audit_webhook && secrets.read(parts.audit_webhook, 'url', 'audit_webhook', webhookPlace);
  const groups = groupsOf(parts.groups ?? [], context);
  const brake = brakeOf(parts.brake ?? false, context);
  if (whole === undefined) return undefined;
  const { self_doubt: doubt, human_intent: human } = whole;
  return {
    mode: whole.mode,
    maxRuns: whole.max_runs,
    maxConcurrent: whole.max_concurrent,
    maxRunsPerHost: whole.max_runs_per_host,
    groups,
    brake,
    selfDoubt: {
      stallMs: doubt.stall,
      canaries: doubt.canaries,
      gateway: doubt.gateway,
      dns: doubt.dns,
      everyMs: doubt.every,
      changedAbovePercent: doubt.changed_above,
      changedWithinMs: doubt.changed_within,
      changedMin: doubt.changed_min,
    },
    humanIntent: {
      lockFiles: human.lock_files,
      ...(human.login_within === undefined ? {} : { loginWithinMs: human.login_within }),
    },
    ...(page === undefined ? {} : { page }),
    ...(auditWebhook === undefined ? {} : { auditWebhook }),
  };
}

function groupsOf(groups: RemediationInput['groups'], context: RemediationContext): GroupLimit[] {
  const { tree, problems } = context;
  return groups.map(({ of: label, max_runs: maxRuns, max_concurrent: maxConcurrent }, index) => {
    const path = ['remediation', 'groups', index];
    refuseUnknownLabel(label, [...path, 'of'], context);
    const earlier = groups.findIndex((each) => each.of === label);
    if (earlier < index) {
      const first = formatPlace(placeOf(tree, ['remediation', 'groups', earlier, 'of']));
      const hint = `also at ${first}; put both limits into one`;
      problems.add(placeOf(tree, [...path, 'of']), `groups of \`${label}\` are limited twice`, hint);
    }
    if (maxRuns === undefined && maxConcurrent === undefined) {
      const hint = 'write `max_runs`, `max_concurrent` or both';
      problems.add(placeOf(tree, path), `groups of \`${label}\` have no limit`, hint);
    }
    return {
      label,
      ...(maxRuns === undefined ? {} : { maxRuns }),
      ...(maxConcurrent === undefined ? {} : { maxConcurrent }),
    };
  });
}

function brakeOf(brake: RemediationInput['brake'], context: RemediationContext): BrakeRule | null {
  if (brake === false) return null;
  const label = brake.of;
  if (brake.unhealthy_above === 100) {
    context.problems.add(
      placeOf(context.tree, ['remediation', 'brake', 'unhealthy_above']),
      '`unhealthy_above`: more than 100% is never unhealthy',
      'write less, or `brake: false` to turn it off',
    );
  }
  if (label !== undefined) refuseUnknownLabel(label, ['remediation', 'brake', 'of'], context);
  return {
    unhealthyAbovePercent: brake.unhealthy_above,
    minUnhealthy: brake.min_unhealthy,
    ...(label === undefined ? {} : { label }),
    release: brake.release,
  };
}

/** A misspelt label would be a limit that holds nothing back. */
function refuseUnknownLabel(
  label: string,
  path: readonly PropertyKey[],
  { tree, hosts, problems }: RemediationContext,
): void {
  if (hosts === undefined) return;
  const known = new Set([...hosts.values()].flatMap((host) => Object.keys(host.labels)));
  if (known.has(label)) return;
  const hint = suggest(label, known, 'give hosts that label, or take this out');
  problems.add(placeOf(tree, path), `no host has the label \`${label}\``, hint);
}
