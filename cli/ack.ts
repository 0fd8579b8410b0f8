/** `mendd ack`: takes one problem on oneself, so that nothing acts on it; and gives it back. */
import type { Command } from 'commander';
import { hostCheck } from '../core/definitions.ts';
import { exitCodes } from '../core/errors.ts';
import type { SuppressionRow } from './api-types.ts';
import {
  addCommand,
  type ChangeOptions,
  type MaybeReason,
  openSession,
  type Session,
  withChange,
} from './command.ts';
import { CommandError, usageError } from './exit.ts';
import { type CheckTarget, resolveTarget, splitTarget } from './names.ts';
import { plain } from './plain-text.ts';
import {
  type EndOptions,
  endOf,
  type ListOptions,
  listSuppressions,
  removeSuppression,
  whenText,
  withEnd,
  withListFilter,
} from './suppressions.ts';

interface AckOptions extends ListOptions, EndOptions, ChangeOptions {
  reason?: string;
  sticky: boolean;
  remove: boolean;
}

export function addAck(program: Command): void {
  const summary = 'take a problem on yourself: nothing acts on it until it ends; alone: list those taken';
  const command = addCommand(program, 'ack [host/check]', summary, [
    "ack web-1/running --reason 'the disk is ordered'",
    "ack web-1/host --reason 'is being carried to the other room' --for 2h",
    'ack web-1/running --remove',
    'ack',
  ]);
  withListFilter(withEnd(withChange(command)))
    .option('--reason <text>', 'why; recorded with your name')
    .option('--sticky', 'hold also when the problem changes between WARNING and CRITICAL', false)
    .option('--remove', 'give it back', false)
    .action(ack);
}

async function ack(target: string | undefined, options: AckOptions): Promise<void> {
  if (target === undefined) {
    const { reason, for: lasts, until, key, remove, sticky, dryRun } = options;
    if ((reason ?? lasts ?? until ?? key) !== undefined || remove || sticky || dryRun === true)
      throw usageError('Which problem?', 'Write HOST/CHECK.');
    await listSuppressions('acknowledgement', options);
    return;
  }
  if (options.host !== undefined || options.label !== undefined)
    throw usageError('--host and --label are for the list.', 'Leave them out, or leave out HOST/CHECK.');
  const wanted = splitTarget(target);
  const hint = `Write ${wanted.host}/CHECK, or ${wanted.host}/${hostCheck} for the trouble of the host itself.`;
  if (wanted.check === undefined) throw usageError(`\`${target}\` names no check.`, hint);
  const reason = options.reason?.trim() ?? '';
  if (!options.remove && reason === '') throw usageError('It needs --reason: everybody sees it.');
  if (options.remove && options.key !== undefined)
    throw usageError('--key is for taking a problem.', 'Leave it out; to give it back twice does no harm.');
  const end = endOf(options, false);
  const session = await openSession(options);
  const { host, check = '' } =
    wanted.check === hostCheck ? wanted : await resolveTarget(session.client, wanted);
  if (options.remove) await giveBack(session, { host, check }, reason === '' ? {} : { reason });
  else await take(session, { host, check, reason, sticky: options.sticky, ...end });
}

interface AckBody {
  host: string;
  check: string;
  reason: string;
  sticky: boolean;
  for?: string;
  until?: string;
}

async function take({ client, out }: Session, body: AckBody): Promise<void> {
  const made = await client.post<SuppressionRow>('/api/v1/acknowledgements', body);
  out.value(made, () => [
    `${plain(`${body.host}/${body.check}`)} is yours: nothing acts on it ${whenText(made)}.`,
  ]);
}

async function giveBack(
  { client, out }: Session,
  { host, check }: CheckTarget,
  why: MaybeReason,
): Promise<void> {
  const rows = await client.list<SuppressionRow>('/api/v1/suppressions', { kind: 'acknowledgement' });
  const taken = rows.filter(
    (row) => row.kind === 'acknowledgement' && row.host === host && row.check === check,
  );
  if (taken.length === 0)
    throw new CommandError(exitCodes.failed, `Nobody has acknowledged ${host}/${check}.`, {
      hint: '`mendd ack` lists what was.',
    });
  const ended: SuppressionRow[] = [];
  for (const { id } of taken) ended.push(await removeSuppression(client, id, why));
  out.value({ ended }, () => [`${plain(`${host}/${check}`)} is given back; actions may run again.`]);
}
