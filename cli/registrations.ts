/** `mendd registrations`: hosts that registered themselves, and a person's answer to them. */
import type { Command } from 'commander';
import { type ApiOptions, addCommand, openSession, withApi, withChange, withReason } from './command.ts';
import type { Column } from './output.ts';
import { plain } from './plain-text.ts';
import { showInstant } from './times.ts';

interface RegistrationRow {
  name: string;
  status: 'pending' | 'admitted' | 'changed' | 'rejected';
  told: { address?: string; port?: number; user?: string; labels: Record<string, string> };
  from: string;
  lastAt: string;
  fingerprint?: string;
}

export function addRegistrations(program: Command): void {
  const registrations = addCommand(program, 'registrations', 'hosts that registered themselves', [
    'registrations',
    "registrations admit web-7 --reason 'racked today'",
    "registrations reject web-8 --reason 'not ours'",
  ]);
  const list = addCommand(
    registrations,
    'list',
    'who waits and who was let in, with the fingerprint of the host key to compare',
    ['registrations list'],
    { isDefault: true },
  );
  withApi(list).action(async (options: ApiOptions) => {
    const { client, out } = await openSession(options);
    const rows = await client.list<RegistrationRow>('/api/v1/registrations');
    out.list('registrations', rows, columns, 'No host registered itself.');
  });
  addAnswer(registrations, 'admit', 'let it in as it is told now, and record its host key', 'is let in');
  addAnswer(registrations, 'reject', 'do not let it in, or no longer', 'is not let in');
}

function addAnswer(parent: Command, word: 'admit' | 'reject', summary: string, done: string): void {
  const command = addCommand(parent, `${word} <name>`, summary, [
    `registrations ${word} web-7 --reason 'racked today'`,
  ]);
  withReason(withChange(command)).action(async (name: string, options: ApiOptions & { reason: string }) => {
    const { client, out } = await openSession(options);
    const path = `/api/v1/registrations/${encodeURIComponent(name)}/${word}`;
    const answer = await client.post<RegistrationRow>(path, { reason: options.reason });
    out.value(answer, () => [`${plain(answer.name)} ${done}.`]);
  });
}

const columns: readonly Column<RegistrationRow>[] = [
  { title: 'NAME', cell: ({ name }) => name },
  {
    title: 'STATUS',
    cell: ({ status }) => status,
    hue: ({ status }) => (status === 'admitted' ? 'good' : status === 'rejected' ? 'quiet' : 'warn'),
  },
  { title: 'ADDRESS', cell: ({ told, from }) => told.address ?? from },
  { title: 'FROM', cell: ({ from }) => from },
  { title: 'LAST', cell: ({ lastAt }) => showInstant(lastAt) },
  {
    title: 'LABELS',
    cell: ({ told }) =>
      Object.entries(told.labels)
        .map((pair) => pair.join('='))
        .join(' '),
  },
  { title: 'HOST KEY', cell: ({ fingerprint }) => fingerprint ?? '' },
];
