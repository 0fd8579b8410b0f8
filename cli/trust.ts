/** `mendd trust`: actions that failed too often and may do less than they are defined to; a person gives the trust back. */
import type { Command } from 'commander';
import { fullNames } from '../core/names.ts';
import type { TrustRow } from './api-types.ts';
import {
  type ApiOptions,
  addCommand,
  type ChangeOptions,
  openSession,
  withApi,
  withChange,
  withReason,
  withTag,
} from './command.ts';
import { usageError } from './exit.ts';
import type { Column } from './output.ts';
import { plain } from './plain-text.ts';
import { showInstant } from './times.ts';

export function addTrust(program: Command): void {
  const trust = addCommand(program, 'trust', 'actions that lost trust: show them, give it back', [
    'trust',
    "trust promote queue-workers.restart --reason 'the unit file is mended'",
  ]);
  const list = addCommand(trust, 'list', 'actions that lost trust, and why', ['trust list'], {
    isDefault: true,
  });
  withApi(list).action(async (options: ApiOptions) => {
    const { client, out } = await openSession(options);
    const rows = await client.list<TrustRow>('/api/v1/trust');
    out.list('demoted', rows, trustColumns, 'No action has lost trust.');
  });
  const promote = addCommand(trust, 'promote <action>', 'let an action do again what its definition says', [
    "trust promote restart --reason 'the unit file is mended'",
  ]);
  withReason(withTag(withChange(promote))).action(
    async (named: string, options: ChangeOptions & { reason: string; tag?: string }) => {
      const { client, out } = await openSession(options);
      const demoted = await client.list<TrustRow>('/api/v1/trust');
      const names = fullNames(
        named,
        demoted.map((row) => row.action),
      );
      // What is not demoted, or not clear, is for the daemon to refuse.
      const action = names.length === 1 && names[0] !== undefined ? names[0] : named;
      // Asked again it is not demoted any more, and the short name means nothing.
      if (options.key !== undefined && !named.includes('.'))
        throw usageError('--key needs the full name of the action.', `Write ${action}.`);
      const path = `/api/v1/trust/${encodeURIComponent(action)}/promote`;
      const { reason, tag } = options;
      const answer = await client.post<{ action: string; mode: string }>(path, { reason }, tag);
      out.value(answer, () => [
        `${plain(answer.action)} is trusted again; its mode is ${plain(answer.mode)}.`,
      ]);
    },
  );
}

export const trustColumns: readonly Column<TrustRow>[] = [
  { title: 'ACTION', cell: ({ action }) => action },
  { title: 'AT MOST', cell: ({ mode }) => mode, hue: () => 'warn' },
  { title: 'SINCE', cell: ({ since }) => showInstant(since) },
  { title: 'BY', cell: ({ by }) => by },
  { title: 'TAG', cell: ({ tag }) => tag },
  { title: 'WHY', cell: ({ reason }) => reason },
];
