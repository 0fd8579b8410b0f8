/** `mendd approvals`: what mendd asks before it acts, each with the exact command and how far it reaches. */
import type { Command } from 'commander';
import type { ApprovalRow, HostRow } from './api-types.ts';
import { type ApiOptions, addCommand, openSession, withApi } from './command.ts';
import type { Column } from './output.ts';
import { plain } from './plain-text.ts';
import { questionLines, readQuestion } from './questions.ts';
import { showInstant } from './times.ts';

export function addApprovals(program: Command): void {
  const summary =
    'list what waits for your yes, and what was settled in the last seven days; or tell one in full';
  const command = addCommand(program, 'approvals [id]', summary, [
    'approvals',
    "approvals 'web-1~queue-workers.reboot~lx3k2a~1'",
  ]);
  withApi(command).action((id: string | undefined, options: ApiOptions) =>
    id === undefined ? listApprovals(options) : tellApproval(id, options),
  );
}

async function listApprovals(options: ApiOptions): Promise<void> {
  const { client, out } = await openSession(options);
  const rows = await client.list<ApprovalRow>('/api/v1/approvals');
  if (out.format !== 'table' || rows.length === 0) {
    out.list('approvals', rows, settledColumns, 'Nothing is asked.');
    return;
  }
  const waiting = rows.filter(({ status }) => status === 'waiting');
  const settled = rows.filter(({ status }) => status !== 'waiting');
  if (waiting.length === 0) out.talk('Nothing waits for an answer.');
  const hosts = waiting.length === 0 ? [] : await client.list<HostRow>('/api/v1/hosts');
  out.lines([
    ...waiting.flatMap((asked) => [...questionLines(asked, hosts), '']),
    ...(settled.length === 0 ? [] : ['Settled:', ...out.table(settled, settledColumns, '  ')]),
  ]);
  if (waiting.length > 0) out.talk('Answer with `mendd approve ID`, or `mendd reject ID --reason TEXT`.');
}

async function tellApproval(id: string, options: ApiOptions): Promise<void> {
  const { client, out } = await openSession(options);
  const asked = await readQuestion(client, id);
  const hosts = await client.list<HostRow>('/api/v1/hosts');
  out.value(asked, () => [...questionLines(asked, hosts), `  status        ${plain(outcomeOf(asked))}`]);
}

function outcomeOf({ status, decidedAt, decidedBy, answer }: ApprovalRow): string {
  const by = decidedBy === undefined ? '' : ` by ${decidedBy}`;
  const at = decidedAt === undefined ? '' : ` at ${showInstant(decidedAt)}`;
  return `${status}${by}${at}${answer === undefined || answer === '' ? '' : `: ${answer}`}`;
}

const settledColumns: readonly Column<ApprovalRow>[] = [
  {
    title: 'STATUS',
    cell: ({ status }) => status,
    hue: ({ status }) => (status === 'approved' ? 'good' : undefined),
  },
  { title: 'ASKED', cell: ({ createdAt }) => showInstant(createdAt) },
  { title: 'HOST', cell: ({ host }) => host },
  { title: 'ACTION', cell: ({ action }) => action },
  { title: 'BY', cell: ({ decidedBy }) => decidedBy ?? '' },
  { title: 'ID', cell: ({ id }) => id },
  { title: 'ANSWER', cell: ({ answer }) => answer ?? '' },
];
